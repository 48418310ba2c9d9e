"""Undone entries: a redemption gives its points back to their lots, an earning gives them up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from backoffice.actors import Actor
from backoffice.errors import OutOfReach
from backoffice.masking import mask_text
from backoffice.models import User
from backoffice.services import audit
from members.choices import MemberStatus
from points.choices import AdjustmentStatus, EntryKind
from points.errors import (
    AlreadyReversed,
    BalanceMoved,
    InsufficientPoints,
    KeyReused,
    MemberNotServed,
    NotReversible,
    OverLimit,
)
from points.models import Account, Adjustment, Entry
from points.postings import Context, Posting, Source
from points.services import desk_entries, ledger
from points.services.corrections.guard import reachable_account, refuse_other_store, staff_with
from points.services.corrections.requests import store_waiting
from points.services.messages import tell_member


@dataclass(frozen=True, slots=True)
class UndoResult:
    """An undone entry; `lapsed` points of it came back lapsed (`lapse_entry_id` says so).

    `posting` is None while the request `adjustment_id` waits for a second person.
    """

    posting: Posting | None
    lapsed: int = 0
    lapse_entry_id: int | None = None
    adjustment_id: int | None = None
    status: str = AdjustmentStatus.APPLIED


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

    `points=None` undoes what is left of the entry. Earnings follow the program's debt policy. A redemption
    counts on the day's limits like a gift, and above one of them it waits for a second person.
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
        result = _undo_spend(entry, amount, key, context)
    elif entry.kind in (EntryKind.EARN, EntryKind.BONUS, EntryKind.IMPORT):
        debt_policy = account.program.debt_policy
        posting = ledger.reverse_credit(
            entry_id=entry.pk, points=amount, policy=debt_policy, source=source, context=context
        )
        if posting.entry_id is None:
            # A policy that only takes what is there found nothing: say so, and let the key be used again.
            raise InsufficientPoints(needed=amount, available=0)
        result = UndoResult(posting)
    else:
        raise NotReversible
    if result.posting is not None and not result.posting.replayed:
        _tell(entry, result.posting, result.lapsed, context)
    return result


def _undo_spend(entry: Entry, amount: int, key: str, context: Context) -> UndoResult:
    """Undo a redemption within the limits of the day, else let it wait for a second person."""
    user = context.actor.user
    assert user is not None
    waiting = Adjustment.objects.filter(key=_request_key(entry, user, key)).first()
    if waiting:
        return _answer(waiting, amount)
    try:
        refund = desk_entries.undo_spend(
            user_id=user.pk, entry_id=entry.pk, points=amount, key=key, context=context
        )
    except OverLimit as over:
        return _wait(entry, amount, over, user, key, context)
    return UndoResult(refund.posting, refund.lapsed, refund.lapse_entry_id)


def _tell(entry: Entry, posting: Posting, lapsed: int, context: Context) -> None:
    audit.record(
        actor=context.actor,
        action="points.undo",
        subject=entry,
        changes={"points": [None, posting.points]},
        reason=f"{context.reason}: {context.note}",
        now=context.now,
    )
    tell_member(entry_id=posting.entry_id, lapsed=lapsed)


def _wait(entry: Entry, amount: int, over: OverLimit, user: User, key: str, context: Context) -> UndoResult:
    """Store an undo above a limit as a request. Raises AlreadyReversed, BalanceMoved where it is in vain."""
    account = Account.objects.select_for_update().get(pk=entry.account_id)
    if context.expected_seq not in (None, account.seq):
        raise BalanceMoved(count=account.seq - (context.expected_seq or 0))
    left = left_to_undo(entry)
    if not 0 < amount <= left:
        raise AlreadyReversed(left=left)
    request = Adjustment(
        account=account,
        points=amount,
        reason=context.reason,
        note=context.note,
        undoes=entry,
        key=_request_key(entry, user, key),
        over_limit=over.details["limit"],
        requested_by=user,
        created_at=context.now,
    )
    store_waiting(request)
    audit.record(
        actor=context.actor,
        action="points.undo.request",
        subject=request,
        changes={"points": [None, amount], "entry": [None, entry.pk]},
        reason=f"{request.reason}: {request.note}",
        now=context.now,
    )
    return _answer(request, amount)


def _answer(request: Adjustment, amount: int) -> UndoResult:
    if request.points != amount:
        raise KeyReused
    return UndoResult(None, adjustment_id=request.pk, status=request.status)


def _request_key(entry: Entry, user: User, key: str) -> str:
    return f"undo:{entry.pk}:{user.pk}:{key}"


def left_to_undo(entry: Entry, source: Source | None = None) -> int:
    """How many points of an entry are not undone yet; what `source` has undone before counts as left."""
    reversals = list(Entry.objects.filter(reverses=entry).values_list("source_type", "source_id", "points"))
    if source is not None:
        for source_type, source_id, points in reversals:
            if (source_type, source_id) == (source.type, source.id):
                return abs(points)
    return abs(entry.points) - sum(abs(points) for _type, _id, points in reversals)
