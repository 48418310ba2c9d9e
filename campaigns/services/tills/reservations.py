"""One hold for everything that a bill may use (N11): made, committed (also in part), let go, given back.

A reservation has parts. Today there is one kind, points (`points_parts`); coupons, stamps and gift stock join
as further kinds with the same four verbs, called below in the order of the house's locks.

Lock order: reservation, member, account (inside the ledger's functions).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import IntegrityError, transaction

from backoffice.actors import Actor
from campaigns.choices import ReservationState
from campaigns.errors import NoSuchReservation, PaidWithMoney, ReservationClosed, ReservationDiffers
from campaigns.models import Reservation, ReservedPoints
from campaigns.services.tills import points_parts
from campaigns.services.tills.customers import by_card
from campaigns.services.tills.points_parts import GivenBack
from campaigns.services.tills.standing import check_may_pay
from campaigns.services.tills.till import Till
from campaigns.till_data import ToldHold
from members.errors import MembersRefusal
from members.models import Member
from members.selectors.lineage import survivor_id
from members.services.constraints import violated
from points.choices import HoldStatus

# The name of the constraint, as PostgreSQL reports it.
NUMBER_ONCE = "reservation_once"


@dataclass(frozen=True, slots=True)
class Reserved:
    """A reservation after a verb. `worth` is NT$ of what is set aside or, once committed, was spent."""

    reservation: Reservation
    part: ReservedPoints
    state: ReservationState
    worth: Decimal
    replayed: bool


def hold(*, till: Till, told: ToldHold, actor: Actor, now: datetime) -> Reserved:
    """Set points of a member aside for a bill. Told again under its number: the stored one.

    Raises what `by_card` raises, NoSuchProgram, NoSuchAccount, BillOutOfRange, InsufficientPoints,
    SpendingBlocked, PhoneNotVerified, MemberNotServed, HoldTooLong, ReservationDiffers,
    TermsNotAccepted, StepUpNeeded.
    """
    return _once(lambda: _held(till, told, actor, now))


def _held(till: Till, told: ToldHold, actor: Actor, now: datetime) -> Reserved:
    known = _known(till, told)
    if known:
        with suppress(MembersRefusal):
            # A code from a screen is over soon: then the number alone says which hold is meant.
            _refuse_another(known, by_card(till=till, card=told.card, now=now).member.pk)
        return known
    member = by_card(till=till, card=told.card, now=now).member
    minutes = min(told.minutes, settings.TILL_HOLD_MOST_MINUTES)
    reservation = _opened(till, told, member.pk, now, now + timedelta(minutes=minutes), now)
    part = points_parts.set_aside(
        reservation=reservation, brand_id=till.brand_id, told=told, actor=actor, now=now
    )
    check_may_pay(member=member, now=now)
    return state_of(reservation, part, now)


def spend_at_once(
    *, till: Till, told: ToldHold, member_id: int, actor: Actor, now: datetime, occurred_at: datetime
) -> Reserved:
    """Take points for a bill without a hold before. Told again under its number: the stored one.

    Raises like `hold`.
    """
    return _once(lambda: _spent(till, told, member_id, actor, now, occurred_at))


def _spent(
    till: Till, told: ToldHold, member_id: int, actor: Actor, now: datetime, occurred_at: datetime
) -> Reserved:
    known = _known(till, told)
    if known:
        _refuse_another(known, member_id)
        return known
    reservation = _opened(till, told, member_id, now, now, occurred_at)
    part = points_parts.spend(
        reservation=reservation, brand_id=till.brand_id, told=told, actor=actor, now=now
    )
    check_may_pay(member=Member(pk=member_id), now=now)
    _end(reservation, ReservationState.COMMITTED, now)
    return state_of(reservation, part, now)


@transaction.atomic
def commit(*, till: Till, number: str, points: int | None, actor: Actor, now: datetime) -> Reserved:
    """Spend what a hold set aside, all of it or `points`; the rest is free again. Once and for good.

    Committing it again with the same points answers the stored end. Raises NoSuchReservation, HoldTooSmall,
    ReservationClosed (released, lapsed, or committed with other points), MemberNotServed.
    """
    reservation, part = _locked(till, number)
    wanted = part.points if points is None else points
    if reservation.state == ReservationState.COMMITTED and part.spent == wanted:
        return state_of(reservation, part, now, replayed=True)
    _refuse_closed(reservation, part, now)
    points_parts.capture(reservation=reservation, part=part, points=wanted, actor=actor, now=now)
    _end(reservation, ReservationState.COMMITTED, now)
    return state_of(reservation, part, now)


@transaction.atomic
def release(*, till: Till, number: str, actor: Actor, now: datetime) -> Reserved:
    """Let a hold go. Safe to repeat: one that was released, freed by staff or lapsed is let go already.

    Raises NoSuchReservation, ReservationClosed when it was committed.
    """
    reservation, part = _locked(till, number)
    state = state_of(reservation, part, now).state
    if state == ReservationState.COMMITTED:
        raise ReservationClosed(status=ReservationState.COMMITTED.label)
    if state != ReservationState.OPEN:
        return state_of(reservation, part, now, replayed=True)
    points_parts.free(reservation=reservation, part=part, actor=actor, now=now)
    _end(reservation, ReservationState.RELEASED, now)
    return state_of(reservation, part, now)


@transaction.atomic
def give_back(
    *, till: Till, number: str, refund_no: str, points: int | None, actor: Actor, now: datetime
) -> tuple[Reserved, GivenBack]:
    """Give spent points back to the lots they came from, with their old deadlines; None: all that are left.

    For a sale that is called off, or a bill that points paid whole; what belongs to a receipt with money goes
    back with its returns. Raises NoSuchReservation, ReservationClosed (nothing was spent), AlreadyReversed,
    ToldDifferently, PaidWithMoney.
    """
    reservation, part = _locked(till, number)
    if reservation.purchase is not None and reservation.purchase.paid:
        # Else the goods stay sold and the points that paid for them come back (T15).
        raise PaidWithMoney
    if part.entry_id is None:
        raise ReservationClosed(status=state_of(reservation, part, now).state.label)
    back = points_parts.give_back(
        reservation=reservation, part=part, number=f"refund:{refund_no}", points=points, actor=actor, now=now
    )
    part.refresh_from_db(fields=["returned"])
    return state_of(reservation, part, now), back


def found(*, till: Till, number: str, now: datetime) -> Reserved:
    """The reservation of this number at the till's store. Reads only. Raises NoSuchReservation."""
    part = (
        ReservedPoints.objects.filter(reservation__store=till.store_id, reservation__number=number)
        .select_related("reservation__member", "hold", "account__program")
        .first()
    )
    if part is None:
        raise NoSuchReservation
    return state_of(part.reservation, part, now)


def state_of(
    reservation: Reservation, part: ReservedPoints, now: datetime, *, replayed: bool = False
) -> Reserved:
    """How a reservation stands: one that is open here may have been freed by staff, or be over, in the
    ledger.
    """
    state = ReservationState(reservation.state)
    if state == ReservationState.OPEN and part.hold is not None:
        if part.hold.status == HoldStatus.VOIDED:
            state = ReservationState.RELEASED
        elif part.hold.status == HoldStatus.EXPIRED or part.hold.expires_at <= now:
            state = ReservationState.EXPIRED
    spent = part.spent if state == ReservationState.COMMITTED else part.points
    return Reserved(reservation, part, state, points_parts.worth_of(part, spent), replayed)


def _once(verb: Callable[[], Reserved]) -> Reserved:
    """`verb`, and again where its number was stored at this very moment under another key."""
    try:
        with transaction.atomic():
            return verb()
    except IntegrityError as error:
        if violated(error) != NUMBER_ONCE:
            raise
    with transaction.atomic():
        return verb()


def _known(till: Till, told: ToldHold) -> Reserved | None:
    """The stored reservation of that number. Raises ReservationDiffers when it is for something else."""
    part = (
        ReservedPoints.objects.filter(reservation__store=till.store_id, reservation__number=told.hold_no)
        .select_related("reservation__member", "hold", "account__program")
        .first()
    )
    if part is None:
        return None
    same = part.points == told.points and part.reservation.amount == told.amount
    if not same or (told.program and part.account.program.code != told.program):
        raise ReservationDiffers(number=told.hold_no)
    return state_of(part.reservation, part, part.reservation.created_at, replayed=True)


def _refuse_another(known: Reserved, member_id: int) -> None:
    """Raises ReservationDiffers for a number that was used again for somebody else: his bill must not be paid
    by the first one's points, nor by nobody's.
    """
    if survivor_id(known.reservation.member_id) != survivor_id(member_id):
        raise ReservationDiffers(number=known.reservation.number)


def _opened(
    till: Till, told: ToldHold, member_id: int, now: datetime, expires_at: datetime, occurred_at: datetime
) -> Reservation:
    return Reservation.objects.create(
        store_id=till.store_id,
        key_id=till.key_id,
        number=told.hold_no,
        member_id=member_id,
        amount=told.amount,
        created_at=now,
        expires_at=expires_at,
        occurred_at=occurred_at,
    )


def _locked(till: Till, number: str) -> tuple[Reservation, ReservedPoints]:
    """Raises NoSuchReservation, also for another store's."""
    reservation = (
        Reservation.objects.select_for_update(no_key=True).filter(store=till.store_id, number=number).first()
    )
    if reservation is None:
        raise NoSuchReservation
    part = ReservedPoints.objects.select_related("hold", "account__program").get(reservation=reservation)
    return reservation, part


def _refuse_closed(reservation: Reservation, part: ReservedPoints, now: datetime) -> None:
    state = state_of(reservation, part, now).state
    if state != ReservationState.OPEN:
        raise ReservationClosed(status=state.label)


def _end(reservation: Reservation, state: ReservationState, now: datetime) -> None:
    reservation.state, reservation.settled_at = state.value, now
    reservation.save(update_fields=["state", "settled_at"])
