"""Goods that come back at a till: of its own store's receipts, also before the receipt has arrived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Concat

from backoffice.actors import Actor
from backoffice.errors import Refusal
from campaigns.choices import TillItemKind, TillItemReason, TillItemState
from campaigns.errors import NoSuchPurchase
from campaigns.models import TillItem, TillRecord
from campaigns.services.returns import ReturnSettlement, settle_return
from campaigns.services.tills import inbox
from campaigns.services.tills.till import Till, clock_fault
from campaigns.till_data import ToldReturn
from members.models import Purchase
from members.purchase_data import ReceiptKey


@dataclass(frozen=True, slots=True)
class Returned:
    """What became of a return: it is settled, or waits in the inbox for its purchase or for staff."""

    settlement: ReturnSettlement | None
    item: TillItem | None = None


@transaction.atomic
def post(*, till: Till, told: ToldReturn, actor: Actor, now: datetime) -> Returned:
    """Take goods back; told again, the stored answer. Spent points of the bill go back with their share (N2).

    A receipt that is unknown at this store is refused, unless the till says that it is on its way (`park`) or
    it lies in the inbox: then the return waits and is applied when the receipt is settled.

    Raises NoSuchPurchase, ReturnExceedsPayment, ReturnExceedsLine, ReturnDiffers, ToldDifferently,
    InvalidReceipt, PurchaseMoved.
    """
    known = inbox.known(till=till, kind=TillItemKind.RETURN, number=told.return_no, told=told.as_json())
    if known is not None and known.state == TillItemState.PARKED and _has_arrived(till, told.receipt_no):
        # It came at the very moment of its receipt, and neither saw the other.
        apply_parked(till=till, receipt_no=told.receipt_no, actor=actor, now=now)
        known.refresh_from_db()
    if known is not None and known.state != TillItemState.SETTLED:
        return Returned(None, item=known)
    if known is None:
        fault = clock_fault(told.returned_at, now)
        if fault is not None:
            return Returned(None, item=_kept(till, told, fault, TillItemState.WAITING, now))
        if not _has_arrived(till, told.receipt_no):
            if not told.park and not _is_in_the_inbox(till, told.receipt_no):
                raise NoSuchPurchase(source=till.source, receipt_no=told.receipt_no)
            item = _kept(till, told, TillItemReason.NO_PURCHASE, TillItemState.PARKED, now)
            return Returned(None, item=item)
    elif "at" in known.result:
        told = ToldReturn.from_json(known.payload, at=datetime.fromisoformat(known.result["at"]))
    return Returned(settle(till=till, told=told, actor=actor, now=now))


def settle(*, till: Till, told: ToldReturn, actor: Actor, now: datetime) -> ReturnSettlement:
    """The return itself, and which till posted it. Raises like `post`."""
    done = settle_return(
        source=till.source,
        return_no=told.return_no,
        receipt=ReceiptKey(till.source, told.receipt_no),
        returned_at=told.returned_at,
        amount=told.amount,
        lines=told.lines,
        reason=told.reason,
        actor=actor,
        now=now,
    )
    if not done.replayed:
        TillRecord.objects.create(
            key_id=till.key_id,
            purchase_return_id=done.return_id,
            occurred_at=told.returned_at,
            received_at=now,
        )
    return done


def apply_parked(*, till: Till, receipt_no: str, actor: Actor, now: datetime) -> None:
    """The returns that came before their receipt, in the order in which they came, now that it is there.

    One that does not fit the receipt goes on to staff and does not stand in the receipt's way.
    """
    parked = TillItem.objects.filter(
        store=till.store_id, about=receipt_no, state=TillItemState.PARKED, kind=TillItemKind.RETURN
    )
    for item in list(parked.order_by("id").select_for_update(of=("self",))):
        posted_by = Till(item.key_id, till.store_id, till.brand_id)
        try:
            with transaction.atomic():
                done = settle(till=posted_by, told=ToldReturn.from_json(item.payload), actor=actor, now=now)
        except Refusal as refusal:
            item.state, item.code = TillItemState.WAITING, refusal.code
            item.detail = inbox.sentence_for_staff(refusal)
            item.save(update_fields=["state", "code", "detail"])
            continue
        inbox.end(
            item,
            state=TillItemState.SETTLED,
            result={"return": done.return_id},
            note="",
            actor=Actor(actor.type, actor.id, actor.name, actor.request_id),
            now=now,
        )


def sweep_parked(*, actor: Actor, now: datetime, most: int = 500) -> int:
    """Apply what still waits although its receipt is there: one that came at the same moment, or by a file.

    Each receipt in a transaction of its own. Answers how many receipts were looked at.
    """
    there = Purchase.objects.filter(
        source=Concat(Value("till:"), OuterRef("store_id"), output_field=CharField()),
        receipt_no=OuterRef("about"),
    )
    parked = TillItem.objects.filter(state=TillItemState.PARKED).filter(Exists(there))
    found = list(parked.values_list("key_id", "store_id", "store__brand_id", "about")[:most])
    for key_id, store_id, brand_id, receipt_no in found:
        with transaction.atomic():
            apply_parked(till=Till(key_id, store_id, brand_id), receipt_no=receipt_no, actor=actor, now=now)
    return len(found)


def _has_arrived(till: Till, receipt_no: str) -> bool:
    return Purchase.objects.filter(source=till.source, receipt_no=receipt_no).exists()


def _is_in_the_inbox(till: Till, receipt_no: str) -> bool:
    return TillItem.objects.filter(
        store=till.store_id, kind=TillItemKind.PURCHASE, about=receipt_no, state=TillItemState.WAITING
    ).exists()


def _kept(
    till: Till, told: ToldReturn, reason: TillItemReason, state: TillItemState, now: datetime
) -> TillItem:
    return inbox.store(
        till=till,
        kind=TillItemKind.RETURN,
        number=told.return_no,
        about=told.receipt_no,
        reason=reason,
        told=told.as_json(),
        occurred_at=told.returned_at,
        state=state,
        now=now,
    )
