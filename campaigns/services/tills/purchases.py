"""A till's receipt: who bought is found, points of the bill are taken, the rest is settled as ever.

What cannot be believed (its time, the number of its points) is stored for staff and settled by nobody else.
Lock order: member, reservation, receipt, small change, account.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from backoffice.actors import Actor
from backoffice.errors import LimitReached
from backoffice.services import limits
from campaigns.choices import TillItemKind, TillItemReason
from campaigns.models import Reservation, TillItem, TillRecord
from campaigns.services.buyers import lock_buyers
from campaigns.services.settlement import Settlement, settle_purchase
from campaigns.services.tills import inbox, points_parts, reservations, returns
from campaigns.services.tills.customers import by_card
from campaigns.services.tills.reservations import Reserved
from campaigns.services.tills.till import Till, clock_fault
from campaigns.till_data import Redeem, ToldHold, ToldPurchase
from members.errors import ReceiptDiffers
from points import rules
from points.policy import ZONE

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a receipt: a settlement, or the inbox item that waits for staff."""

    settlement: Settlement | None
    redeemed: Reserved | None = None
    item: TillItem | None = None


@transaction.atomic
def post(*, till: Till, told: ToldPurchase, actor: Actor, now: datetime) -> Posted:
    """Settle a receipt, by its own time; told again (also under a new key), the stored settlement.

    Its card is judged at the time of the purchase, so that one which was scanned offline still counts.
    Outside
    the allowed clock, or with unusually many points, it goes to the inbox and nothing is given.

    Raises what `by_card` raises, ToldDifferently, ReceiptDiffers, InvalidReceipt, PurchaseMoved, and for its
    points part NoSuchReservation, ReservationClosed and what spending refuses.
    """
    at = told.receipt.purchased_at
    known = inbox.known(
        till=till, kind=TillItemKind.PURCHASE, number=told.receipt.receipt_no, told=told.as_json()
    )
    if known is not None:
        return _as_decided(known, till, told, actor, now)
    member_id = by_card(till=till, card=told.card, now=min(at, now)).member.pk if told.card else None
    told = replace(told, receipt=replace(told.receipt, member_id=member_id))
    fault = clock_fault(at, now)
    if fault is not None:
        return Posted(None, item=_review(till, told, fault, now))
    try:
        with transaction.atomic():
            return settle(till=till, told=told, actor=actor, now=now, limited=True)
    except LimitReached:
        return Posted(None, item=_review(till, told, TillItemReason.MANY_POINTS, now))


@transaction.atomic
def settle(*, till: Till, told: ToldPurchase, actor: Actor, now: datetime, limited: bool = False) -> Posted:
    """Take the points of the bill, settle the receipt, and apply the returns that came before it.

    `limited` counts its points on the till's day. Raises LimitReached then, and like `post`.
    """
    receipt = told.receipt
    redeemed = None
    if told.redeem is not None:
        redeemed = _redeem(till, told, told.redeem, actor, now)
    settlement = settle_purchase(receipt=receipt, actor=actor, now=now)
    if settlement.replayed:
        if redeemed is not None and redeemed.reservation.purchase_id != settlement.purchase_id:
            raise ReceiptDiffers(source=receipt.source, receipt_no=receipt.receipt_no, fields="redeem")
        returns.apply_parked(till=till, receipt_no=receipt.receipt_no, actor=actor, now=now)
        return Posted(settlement, redeemed or redeemed_with(purchase_id=settlement.purchase_id, now=now))
    if limited:
        _count(till, settlement, now)
    if redeemed is not None:
        _link(redeemed.reservation, settlement.purchase_id, receipt.receipt_no)
    TillRecord.objects.create(
        key_id=till.key_id,
        purchase_id=settlement.purchase_id,
        occurred_at=receipt.purchased_at,
        received_at=now,
    )
    returns.apply_parked(till=till, receipt_no=receipt.receipt_no, actor=actor, now=now)
    return Posted(settlement, redeemed)


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


def _redeem(till: Till, told: ToldPurchase, redeem: Redeem, actor: Actor, now: datetime) -> Reserved:
    """The points part of the bill. The member comes first in the order of locks, before any account."""
    receipt = told.receipt
    if receipt.member_id is None:
        raise ReceiptDiffers(source=receipt.source, receipt_no=receipt.receipt_no, fields="card, redeem")
    buyer = lock_buyers([receipt.member_id])[receipt.member_id]
    if redeem.hold_no:
        done = reservations.commit(
            till=till, number=redeem.hold_no, points=redeem.points, actor=actor, now=now
        )
        owner = lock_buyers([done.reservation.member_id])[done.reservation.member_id]
        if owner.member_id != buyer.member_id:
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
        member_id=buyer.member_id,
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


def _count(till: Till, settlement: Settlement, now: datetime) -> None:
    """Points of one receipt, and of one till on one local day (T14). Raises LimitReached."""
    points = sum((reward.points for reward in settlement.rewards), 0)
    if points > settings.TILL_RECEIPT_MOST_POINTS:
        raise LimitReached(1)
    if points:
        midnight = now.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
        limits.take(
            bucket=f"till-points:{till.key_id}",
            limit=settings.TILL_DAY_MOST_POINTS,
            window=DAY,
            start=midnight,
            cost=points,
            now=now,
        )
