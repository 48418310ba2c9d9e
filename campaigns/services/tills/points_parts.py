"""Points as a part of a reservation: set aside, spent, let go, given back. The caller has the reservation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.db import transaction

from backoffice.actors import Actor
from campaigns.errors import NoSuchProgram, ToldDifferently
from campaigns.models import PointsGivenBack, Reservation, ReservedPoints
from campaigns.selectors import programs_for
from campaigns.till_data import ToldHold
from members.models import PurchaseReturn
from members.purchase_data import CENT
from members.selectors.lineage import survivor_id
from points import rules
from points.choices import HoldStatus
from points.errors import MemberNotServed
from points.models import Account, Hold, Program
from points.postings import Context, Source
from points.services import bills, ledger
from points.services.corrections import left_to_undo

SOURCE_TYPE = "reservation"


@dataclass(frozen=True, slots=True)
class GivenBack:
    """`points` went back to their lots, `lapsed` of them past their last day; `worth` in NT$."""

    points: int
    lapsed: int
    worth: Decimal


def program_of(*, brand_id: int, code: str) -> Program:
    """The program that pays at this brand's tills: of that code, or the default one. Raises NoSuchProgram."""
    able = [program for program in programs_for(brand_id) if program.spendable and program.is_active]
    if code:
        able = [program for program in able if program.code == code]
    able.sort(key=lambda program: (not program.is_default, program.pk))
    if not able:
        raise NoSuchProgram(program=code)
    return able[0]


def set_aside(
    *, reservation: Reservation, brand_id: int, told: ToldHold, actor: Actor, now: datetime
) -> ReservedPoints:
    """Raises NoSuchProgram, BillOutOfRange and what the ledger's `hold` refuses."""
    program, account_id = _account(reservation, brand_id, told.program, now)
    rules.check_bill(program, told.amount, ledger.MAX_POINTS, told.points)
    held = ledger.hold(
        account_id=account_id,
        points=told.points,
        source=_source(reservation, account_id),
        expires_at=reservation.expires_at,
        context=_context(reservation, actor, now, brand_id, {}),
    )
    part = _stored(reservation, account_id, program, told.points, hold_id=held.hold_id)
    part.hold = Hold.objects.get(pk=held.hold_id)
    return part


def spend(
    *, reservation: Reservation, brand_id: int, told: ToldHold, actor: Actor, now: datetime
) -> ReservedPoints:
    """Raises NoSuchProgram, BillOutOfRange and what the ledger's `spend` refuses."""
    program, account_id = _account(reservation, brand_id, told.program, now)
    paid = bills.pay(
        account_id=account_id,
        amount=told.amount,
        points=told.points,
        source=_source(reservation, account_id),
        actor=actor,
        now=now,
        store_id=reservation.store_id,
        brand_id=brand_id,
        occurred_at=reservation.occurred_at,
    )
    return _stored(
        reservation, account_id, program, told.points, entry_id=paid.posting.entry_id, spent=told.points
    )


def capture(
    *, reservation: Reservation, part: ReservedPoints, points: int, actor: Actor, now: datetime
) -> None:
    """Raises HoldNotOpen, HoldTooSmall, MemberNotServed, InvalidPoints."""
    assert part.hold_id is not None, "what was spent at once has no hold"
    why = {
        "rule": "bill",
        "amount": str(reservation.amount),
        "worth": str(worth_of(part, points)),
        "cash_points": part.cash_points,
        "cash_amount": str(part.cash_amount),
        "rule_version": part.account.program.version,
    }
    posting = ledger.capture(
        hold_id=part.hold_id,
        points=points,
        source=_source(reservation, part.account_id),
        context=_context(reservation, actor, now, reservation.store.brand_id, why),
        slide_to=rules.slide_of(part.account.program, now),
    )
    part.entry_id, part.spent = posting.entry_id, points
    part.save(update_fields=["entry", "spent"])


def free(*, reservation: Reservation, part: ReservedPoints, actor: Actor, now: datetime) -> None:
    """Raises HoldNotOpen."""
    assert part.hold_id is not None, "what was spent at once has no hold"
    context = _context(reservation, actor, now, reservation.store.brand_id, {})
    ledger.release(hold_id=part.hold_id, status=HoldStatus.VOIDED, context=context)


def give_back(
    *,
    reservation: Reservation,
    part: ReservedPoints,
    number: str,
    points: int | None,
    actor: Actor,
    now: datetime,
    purchase_return: PurchaseReturn | None = None,
) -> GivenBack:
    """Put spent points back into their lots, once for each number; None: all that are left.

    Where the member has become another by a merge, they go on to whom he has become. Raises AlreadyReversed,
    ToldDifferently, MemberNotServed for an erased member.
    """
    part = (
        ReservedPoints.objects.select_for_update(no_key=True, of=("self",))
        .select_related("entry", "account__program")
        .get(pk=part.pk)
    )
    known = PointsGivenBack.objects.filter(part=part, number=number).first()
    if known is not None:
        if points is not None and points != known.points:
            raise ToldDifferently(number=number)
        return GivenBack(known.points, known.lapsed, worth_of(part, known.points))
    assert part.entry is not None, "only what was spent comes back"
    source = Source("given_back", f"{part.pk}:{number}"[:64])
    wanted = left_to_undo(part.entry, source) if points is None else points
    lapsed, entry_id = 0, None
    if wanted:
        context = _context(reservation, actor, now, reservation.store.brand_id, {})
        refund = ledger.refund_spend(entry_id=part.entry.pk, points=wanted, source=source, context=context)
        lapsed, entry_id = refund.lapsed, refund.posting.entry_id
        _hand_on(part.account, source, context, now)
    PointsGivenBack.objects.create(
        part=part,
        number=number,
        purchase_return=purchase_return,
        entry_id=entry_id,
        points=wanted,
        lapsed=lapsed,
        at=now,
    )
    part.returned += wanted
    part.save(update_fields=["returned"])
    return GivenBack(wanted, lapsed, worth_of(part, wanted))


def worth_of(part: ReservedPoints, points: int) -> Decimal:
    """NT$ that `points` pay at the ratio of the reservation, whatever the program says today."""
    return (part.cash_amount * points / part.cash_points).quantize(CENT, ROUND_DOWN)


def worth_since(*, member_id: int, since: datetime, now: datetime) -> Decimal:
    """NT$ of the points that the member's reservations made after `since` have spent or still hold."""
    made = ReservedPoints.objects.filter(reservation__member=member_id, reservation__created_at__gt=since)
    spent = [worth_of(part, part.spent - part.returned) for part in made.filter(entry__isnull=False)]
    open_holds = made.filter(entry=None, hold__status=HoldStatus.OPEN, hold__expires_at__gt=now)
    return sum([*spent, *(worth_of(part, part.points) for part in open_holds)], Decimal(0))


def _hand_on(account: Account, source: Source, context: Context, now: datetime) -> None:
    """A merged member is empty (I53): what came back goes on to whom he has become."""
    owner_id = survivor_id(account.member_id)
    if owner_id is None or owner_id == account.member_id:
        return
    target = ledger.open_account(member_id=owner_id, program_id=account.program_id, now=now)
    try:
        with transaction.atomic():
            ledger.transfer(
                from_account_id=account.pk, to_account_id=target, points=None, source=source, context=context
            )
    except MemberNotServed:
        return


def _account(reservation: Reservation, brand_id: int, code: str, now: datetime) -> tuple[Program, int]:
    program = program_of(brand_id=brand_id, code=code)
    account_id = ledger.open_account(member_id=reservation.member_id, program_id=program.pk, now=now)
    return program, account_id


def _source(reservation: Reservation, account_id: int) -> Source:
    return Source(SOURCE_TYPE, f"{reservation.pk}:{account_id}")


def _context(
    reservation: Reservation, actor: Actor, now: datetime, brand_id: int, why: dict[str, Any]
) -> Context:
    return Context(
        actor=actor,
        now=now,
        store_id=reservation.store_id,
        brand_id=brand_id,
        explanation=why,
    )


def _stored(
    reservation: Reservation,
    account_id: int,
    program: Program,
    points: int,
    *,
    hold_id: int | None = None,
    entry_id: int | None = None,
    spent: int = 0,
) -> ReservedPoints:
    part = ReservedPoints.objects.create(
        reservation=reservation,
        account_id=account_id,
        hold_id=hold_id,
        entry_id=entry_id,
        points=points,
        spent=spent,
        cash_points=program.cash_points,
        cash_amount=program.cash_amount,
    )
    return part
