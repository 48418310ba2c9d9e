"""Rows of receipt files: what only a whole row shows, staged as text, and read back as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from backoffice.models import ImportBatch, Store
from backoffice.services.imports.columns import CellFault
from backoffice.services.imports.kinds import Staged
from campaigns.import_widgets import placed
from campaigns.receipt_rows import DepartmentRow, ReceiptRow
from campaigns.services.tills.till import source_of_store
from members.purchase_data import MONEY_LIMIT

# In the order in which rows are staged; the resource lists its columns by these.
HEAD_COLUMNS = (
    "receipt_no", "store_code", "purchased_at", "member_no", "card_no", "phone", "amount", "discount",
    "coupon_discount", "items", "cashier", "invoice_no", "tender",
)  # fmt: skip
LINE_COLUMNS = ("line_no", "category", "sku", "quantity", "line_amount")
RECEIPT_COLUMNS = (*HEAD_COLUMNS, *LINE_COLUMNS)
PERSON_COLUMNS = ("member_no", "card_no", "phone")
ALWAYS = ("receipt_no", "store_code", "purchased_at", "amount")
# Between the parts of a key; no source and no line number holds one.
BETWEEN = "\x1f"


def by_line(policy: Mapping[str, Any]) -> bool:
    """Whether a row is one line of a receipt and not all of it."""
    return policy.get("rows") == "line"


def source_of(policy: Mapping[str, Any], store_id: int) -> str:
    """Who numbered the receipts: the system that the uploader names, else the store's own tills."""
    return str(policy.get("source") or source_of_store(store_id))


class ReceiptRows:
    """One row of a receipt file."""

    def __init__(self, batch: ImportBatch, now: datetime) -> None:
        self.now = now
        self.policy = batch.policy
        self.by_line = by_line(batch.policy)
        self.stores = _stores_by_code(batch)

    def __call__(self, cells: dict[str, str | None]) -> Staged:
        for column in (*ALWAYS, *(("line_no", "line_amount") if self.by_line else ())):
            if cells[column] is None:
                raise CellFault("required", column=column)
        if not self.by_line:
            for column in LINE_COLUMNS:
                if cells[column] is not None:
                    raise CellFault("whole_receipts", column=column)
        store_id, zone = self._store(cells["store_code"] or "")
        cells["store_code"] = str(store_id)
        cells["purchased_at"] = placed(cells["purchased_at"] or "", zone, self.now).isoformat()
        if sum(_money(cells[name]) for name in ("amount", "discount", "coupon_discount")) >= MONEY_LIMIT:
            raise CellFault("too_much", column="amount")
        receipt = BETWEEN.join((source_of(self.policy, store_id), cells["receipt_no"] or ""))
        if not self.by_line:
            return Staged(cells, receipt)
        return Staged(cells, BETWEEN.join((receipt, cells["line_no"] or "")), receipt)

    def _store(self, code: str) -> tuple[int, tzinfo]:
        found = self.stores.get(code, ())
        if len(found) != 1:
            raise CellFault("two_brands" if found else "store_unknown", column="store_code")
        return found[0]


def row_of(
    line: int, cells: Mapping[str, str | None], lines: Sequence[Mapping[str, str | None]]
) -> ReceiptRow:
    """A staged receipt as values; `lines` are the rows of its lines, none for a file of whole receipts."""
    return ReceiptRow(
        line=line,
        receipt_no=cells["receipt_no"] or "",
        member_no=cells["member_no"] or "",
        store_code=cells["store_code"] or "",
        purchased_at=datetime.fromisoformat(cells["purchased_at"] or ""),
        paid=_money(cells["amount"]),
        discount=_money(cells["discount"]) + _money(cells["coupon_discount"]),
        items=int(cells["items"] or len(lines)),
        departments=tuple(
            DepartmentRow(
                one["category"] or "",
                Decimal(one["quantity"] or 1),
                _money(one["line_amount"]),
                one["sku"] or "",
            )
            for one in lines
        ),
        cashier=cells["cashier"] or "",
        invoice_no=cells["invoice_no"] or "",
        tender=cells["tender"] or "",
    )


def _money(text: str | None) -> Decimal:
    return Decimal(text or 0)


def _stores_by_code(batch: ImportBatch) -> dict[str, list[tuple[int, tzinfo]]]:
    """(id, time zone) of the stores of each code, those of the batch's brand within the uploader's reach."""
    stores = Store.objects.visible_to(batch.owner) if batch.owner else Store.objects.all()
    if batch.brand_id:
        stores = stores.filter(brand=batch.brand_id)
    by_code: dict[str, list[tuple[int, tzinfo]]] = {}
    for store in stores.select_related("brand"):
        by_code.setdefault(store.code, []).append((store.pk, store.brand.zone))
    return by_code
