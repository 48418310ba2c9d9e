"""Receipts and returns as facts: stored once, never edited, safe to tell again.

Lock order: a return locks its purchase, before anything of points. Nothing here locks a member.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import DEFAULT_DB_ALIAS, IntegrityError, transaction
from django.db.models import Sum

from backoffice import prepared
from backoffice.models import Store
from members.choices import Channel, OrderType
from members.errors import (
    InvalidReceipt,
    ReceiptDiffers,
    ReturnDiffers,
    ReturnExceedsLine,
    ReturnExceedsPayment,
)
from members.models import (
    Member,
    Purchase,
    PurchaseLine,
    PurchaseReturn,
    PurchaseReturnLine,
)
from members.purchase_data import (
    ZERO,
    LineData,
    PurchaseData,
    ReturnData,
    ReturnLineData,
    TenderData,
)
from members.selectors.lineage import survivor_id
from members.services.constraints import violated

FIELDS = (
    "store_id",
    "purchased_at",
    "gross",
    "discount",
    "paid",
    "channel",
    "order_type",
    "invoice_no",
    "cashier",
)
# Facts that a till may learn to tell later: a receipt with and one without are the same receipt.
MAY_BE_UNTOLD = ("cashier",)
# The name of the constraint, as PostgreSQL reports it.
RETURN_ONCE = "return_once"


@transaction.atomic
def record_purchase(
    *,
    source: str,
    receipt_no: str,
    member: Member | None,
    store: Store,
    purchased_at: datetime,
    gross: Decimal,
    paid: Decimal,
    now: datetime,
    discount: Decimal = ZERO,
    lines: Sequence[LineData] = (),
    tenders: Sequence[TenderData] = (),
    item_count: int | None = None,
    channel: str = Channel.STORE.value,
    order_type: str = OrderType.IN_STORE.value,
    invoice_no: str = "",
    cashier: str = "",
) -> tuple[Purchase, bool]:
    """Store the receipt and answer (purchase, True); a receipt told again answers the stored one and False.

    Raises InvalidReceipt for impossible values, ReceiptDiffers when (source, receipt_no) is stored with other
    content. Two calls at once: one stores, the other waits for it and answers the stored one.
    """
    data = PurchaseData(
        source=source,
        receipt_no=receipt_no,
        member_id=member.pk if member else None,
        store_id=store.pk,
        purchased_at=purchased_at,
        gross=gross,
        discount=discount,
        paid=paid,
        item_count=item_count,
        channel=channel,
        order_type=order_type,
        invoice_no=invoice_no,
        cashier=cashier,
        lines=tuple(lines),
        tenders=tuple(tenders),
    )
    found = prepared.first("SELECT members_record_receipt_v1(%s::jsonb, %s)", [receipt_json(data), now])
    if found is not None and found[0] is not None:
        return _recorded(data, found[0], now), True
    return known_receipt(data), False


def known_receipt(data: PurchaseData) -> Purchase:
    """The stored receipt of that number, which somebody has told before. Raises ReceiptDiffers."""
    stored = Purchase.objects.get(source=data.source, receipt_no=data.receipt_no)
    refuse_differences(stored, data)
    return stored


def receipt_json(data: PurchaseData) -> str:
    """The receipt as `members_record_receipt_v1` takes it (`sql/receipt_v1.sql`)."""
    told: dict[str, Any] = {
        "source": data.source,
        "receipt_no": data.receipt_no,
        "member": data.member_id,
        "store": data.store_id,
        "purchased_at": data.purchased_at.isoformat(),
        "gross": str(data.gross),
        "discount": str(data.discount),
        "paid": str(data.paid),
        "item_count": data.items,
        "channel": data.channel,
        "order_type": data.order_type,
        "invoice_no": data.invoice_no,
        "cashier": data.cashier,
    }
    # Absent rather than empty: an empty list is looked through, too.
    if data.lines:
        told["lines"] = [
            [line.line_no, line.sku, line.category, str(line.quantity), str(line.amount)]
            for line in data.lines
        ]
    if data.tenders:
        told["tenders"] = [[t.tender_no, t.method, str(t.amount), t.reference] for t in data.tenders]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


@transaction.atomic
def record_return(
    *,
    purchase: Purchase,
    source: str,
    return_no: str,
    amount: Decimal,
    returned_at: datetime,
    now: datetime,
    lines: Sequence[ReturnLineData] = (),
    reason: str = "",
) -> tuple[PurchaseReturn, bool]:
    """Store goods that came back and answer (return, True); told again, the stored one and False.

    I27: all returns of a receipt together never exceed what was paid (ReturnExceedsPayment, with what is
    left), nor those of a line its amount and quantity (ReturnExceedsLine). Raises ReturnDiffers when
    (source, return_no) is stored with other content, InvalidReceipt for impossible values.
    """
    data = ReturnData(source, return_no, amount, returned_at, tuple(lines), reason)
    locked = Purchase.objects.select_for_update(no_key=True).get(pk=purchase.pk)
    if known := _known_return(locked, data):
        return known, False
    returned = locked.returns.aggregate(total=Sum("amount"))["total"] or ZERO
    if returned + amount > locked.paid:
        raise ReturnExceedsPayment(left=locked.paid - returned)
    by_number = _returnable_lines(locked, lines)
    try:
        with transaction.atomic():
            return _store_return(locked, data, by_number, now), True
    except IntegrityError as error:
        # The number came at the same moment for another receipt: the lock does not cover that.
        known = _known_return(locked, data) if violated(error) == RETURN_ONCE else None
        if known is None:
            raise
        return known, False


def refuse_differences(stored: Purchase, data: PurchaseData) -> None:
    """Raises ReceiptDiffers when `data` tells another story than the stored receipt."""
    fields = differences(stored, data)
    if fields:
        raise ReceiptDiffers(source=data.source, receipt_no=data.receipt_no, fields=", ".join(fields))


def differences(stored: Purchase, data: PurchaseData) -> list[str]:
    """The names of what differs between the stored receipt and `data`; empty when it is the same receipt."""
    found = [
        field
        for field in FIELDS
        if getattr(stored, field) != getattr(data, field)
        and not (field in MAY_BE_UNTOLD and "" in (getattr(stored, field), getattr(data, field)))
    ]
    if stored.item_count != data.items:
        found.append("item_count")
    # A member may have been merged since: the till still knows the old card.
    if stored.member_id != data.member_id and survivor_id(stored.member_id) != survivor_id(data.member_id):
        found.append("member")
    stored_lines = {
        (line.line_no, line.amount, line.quantity, line.sku, line.category) for line in stored.lines.all()
    }
    if stored_lines != {(x.line_no, x.amount, x.quantity, x.sku, x.category) for x in data.lines}:
        found.append("lines")
    stored_tenders = {(x.tender_no, x.method, x.amount, x.reference) for x in stored.tenders.all()}
    if stored_tenders != {(x.tender_no, x.method, x.amount, x.reference) for x in data.tenders}:
        found.append("tenders")
    return found


def _known_return(purchase: Purchase, data: ReturnData) -> PurchaseReturn | None:
    """The stored return of that number, None when there is none. Raises ReturnDiffers for other content."""
    known = PurchaseReturn.objects.filter(source=data.source, return_no=data.return_no).first()
    if known is None:
        return None
    rows = {(row.line.line_no, row.quantity, row.amount) for row in known.lines.select_related("line")}
    differs = {
        "purchase": known.purchase_id != purchase.pk,
        "amount": known.amount != data.amount,
        "returned_at": known.returned_at != data.returned_at,
        "lines": rows != {(line.line_no, line.quantity, line.amount) for line in data.lines},
    }
    fields = [name for name, other in differs.items() if other]
    if fields:
        raise ReturnDiffers(source=data.source, return_no=data.return_no, fields=", ".join(fields))
    return known


def _store_return(
    purchase: Purchase, data: ReturnData, by_number: Mapping[int, PurchaseLine], now: datetime
) -> PurchaseReturn:
    row = PurchaseReturn.objects.create(
        purchase=purchase,
        source=data.source,
        return_no=data.return_no,
        amount=data.amount,
        returned_at=data.returned_at,
        recorded_at=now,
        reason=data.reason,
    )
    PurchaseReturnLine.objects.bulk_create(
        PurchaseReturnLine(
            purchase_return=row, line=by_number[line.line_no], quantity=line.quantity, amount=line.amount
        )
        for line in data.lines
    )
    return row


def _recorded(data: PurchaseData, pk: int, now: datetime) -> Purchase:
    purchase = Purchase(
        pk=pk,
        source=data.source,
        receipt_no=data.receipt_no,
        member_id=data.member_id,
        item_count=data.items,
        recorded_at=now,
        **{field: getattr(data, field) for field in FIELDS},
    )
    purchase._state.adding, purchase._state.db = False, DEFAULT_DB_ALIAS
    return purchase


def _returnable_lines(purchase: Purchase, lines: Sequence[ReturnLineData]) -> dict[int, PurchaseLine]:
    """The purchase's lines by number, after a look at what is left of each."""
    if not lines:
        return {}
    by_number: dict[int, Any] = {
        line.line_no: line
        for line in purchase.lines.annotate(
            came_back=Sum("returned__quantity"), paid_back=Sum("returned__amount")
        )
    }
    for told in lines:
        line = by_number.get(told.line_no)
        if line is None:
            raise InvalidReceipt("line_no", told.line_no, " ".join(map(str, by_number)))
        quantity = line.quantity - (line.came_back or ZERO)
        amount = line.amount - (line.paid_back or ZERO)
        if told.quantity > quantity or told.amount > amount:
            raise ReturnExceedsLine(line_no=told.line_no, quantity=quantity.normalize(), amount=amount)
    return by_number
