"""Taking points of one award back: waiting ones first, then posted ones, the rest by the program's policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Sum

from backoffice.actors import Actor
from campaigns.choices import AwardStatus
from campaigns.models import Award, AwardReturn, Grant
from members.models import PurchaseReturn
from points.choices import DebtPolicy, PendingStatus
from points.errors import MemberNotServed, PendingNotOpen
from points.models import Entry, PendingCredit, Program
from points.rules import worth
from points.services import ledger

SOURCE_TYPE = "return"
REASON = "return"


@dataclass(frozen=True, slots=True)
class Taken:
    """What all takings of one return share. `owner_id` is the (locked) member who answers for the points."""

    actor: Actor
    now: datetime
    owner_id: int
    returned: PurchaseReturn


@dataclass(frozen=True, slots=True)
class Due:
    """`points` that an award has to give back, and the first half of the explanation why."""

    award: Award
    points: int
    why: dict[str, Any]


@dataclass(slots=True)
class _Outcome:
    waiting: int = 0
    posted: int = 0
    undone: int = 0
    debt: int = 0
    entry_id: int | None = None


def take_back(due: Due, taken: Taken) -> int:
    """Take what is due and store what became of it; answers the points that the award lost.

    The caller has locked the member and decided `due.points` (from 0 to what the award has left).
    """
    award, outcome = due.award, _Outcome()
    if due.points:
        outcome.waiting = _take_waiting(award, due, taken)
        if award.status == AwardStatus.POSTED:
            _take_posted(award, due, taken, outcome)
        else:
            outcome.undone = due.points - outcome.waiting
    row = _row(due, taken, outcome)
    row.save(force_insert=True)
    award.save(update_fields=["returned", "status", "entry"])
    return row.points


def take_back_posted(dues: Sequence[tuple[Due, Taken]]) -> None:
    """`take_back` of many awards, each posted (or nothing) in the account of who answers for it, whose points
    nothing was taken of before: one round trip to the ledger, in the order given.
    """
    asked = [(due, taken) for due, taken in dues if due.points]
    postings = ledger.reverse_credits(
        [
            ledger.ReverseRow(
                _entry_of(due),
                due.points,
                due.award.program.debt_policy,
                _source(due, taken),
                _context(due, taken),
            )
            for due, taken in asked
        ]
    )
    outcomes = {
        due.award.pk: _Outcome(posted=-posting.points, debt=posting.debt_delta, entry_id=posting.entry_id)
        for (due, _taken), posting in zip(asked, postings, strict=True)
    }
    rows = [_row(due, taken, outcomes.get(due.award.pk, _Outcome())) for due, taken in dues]
    AwardReturn.objects.bulk_create(rows)
    Award.objects.bulk_update([due.award for due, _taken in asked], ["returned"])


def _row(due: Due, taken: Taken, outcome: _Outcome) -> AwardReturn:
    """What became of it as a row that is yet to be stored; the award counts it already."""
    total = outcome.waiting + outcome.posted
    explanation = due.why | {
        "asked": due.points,
        "taken": total,
        "pending": outcome.waiting,
        "debt": outcome.debt,
    }
    if outcome.undone:
        explanation["undone"] = outcome.undone
    short = due.points - total - outcome.undone
    if short and due.award.program.debt_policy == DebtPolicy.REDUCE_REFUND:
        explanation["withheld"] = str(_worth(due.award.program, short))
    due.award.returned += total
    return AwardReturn(
        award=due.award,
        purchase_return=taken.returned,
        asked=due.points,
        points=total,
        entry_id=outcome.entry_id,
        explanation=explanation,
    )


def _entry_of(due: Due) -> int:
    assert due.award.entry_id is not None, "a posted award has its entry"
    return due.award.entry_id


def _source(due: Due, taken: Taken) -> ledger.Source:
    return ledger.Source(SOURCE_TYPE, f"{taken.returned.pk}:{due.award.entry_id}")


def settle_waiting(award: Award | Grant) -> PendingCredit:
    """Bring a waiting award or grant up to its credit, not saved: posted with its entry, or cancelled."""
    assert award.pending_id is not None, "a waiting award has its credit"
    pending = PendingCredit.objects.get(pk=award.pending_id)
    if pending.status == PendingStatus.CONFIRMED:
        award.status = AwardStatus.POSTED
        award.entry = Entry.objects.get(
            account=pending.account_id,
            kind=pending.kind,
            source_type=pending.source_type,
            source_id=pending.source_id,
        )
    elif pending.status == PendingStatus.CANCELLED:
        award.status = AwardStatus.CANCELLED
    return pending


def _take_waiting(award: Award, due: Due, taken: Taken) -> int:
    """S87: points that still wait are taken from there and never touch the balance."""
    if award.status != AwardStatus.PENDING:
        return 0
    pending = settle_waiting(award)
    possible = min(due.points, pending.points)
    if award.status != AwardStatus.PENDING or not possible:
        return 0
    try:
        with transaction.atomic():
            left = ledger.reduce_pending(pending_id=pending.pk, points=possible, context=_context(due, taken))
    except PendingNotOpen:
        # Confirmed between the look and the lock of the account.
        settle_waiting(award)
        return 0
    if not left:
        award.status = AwardStatus.CANCELLED
    return possible


def _take_posted(award: Award, due: Due, taken: Taken, outcome: _Outcome) -> None:
    """Through the ledger, at most what staff have not undone by hand before."""
    entry = award.entry
    assert entry is not None and award.account is not None, "a posted award has its entry"
    undone = Entry.objects.filter(reverses=entry).aggregate(points=Sum("points"))["points"] or 0
    possible = min(due.points, entry.points + undone)
    outcome.undone = due.points - possible
    if not possible:
        return
    is_merged = award.account.member_id != taken.owner_id
    posting = ledger.reverse_credit(
        entry_id=entry.pk,
        points=possible,
        policy=DebtPolicy.DEBT if is_merged else award.program.debt_policy,
        source=_source(due, taken),
        context=_context(due, taken),
    )
    outcome.posted, outcome.entry_id = -posting.points, posting.entry_id
    outcome.debt = posting.debt_delta
    if is_merged and posting.debt:
        _hand_on_debt(award, taken, due)


def _hand_on_debt(award: Award, taken: Taken, due: Due) -> None:
    """A merged member is empty (I53): what his account owes goes to whom he has become, who pays at once.

    The points left with the merge, so the debt follows them whatever the policy. Where the survivor is frozen
    the ledger does not serve him, and the debt stays where it is.
    """
    assert award.account_id is not None, "a posted award has an account"
    survivor = ledger.open_account(member_id=taken.owner_id, program_id=award.program_id, now=taken.now)
    try:
        with transaction.atomic():
            ledger.transfer(
                from_account_id=award.account_id,
                to_account_id=survivor,
                points=None,
                source=ledger.Source(SOURCE_TYPE, f"{taken.returned.pk}:{award.pk}"),
                context=_context(due, taken),
            )
    except MemberNotServed:
        return


def _context(due: Due, taken: Taken) -> ledger.Context:
    store = due.award.purchase.store
    return ledger.Context(
        actor=taken.actor,
        now=taken.now,
        occurred_at=taken.returned.returned_at,
        reason=REASON,
        store_id=store.pk,
        brand_id=store.brand_id,
        explanation=due.why | {"asked": due.points},
    )


def _worth(program: Program, points: int) -> Decimal:
    # Points that only count were never money.
    return worth(program, points) if program.spendable else Decimal("0.00")
