"""Many receipts at once: COPY to a temporary table, one INSERT … ON CONFLICT DO NOTHING, COPY of the lines.

The caller chunks (5,000 receipts are a good size): a call holds its chunk in memory, its locks until commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction

from members.errors import ReceiptDiffers
from members.models import Purchase, PurchaseReturn
from members.purchase_data import PurchaseData, ReceiptKey
from members.services.purchases import refuse_differences

COLUMNS = (
    "source, receipt_no, member_id, store_id, purchased_at, gross, discount, paid, item_count, channel,"
    " order_type, invoice_no, cashier"
)
STAGING = """
CREATE TEMP TABLE IF NOT EXISTS incoming_purchase (
    source text, receipt_no text, member_id bigint, store_id bigint, purchased_at timestamptz,
    gross numeric(12,2), discount numeric(12,2), paid numeric(12,2), item_count integer, channel text,
    order_type text, invoice_no text, cashier text
) ON COMMIT DROP;
TRUNCATE incoming_purchase;
"""
# All callers in one order: two with the same receipts wait for each other, never in a circle. Any order will
# do, and that of bytes is the quickest.
INSERT = f"""
INSERT INTO members_purchase ({COLUMNS}, recorded_at)
SELECT {COLUMNS}, %s FROM incoming_purchase ORDER BY source COLLATE "C", receipt_no COLLATE "C"
ON CONFLICT (source, receipt_no) DO NOTHING
RETURNING id, source, receipt_no
"""
LINES = "members_purchaseline (purchase_id, line_no, sku, category, quantity, amount)"
TENDERS = "members_purchasetender (purchase_id, tender_no, method, amount, reference)"


class Recorded(NamedTuple):
    """The id of every receipt of a call, and the keys of those that this very call stored."""

    ids: dict[ReceiptKey, int]
    new: frozenset[ReceiptKey]


def record_many(rows: Iterable[PurchaseData], *, now: datetime) -> dict[ReceiptKey, int]:
    """`record_new` for callers who do not mind which receipts were stored before."""
    return record_new(rows, now=now).ids


@transaction.atomic
def record_new(rows: Iterable[PurchaseData], *, now: datetime) -> Recorded:
    """Store these receipts and answer the id of each by its key, also of those that were stored before.

    All or nothing: ReceiptDiffers for a receipt that is stored, or comes twice here, with other content.
    """
    by_key = _by_key(rows)
    if not by_key:
        return Recorded({}, frozenset())
    with connection.cursor() as cursor:
        cursor.execute(STAGING)
        _copy(cursor, f"incoming_purchase ({COLUMNS})", (_receipt(data) for data in by_key.values()))
        cursor.execute(INSERT, [now])
        ids = {ReceiptKey(source, receipt_no): pk for pk, source, receipt_no in cursor.fetchall()}
        fresh = [(pk, by_key[key]) for key, pk in ids.items()]
        if any(data.lines for _, data in fresh):
            _copy(cursor, LINES, _lines(fresh))
        if any(data.tenders for _, data in fresh):
            _copy(cursor, TENDERS, _tenders(fresh))
    new = frozenset(ids)
    if len(ids) < len(by_key):
        ids |= _known({key: data for key, data in by_key.items() if key not in ids})
    return Recorded(ids, new)


@transaction.atomic
def record_whole_returns(
    purchases: Sequence[Purchase], *, source: str, number: str, reason: str, now: datetime
) -> dict[int, PurchaseReturn]:
    """Store one return of all that was paid for each of these receipts, by the receipt's id.

    The caller has locked them and seen that nothing of them came back before (I27); each was paid with more
    than 0. The number is `<number>-<receipt's id>`, so that a repetition breaks `return_once`.
    """
    rows = PurchaseReturn.objects.bulk_create(
        PurchaseReturn(
            purchase=purchase,
            source=source,
            return_no=f"{number}-{purchase.pk}",
            amount=purchase.paid,
            returned_at=now,
            recorded_at=now,
            reason=reason,
        )
        for purchase in purchases
    )
    return {row.purchase_id: row for row in rows}


def _by_key(rows: Iterable[PurchaseData]) -> dict[ReceiptKey, PurchaseData]:
    by_key: dict[ReceiptKey, PurchaseData] = {}
    for data in rows:
        if by_key.setdefault(data.key, data) != data:
            raise ReceiptDiffers(source=data.source, receipt_no=data.receipt_no, fields="chunk")
    return by_key


def _known(by_key: dict[ReceiptKey, PurchaseData]) -> dict[ReceiptKey, int]:
    """Ids of receipts that were stored before this call, each compared with what is told now."""
    ids: dict[ReceiptKey, int] = {}
    for source in {key.source for key in by_key}:
        numbers = [key.receipt_no for key in by_key if key.source == source]
        stored = Purchase.objects.filter(source=source, receipt_no__in=numbers)
        for purchase in stored.prefetch_related("lines", "tenders"):
            key = ReceiptKey(source, purchase.receipt_no)
            refuse_differences(purchase, by_key[key])
            ids[key] = purchase.pk
    return ids


def _receipt(data: PurchaseData) -> tuple[Any, ...]:
    return (
        data.source,
        data.receipt_no,
        data.member_id,
        data.store_id,
        data.purchased_at,
        data.gross,
        data.discount,
        data.paid,
        data.items,
        data.channel,
        data.order_type,
        data.invoice_no,
        data.cashier,
    )


def _lines(fresh: Iterable[tuple[int, PurchaseData]]) -> Iterator[tuple[Any, ...]]:
    for pk, data in fresh:
        for line in data.lines:
            yield pk, line.line_no, line.sku, line.category, line.quantity, line.amount


def _tenders(fresh: Iterable[tuple[int, PurchaseData]]) -> Iterator[tuple[Any, ...]]:
    for pk, data in fresh:
        for tender in data.tenders:
            yield pk, tender.tender_no, tender.method, tender.amount, tender.reference


def _copy(cursor: Any, target: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with cursor.copy(f"COPY {target} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
