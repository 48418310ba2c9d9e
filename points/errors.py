"""Every reason for which the ledger refuses, each with a code and a sentence for people."""

from __future__ import annotations

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


# SQLSTATE raised by the functions in `points/sql/` -> refusal.
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
}


def refusal(sqlstate: str, details: dict[str, Any]) -> PointsRefusal | None:
    """The refusal that a SQLSTATE of ours stands for, or None when the database meant something else."""
    kind = BY_SQLSTATE.get(sqlstate)
    return kind(**details) if kind else None
