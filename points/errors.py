"""Every reason for which the ledger refuses, each with a code and a sentence for people."""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.errors import Refusal


class PointsRefusal(Refusal):
    """Base of all refusals of the ledger. Nothing was written."""


class InsufficientPoints(PointsRefusal):
    code = "insufficient_points"
    sentence = _("Not enough points: %(needed)s needed, %(available)s available.")


class SpendingBlocked(PointsRefusal):
    code = "spending_blocked"
    sentence = _("Spending is blocked for this account.")


class NotSpendable(PointsRefusal):
    code = "not_spendable"
    sentence = _("Points of this program only count; they cannot be spent.")


class MemberNotServed(PointsRefusal):
    code = "member_not_served"
    sentence = _("This member is %(status)s and can neither earn nor spend.")


class KeyReused(PointsRefusal):
    code = "key_reused"
    sentence = _("This key was already used for something else. Start again from the member page.")


class AlreadyReversed(PointsRefusal):
    code = "already_reversed"
    sentence = _("Only %(left)s of these points are left to undo.")


class NotReversible(PointsRefusal):
    code = "not_reversible"
    sentence = _("An entry of this kind cannot be undone.")


class HoldNotOpen(PointsRefusal):
    code = "hold_not_open"
    sentence = _("This hold is no longer open (%(status)s).")


class HoldTooSmall(PointsRefusal):
    code = "hold_too_small"
    sentence = _("The hold covers %(held)s points, not %(needed)s.")


class PendingNotOpen(PointsRefusal):
    code = "pending_not_open"
    sentence = _("These points are no longer waiting.")


class NoSuchEntry(PointsRefusal):
    code = "no_such_entry"
    sentence = _("There is no such ledger entry.")


class InvalidPoints(PointsRefusal):
    code = "invalid_points"
    sentence = _("“%(value)s” is no valid number of points; expected a whole number from 1 to 9,999,999.")


class BalanceMoved(PointsRefusal):
    code = "balance_moved"
    sentence = _("The account changed meanwhile (%(count)s new entries). Look again before you confirm.")


class OwnCard(PointsRefusal):
    code = "own_card"
    sentence = _("You cannot change or approve points of your own card.")


class OwnRequest(PointsRefusal):
    code = "own_request"
    sentence = _("A second person has to approve; you cannot approve your own request.")


class OwnFile(PointsRefusal):
    code = "own_file"
    sentence = _("You approved this file. Somebody else has to take it back.")


class NotWaiting(PointsRefusal):
    code = "not_waiting"
    sentence = _("This request is not waiting for approval (%(status)s).")


class NotAllowed(PointsRefusal):
    code = "not_allowed"
    sentence = _("Your role does not allow this.")


class BillOutOfRange(PointsRefusal):
    code = "bill_out_of_range"
    sentence = _("Between %(least)s and %(most)s points can be used for this bill, in steps of %(step)s.")


class NoSuchAccount(PointsRefusal):
    code = "no_such_account"
    sentence = _("There is no such points account.")


class NotApproved(PointsRefusal):
    code = "not_approved"
    sentence = _("This correction is not approved (%(status)s).")


class PointsHeld(PointsRefusal):
    code = "points_held"
    sentence = _("%(held)s points are held. Release the holds first.")


class NotYetDue(PointsRefusal):
    code = "not_yet_due"
    sentence = _(
        "“%(as_of)s” has not come yet. Points lapse when their time is over; use a dry run to look ahead."
    )


class PointsWaiting(PointsRefusal):
    code = "points_waiting"
    sentence = _("%(pending)s points still wait for confirmation. Merge the members when they are settled.")


class PhoneNotVerified(PointsRefusal):
    code = "phone_not_verified"
    sentence = _(
        "This member's phone is not verified yet, so the points cannot be used. Verify it with a code by "
        "text message first."
    )


class OverLimit(PointsRefusal):
    """Inside the corrections: what was asked needs a second person. `limit` is a LimitKind."""

    code = "over_limit"
    sentence = _("More than %(most)s points need a second person.")


class RequestersCard(PointsRefusal):
    code = "requesters_card"
    sentence = _("The person who asked for this owns the card. Reject the request.")


class MutualApproval(PointsRefusal):
    code = "mutual_approval"
    sentence = _(
        "You two would have approved more than %(above)s points for each other, both ways, within %(days)s "
        "days. Let somebody else decide."
    )


class HoldTooLong(PointsRefusal):
    code = "hold_too_long"
    sentence = _("Points of this program can be held for at most %(days)s days.")


class GraceOvertaken(PointsRefusal):
    code = "grace_overtaken"
    sentence = _(
        "Only %(left)s of these lapsed points are left: the others went back with their earning. "
        "Reject this request, and give what is due by a correction."
    )


class OtherStore(PointsRefusal):
    code = "other_store"
    sentence = _(
        "This happened at another store. Let that store do it, or a person who may approve corrections."
    )


class InvalidLimits(PointsRefusal):
    code = "invalid_limits"
    sentence = _("These limits are not possible: %(why)s")


class LimitsMoved(PointsRefusal):
    code = "limits_moved"
    sentence = _("Somebody else changed these limits meanwhile. Look again before you confirm.")


class FileTooLarge(PointsRefusal):
    code = "file_too_large"
    sentence = _(
        "This file moves %(points)s points; one file may move %(most)s. Split it, or check the numbers."
    )


# SQLSTATE raised by the functions in `points/sql/` -> refusal.
class OpeningRefused(PointsRefusal):
    code = "opening_refused"
    sentence = _("The opening points of card %(card)s were refused (%(why)s). Nothing was brought in.")


class ArchiveUnequal(PointsRefusal):
    code = "archive_unequal"
    sentence = _(
        "Card %(card)s would not have the balance of the archive in %(program)s. Nothing was brought in."
    )


class WaitingLeftBehind(PointsRefusal):
    code = "waiting_left_behind"
    sentence = _(
        "The archive has %(points)s waiting points, which belong to receipts and are not brought back. "
        "Confirm them before you export, or say that they stay behind."
    )


BY_SQLSTATE: dict[str, type[PointsRefusal]] = {
    "SK001": InsufficientPoints,
    "SK002": SpendingBlocked,
    "SK003": NotSpendable,
    "SK004": MemberNotServed,
    "SK005": KeyReused,
    "SK006": AlreadyReversed,
    "SK007": NotReversible,
    "SK008": HoldNotOpen,
    "SK009": HoldTooSmall,
    "SK010": PendingNotOpen,
    "SK011": NoSuchEntry,
    "SK012": InvalidPoints,
    "SK013": BalanceMoved,
    "SK014": NoSuchAccount,
    "SK015": NotApproved,
    "SK016": PointsHeld,
    "SK017": NotYetDue,
    "SK018": PointsWaiting,
    "SK019": PhoneNotVerified,
    "SK020": OverLimit,
    "SK021": OwnCard,
    "SK022": RequestersCard,
    "SK023": MutualApproval,
    "SK024": HoldTooLong,
    "SK025": GraceOvertaken,
}


def refusal_of(error: Exception) -> PointsRefusal | None:
    """What a statement was refused with, where it was one of the ledger's own refusals that ended it."""
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None) or ""
    if not state.startswith("SK"):
        return None
    detail = getattr(getattr(cause, "diag", None), "message_detail", None)
    return refusal(state, json.loads(detail) if detail else {})


def refusal(sqlstate: str, details: dict[str, Any]) -> PointsRefusal | None:
    """The refusal that a SQLSTATE of ours stands for, or None when the database meant something else."""
    kind = BY_SQLSTATE.get(sqlstate)
    return kind(**details) if kind else None
