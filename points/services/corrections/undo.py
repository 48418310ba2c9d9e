"""Undone entries: a redemption gives its points back to their lots, an earning gives them up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from backoffice.actors import Actor
from backoffice.errors import OutOfReach
from backoffice.masking import mask_text
from backoffice.services import audit
from members.choices import MemberStatus
from points.choices import EntryKind
from points.errors import InsufficientPoints, MemberNotServed, NotReversible
from points.models import Entry
from points.postings import Context, Posting, Source
from points.services import ledger
from points.services.corrections.guard import reachable_account, refuse_other_store, staff_with
from points.services.messages import tell_member


@dataclass(frozen=True, slots=True)
class UndoResult:
    """An undone entry; `lapsed` points of it came back lapsed (`lapse_entry_id` says so)."""

    posting: Posting
    lapsed: int = 0
    lapse_entry_id: int | None = None


@transaction.atomic
def undo_entry(
    *,
    entry_id: int,
    points: int | None,
    reason: str,
    note: str,
    key: str,
    actor: Actor,
    now: datetime,
    expected_seq: int | None = None,
) -> UndoResult:
    """Undo a redemption (points return to their lots) or an earning (points are taken back), all or a part.

    `points=None` undoes what is left of the entry. Earnings follow the program's debt policy.
    Raises NotAllowed, OutOfReach, OwnCard, OtherStore, NotReversible, AlreadyReversed, BalanceMoved,
    KeyReused.
    """
    user = staff_with(actor, "points.undo_entry")
    entry = Entry.objects.select_related("account__program").filter(pk=entry_id).first()
    if entry is None:
        raise OutOfReach
    account = reachable_account(entry.account_id, user)
    refuse_other_store(entry.store_id, user)
    member = account.member
    if member.status in (MemberStatus.ERASED, MemberStatus.MERGED):
        # Points of a merged member live on with the survivor; those of an erased one with nobody.
        raise MemberNotServed(status=member.get_status_display())
    source = Source("undo", key)
    context = Context(
        actor=actor,
        now=now,
        reason=reason,
        note=mask_text(note),
        store_id=entry.store_id,
        expected_seq=expected_seq,
        explanation={"rule": "undone_by_staff", "entry": entry.pk},
    )
    amount = points if points is not None else left_to_undo(entry, source)
    if entry.kind == EntryKind.SPEND:
        refund = ledger.refund_spend(entry_id=entry.pk, points=amount, source=source, context=context)
        result = UndoResult(refund.posting, refund.lapsed, refund.lapse_entry_id)
    elif entry.kind in (EntryKind.EARN, EntryKind.BONUS, EntryKind.IMPORT):
        policy_code = account.program.debt_policy
        result = UndoResult(
            ledger.reverse_credit(
                entry_id=entry.pk, points=amount, policy=policy_code, source=source, context=context
            )
        )
    else:
        raise NotReversible
    if result.posting.entry_id is None:
        # A policy that only takes what is there found nothing: say so, and let the key be used again.
        raise InsufficientPoints(needed=amount, available=0)
    if not result.posting.replayed:
        audit.record(
            actor=actor,
            action="points.undo",
            subject=entry,
            changes={"points": [None, result.posting.points]},
            reason=f"{reason}: {note}",
            now=now,
        )
        tell_member(entry_id=result.posting.entry_id, lapsed=result.lapsed)
    return result


def left_to_undo(entry: Entry, source: Source | None = None) -> int:
    """How many points of an entry are not undone yet; what `source` has undone before counts as left."""
    reversals = Entry.objects.filter(reverses=entry)
    if source is not None:
        mine = reversals.filter(source_type=source.type, source_id=source.id).values_list("points", flat=True)
        known = mine.first()
        if known is not None:
            return abs(known)
    return abs(entry.points) - sum(abs(p) for p in reversals.values_list("points", flat=True))
