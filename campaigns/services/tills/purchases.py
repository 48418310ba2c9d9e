"""A till's receipt: who bought is found, points of the bill are taken, the rest is settled as ever.

What cannot be believed (its time, the number of its points) is stored for staff and settled by nobody else.
Lock order: member, reservation, receipt, small change, account.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from backoffice.actors import Actor
from backoffice.errors import LimitReached
from backoffice.services.idempotency import KeyOfRequest
from campaigns.choices import TillItemKind, TillItemReason
from campaigns.errors import PurchaseMoved
from campaigns.models import Reservation, TillItem
from campaigns.services.buyers import lock_buyers
from campaigns.services.meeting import Met, meet, meet_member, open_receipt
from campaigns.services.settlement import DayLimit, Settled, Settlement, settle_met, settle_purchase
from campaigns.services.tills import inbox, points_parts, reservations, returns
from campaigns.services.tills.customers import by_card, is_served, pointed_at
from campaigns.services.tills.reservations import Reserved
from campaigns.services.tills.till import Till, clock_fault
from campaigns.till_data import Redeem, ToldHold, ToldPurchase
from members.errors import ReceiptDiffers
from points import rules
from points.policy import ZONE


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a receipt: a settlement, or the inbox item that waits for staff.

    `settled` is there for one that was settled just now, with nothing but itself: what an answer needs of it.
    """

    settlement: Settlement | None
    redeemed: Reserved | None = None
    item: TillItem | None = None
    settled: Settled | None = None


class Opening:
    """The first statement of a receipt that comes with a key: claims it and meets whom the card points at."""

    def __init__(self, *, till: Till, told: ToldPurchase, now: datetime) -> None:
        self.till, self.told, self.now = till, told, now
        self.met: Met | None = None

    def claim(self, key: KeyOfRequest) -> int | None:
        """A `Claim`. Raises OutOfReach."""
        card_no, member_id = _pointed_at(self.till, self.told, self.now)
        claimed, self.met = open_receipt(
            key=key,
            store_id=self.till.store_id,
            number=self.told.receipt.receipt_no,
            card_no=card_no,
            member_id=member_id,
        )
        return claimed


def post(
    *,
    till: Till,
    told: ToldPurchase,
    actor: Actor,
    now: datetime,
    ends_with_refusal: bool = False,
    met: Met | None = None,
) -> Posted:
    """Settle a receipt, by its own time; told again (also under a new key), the stored settlement.

    Its card is judged at the time of the purchase, so that one which was scanned offline still counts.
    Outside
    the allowed clock, or with unusually many points, it goes to the inbox and nothing is given.

    Raises what `by_card` raises, ToldDifferently, ReceiptDiffers, InvalidReceipt, PurchaseMoved, and for its
    points part NoSuchReservation, ReservationClosed and what spending refuses. With `ends_with_refusal` a
    refusal
    ends the caller's transaction, too: two statements less for a till that waits. `met` is what an `Opening`
    has met in this transaction.
    """
    with transaction.atomic(savepoint=not ends_with_refusal):
        return _posted(till, told, actor, now, met)


def _pointed_at(till: Till, told: ToldPurchase, now: datetime) -> tuple[str | None, int | None]:
    if not told.card:
        return None, None
    return pointed_at(till=till, card=told.card, now=min(told.receipt.purchased_at, now))


def _posted(till: Till, told: ToldPurchase, actor: Actor, now: datetime, met: Met | None) -> Posted:
    at = told.receipt.purchased_at
    number, card_at = told.receipt.receipt_no, min(at, now)
    if met is None:
        card_no, member_id = _pointed_at(till, told, now)
        met = meet(store_id=till.store_id, number=number, card_no=card_no, member_id=member_id)
    if met.in_inbox:
        known = inbox.known(till=till, kind=TillItemKind.PURCHASE, number=number, told=told.as_json())
        assert known is not None, "nothing leaves the inbox"
        return _as_decided(known, till, told, actor, now)
    if told.card and not is_served(met.member, till):
        met = meet(
            store_id=till.store_id, member_id=by_card(till=till, card=told.card, now=card_at).member.pk
        )
        if met.member is None:
            raise PurchaseMoved
    told = replace(told, receipt=replace(told.receipt, member_id=met.member.pk if met.member else None))
    fault = clock_fault(at, now)
    if fault is not None:
        return Posted(None, item=_review(till, told, fault, now))
    try:
        # What points paid is taken back where the rest is not settled; else nothing was written by then.
        with transaction.atomic() if told.redeem else nullcontext():
            return _settle(till, told, met, actor, now, _day_limit(till, now))
    except LimitReached:
        return Posted(None, item=_review(till, told, TillItemReason.MANY_POINTS, now))


@transaction.atomic
def settle(*, till: Till, told: ToldPurchase, actor: Actor, now: datetime) -> Posted:
    """Take the points of the bill, settle the receipt, apply the returns that came before it.

    Like `post`, but on no till's limits, and never into the inbox.
    """
    met = meet_member(store_id=till.store_id, member_id=told.receipt.member_id)
    return _settle(till, told, met, actor, now, None)


def _settle(
    till: Till, told: ToldPurchase, met: Met, actor: Actor, now: datetime, day_limit: DayLimit | None
) -> Posted:
    receipt = told.receipt
    redeemed = _redeem(till, told, told.redeem, met, actor, now) if told.redeem is not None else None
    done = settle_met(
        met=met,
        receipt=receipt,
        actor=actor,
        now=now,
        till_id=till.key_id,
        day_limit=day_limit,
        # Returns that wait for this receipt change them once more.
        tell=True,
    )
    settlement = done.settlement
    if settlement.replayed:
        if redeemed is not None and redeemed.reservation.purchase_id != settlement.purchase_id:
            raise ReceiptDiffers(source=receipt.source, receipt_no=receipt.receipt_no, fields="redeem")
        returns.apply_parked(till=till, receipt_no=receipt.receipt_no, actor=actor, now=now)
        return Posted(settlement, redeemed or redeemed_with(purchase_id=settlement.purchase_id, now=now))
    if redeemed is not None:
        _link(redeemed.reservation, settlement.purchase_id, receipt.receipt_no)
    if done.parked:
        returns.apply_parked(till=till, receipt_no=receipt.receipt_no, actor=actor, now=now)
        return Posted(settlement, redeemed)
    return Posted(settlement, redeemed, settled=done)


def _as_decided(item: TillItem, till: Till, told: ToldPurchase, actor: Actor, now: datetime) -> Posted:
    """A receipt that is or was in the inbox: as it was decided there, whatever time was taken for it."""
    if "purchase" not in item.result:
        return Posted(None, item=item)
    decided = ToldPurchase.from_json(
        item.payload, member_id=item.result["member"], at=datetime.fromisoformat(item.result["at"])
    )
    settlement = settle_purchase(receipt=decided.receipt, actor=actor, now=now)
    return Posted(settlement, redeemed_with(purchase_id=settlement.purchase_id, now=now))


def _review(till: Till, told: ToldPurchase, reason: TillItemReason, now: datetime) -> TillItem:
    return inbox.store(
        till=till,
        kind=TillItemKind.PURCHASE,
        number=told.receipt.receipt_no,
        about=told.receipt.receipt_no,
        member_id=told.receipt.member_id,
        reason=reason,
        told=told.as_json(),
        occurred_at=told.receipt.purchased_at,
        now=now,
    )


def _redeem(
    till: Till, told: ToldPurchase, redeem: Redeem, met: Met, actor: Actor, now: datetime
) -> Reserved:
    """The points part of the bill. The member comes first in the order of locks, before any account."""
    receipt = told.receipt
    if met.member is None:
        raise ReceiptDiffers(source=receipt.source, receipt_no=receipt.receipt_no, fields="card, redeem")
    if redeem.hold_no:
        done = reservations.commit(
            till=till, number=redeem.hold_no, points=redeem.points, actor=actor, now=now
        )
        owner = lock_buyers([done.reservation.member_id])[done.reservation.member_id]
        if owner.member_id != met.member.pk:
            raise ReceiptDiffers(source=receipt.source, receipt_no=receipt.receipt_no, fields="card, redeem")
        return done
    points = redeem.points or 0
    program = points_parts.program_of(brand_id=till.brand_id, code=redeem.program)
    bill = ToldHold(
        hold_no=f"receipt:{receipt.receipt_no}",
        card="",
        amount=_bill(told, rules.worth(program, points)),
        points=points,
        program=program.code,
    )
    return reservations.spend_at_once(
        till=till,
        told=bill,
        member_id=met.member.pk,
        actor=actor,
        now=now,
        occurred_at=receipt.purchased_at,
    )


def _bill(told: ToldPurchase, worth: Decimal) -> Decimal:
    """What had to be paid before points paid their part: `paid` is what is left of it."""
    return told.receipt.paid + worth


def _link(reservation: Reservation, purchase_id: int, receipt_no: str) -> None:
    if reservation.purchase_id not in (None, purchase_id):
        raise ReceiptDiffers(source="", receipt_no=receipt_no, fields="redeem")
    reservation.purchase_id = purchase_id
    reservation.save(update_fields=["purchase"])


def redeemed_with(*, purchase_id: int, now: datetime) -> Reserved | None:
    """The points part of a receipt as it stands, None without one. Reads only."""
    reservation = Reservation.objects.filter(purchase=purchase_id).first()
    if reservation is None:
        return None
    part = reservation.points_parts.select_related("hold", "account__program").get()
    return reservations.state_of(reservation, part, now)


def _day_limit(till: Till, now: datetime) -> DayLimit:
    """Points of one receipt, and of one till on one local day (T14)."""
    return DayLimit(
        most=settings.TILL_RECEIPT_MOST_POINTS,
        bucket=f"till-points:{till.key_id}",
        limit=settings.TILL_DAY_MOST_POINTS,
        start=now.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0),
    )
