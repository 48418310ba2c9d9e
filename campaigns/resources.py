"""Receipt files in: the columns, and what a cell may hold.

The import desk reads them by `ReceiptResource`. The command's receipts' file has the columns of
NEEDED_COLUMNS under these very names, its optional departments' file those of DEPARTMENT_COLUMNS; a column
`cashier` is taken where there is one, others are ignored. `amount` is what was paid, so before discounts it
was amount + discount + coupon_discount. The command's files are CSV, also gzipped, in any encoding that
`members.csv_files` knows, and are read as a stream.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import BinaryIO, cast
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _
from import_export.resources import ModelResource

from backoffice.services.imports.columns import FAULTS, CellFault, ImportColumn, Text
from campaigns.import_widgets import (
    CodeWidget,
    CountWidget,
    MomentWidget,
    MoneyWidget,
    QuantityWidget,
    placed,
)
from campaigns.receipt_rows import DepartmentRow, ReceiptRow, RowFault
from campaigns.services.imports.reading import RECEIPT_COLUMNS
from members.csv_files import CsvRow, read_csv
from members.models import Purchase
from members.purchase_data import (
    CASHIER_LENGTH,
    INVOICE_NO_LENGTH,
    MAX_LINES,
    METHOD_LENGTH,
    RECEIPT_NO_LENGTH,
    TEXT_LENGTH,
)
from members.resources import MemberResource

NEEDED_COLUMNS = (
    "receipt_no",
    "member_no",
    "store_code",
    "purchased_at",
    "amount",
    "discount",
    "coupon_discount",
    "items",
)
DEPARTMENT_COLUMNS = ("receipt_no", "department", "items", "amount")
GZIP_MAGIC = b"\x1f\x8b"
VALUE_SHOWN = 80

TOO_LONG: dict[str, Text] = {"too_long": _("at most %(most)s characters; here are %(found)s")}
MONEY = _("NT$ from 0 on, such as 1234 or 1234.50")
MONEY_FAULTS: dict[str, Text] = {
    "negative": _(
        "NT$ from 0 on. What came back is no receipt: take it back on the page of its receipt, or at the till"
    ),
    "too_much": _("amount and discounts below 10,000,000,000 NT$ together"),
}


class ReceiptResource(ModelResource):
    """`receipt_no` is one store's own, or one system's. A buyer may be named in three ways, or not at all."""

    receipt_no = ImportColumn(
        attribute="receipt_no",
        title=_("receipt number"),
        expected=_("1 to 64 characters"),
        synonyms=(
            "收據號碼", "交易序號", "交易編號", "交易單號", "單號", "銷售單號", "訂單編號", "receipt",
            "order_no",
        ),
        widget=CodeWidget(RECEIPT_NO_LENGTH),
        faults=TOO_LONG,
        example="R0000123",
    )  # fmt: skip
    store_code = ImportColumn(
        attribute="store__code",
        title=_("store code"),
        expected=_("the code of one store"),
        synonyms=("門市代號", "門市編號", "門市", "店號", "店代號", "分店", "store", "store_no", "shop"),
        widget=CodeWidget(32),
        faults={"two_brands": _("a code that only one brand uses"), **TOO_LONG},
        example="TPE01",
    )
    purchased_at = ImportColumn(
        attribute="purchased_at",
        title=_("time of purchase"),
        expected=_("a time such as 2026-01-31T18:05:00+08:00"),
        synonyms=(
            "交易時間", "消費時間", "購買時間", "交易日期時間", "結帳時間", "時間", "time", "sold_at",
            "transaction_time", "datetime",
        ),
        widget=MomentWidget(),
        faults={
            "ambiguous": _("a time with its offset, such as +08:00: the clock showed this one twice"),
            "no_such_time": _("a time that the store's clock has shown; it was put forward over this one"),
            "out_of_range": _("a time from 1990 on"),
            "future": _("a time that has been"),
        },
        example="2026-01-31 18:05:00",
    )  # fmt: skip
    member_no = ImportColumn(
        attribute="member__external_id",
        title=MemberResource.fields["external_id"].title,
        expected=_("the number of a member, or empty"),
        synonyms=MemberResource.fields["external_id"].synonyms,
        widget=CodeWidget(TEXT_LENGTH),
        faults=TOO_LONG,
        example="H00001",
    )
    card_no = ImportColumn(
        attribute="member__card_no",
        title=MemberResource.fields["card_no"].title,
        expected=MemberResource.fields["card_no"].expected,
        synonyms=MemberResource.fields["card_no"].synonyms,
        widget=MemberResource.fields["card_no"].widget,
    )
    phone = ImportColumn(
        attribute="member__phone",
        title=MemberResource.fields["phone"].title,
        expected=MemberResource.fields["phone"].expected,
        synonyms=MemberResource.fields["phone"].synonyms,
        widget=MemberResource.fields["phone"].widget,
        personal=True,
    )
    amount = ImportColumn(
        attribute="paid",
        title=_("amount paid"),
        expected=MONEY,
        synonyms=(
            "實付金額",
            "實收金額",
            "消費金額",
            "交易金額",
            "結帳金額",
            "金額",
            "總金額",
            "paid",
            "total",
        ),
        widget=MoneyWidget(),
        faults=MONEY_FAULTS,
        example="1280",
    )
    discount = ImportColumn(
        attribute="discount",
        title=_("discount"),
        expected=MONEY,
        synonyms=("折扣", "折扣金額", "折讓"),
        widget=MoneyWidget(),
        faults=MONEY_FAULTS,
    )
    coupon_discount = ImportColumn(
        attribute=None,
        title=_("discount by coupons"),
        expected=MONEY,
        synonyms=("優惠券折抵", "折價券", "券折抵"),
        widget=MoneyWidget(),
        faults=MONEY_FAULTS,
    )
    items = ImportColumn(
        attribute="item_count",
        title=_("pieces of the receipt"),
        expected=_("a whole number from 0 on"),
        synonyms=("件數", "總件數", "商品數", "item_count"),
        widget=CountWidget(),
        example="3",
    )
    cashier = ImportColumn(
        attribute="cashier",
        title=_("cashier"),
        expected=_("at most 32 characters"),
        synonyms=("收銀員", "收銀員代號", "結帳人員"),
        widget=CodeWidget(CASHIER_LENGTH),
        faults=TOO_LONG,
    )
    invoice_no = ImportColumn(
        attribute="invoice_no",
        title=_("invoice number"),
        expected=_("at most 10 characters"),
        synonyms=("發票號碼", "發票", "統一發票號碼", "invoice"),
        widget=CodeWidget(INVOICE_NO_LENGTH),
        faults=TOO_LONG,
        example="AB12345678",
    )
    tender = ImportColumn(
        attribute=None,
        title=_("paid by"),
        expected=_("at most 32 characters"),
        synonyms=("付款方式", "支付方式", "payment", "payment_method", "tender_type"),
        widget=CodeWidget(METHOD_LENGTH),
        faults=TOO_LONG,
        example="cash",
    )
    line_no = ImportColumn(
        attribute=None,
        title=_("number of the line"),
        expected=_("1, 2, 3 … on each receipt"),
        synonyms=("項次", "明細序號", "明細項次", "line"),
        widget=CountWidget(least=1, most=MAX_LINES),
    )
    category = ImportColumn(
        attribute=None,
        title=_("category of the line"),
        expected=_("at most 64 characters"),
        synonyms=("部門", "分類", "商品分類", "類別", "department"),
        widget=CodeWidget(TEXT_LENGTH),
        faults=TOO_LONG,
    )
    sku = ImportColumn(
        attribute=None,
        title=_("product of the line"),
        expected=_("at most 64 characters"),
        synonyms=("商品編號", "品號", "商品代號", "貨號", "product", "product_no"),
        widget=CodeWidget(TEXT_LENGTH),
        faults=TOO_LONG,
    )
    quantity = ImportColumn(
        attribute=None,
        title=_("quantity of the line"),
        expected=_("a quantity above 0 with at most three decimal places"),
        synonyms=("數量", "明細數量", "qty"),
        widget=QuantityWidget(),
    )
    line_amount = ImportColumn(
        attribute=None,
        title=_("amount of the line"),
        expected=_("NT$ such as 1234 or 1234.50; below 0 for a discount that the receipt shows as a line"),
        synonyms=("明細金額", "小計", "品項金額", "subtotal"),
        widget=MoneyWidget(signed=True),
    )

    class Meta:
        model = Purchase
        fields = RECEIPT_COLUMNS


def unpacked(file: BinaryIO) -> BinaryIO:
    """The file itself, or what a gzipped one holds."""
    head = file.read(2)
    file.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if head == GZIP_MAGIC else file


class Receipts:
    """The receipts of a file in their order, taken in chunks. `position` counts the rows taken so far."""

    def __init__(self, file: BinaryIO, zone: ZoneInfo, position: int = 0) -> None:
        """Times without an offset are local times of `zone`. Rows before `position` are passed over."""
        self._rows = read_csv(unpacked(file), required=NEEDED_COLUMNS)
        self._zone = zone
        self.position = position
        for _row in islice(self._rows, position):
            pass

    def take(self, most: int, departments: Departments | None) -> Iterator[ReceiptRow | RowFault]:
        """The next rows, at most `most`, each with what its departments sold. Raises UnreadableFile."""
        for row in islice(self._rows, most):
            self.position += 1
            try:
                yield receipt_of(row, self._zone, departments)
            except RowFault as fault:
                yield fault


class Departments:
    """What each receipt's departments sold, by receipt number.

    The two files are sorted differently, so this one is read whole, and kept as text: about 60 bytes a row.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Raises UnreadableFile without the columns of DEPARTMENT_COLUMNS."""
        self._texts: dict[str, str] = {}
        for row in read_csv(unpacked(file), required=DEPARTMENT_COLUMNS):
            value = row.values
            text = f"{row.line}\t{value['items']}\t{value['amount']}\t{row.problem or value['department']}\n"
            self._texts[value["receipt_no"]] = self._texts.get(value["receipt_no"], "") + text

    def of(self, receipt_no: str) -> tuple[DepartmentRow, ...]:
        """In the file's order, without those that sold nothing for nothing. Raises RowFault."""
        found = []
        for text in self._texts.get(receipt_no, "").splitlines():
            number, items, amount, department = text.split("\t", 3)
            line = int(number)
            pieces = int(_read(line, "items", items))
            money = Decimal(_read(line, "amount", amount))
            _read(line, "department", department, field="category", needed=False)
            if pieces or money:
                # A department that took money and counted no piece sold one.
                found.append(DepartmentRow(department, Decimal(max(pieces, 1)), money))
        return tuple(found)


def receipt_of(row: CsvRow, zone: ZoneInfo, departments: Departments | None) -> ReceiptRow:
    """A row of the receipts' file as values. Raises RowFault for the first cell that does not fit."""
    value, line = row.values, row.line
    if row.problem:
        raise RowFault(line, "", "", row.problem)
    receipt_no = _read(line, "receipt_no", value["receipt_no"])
    member_no = _read(line, "member_no", value["member_no"], needed=False)
    store_code = _read(line, "store_code", value["store_code"])
    cashier = _read(line, "cashier", value.get("cashier", ""), needed=False)
    paid = Decimal(_read(line, "amount", value["amount"]))
    discounts = [_read(line, name, value[name], needed=False) for name in ("discount", "coupon_discount")]
    items = _read(line, "items", value["items"], needed=False)
    bought = _read(line, "purchased_at", value["purchased_at"])
    try:
        purchased_at = placed(bought, zone).astimezone(zone)
    except CellFault as fault:
        raise _fault(line, "purchased_at", value["purchased_at"], fault, "purchased_at") from None
    return ReceiptRow(
        line=line,
        receipt_no=receipt_no,
        member_no=member_no,
        store_code=store_code,
        purchased_at=purchased_at,
        paid=paid,
        discount=sum((Decimal(text or 0) for text in discounts), Decimal(0)),
        items=int(items or 0),
        departments=departments.of(receipt_no) if departments else (),
        cashier=cashier,
    )


def _read(line: int, column: str, text: str, *, field: str = "", needed: bool = True) -> str:
    """A cell as the column `field` of ReceiptResource reads it. Raises RowFault."""
    name = field or column
    try:
        if text:
            return str(ReceiptResource.fields[name].widget.read(text))
        if needed:
            raise CellFault("required")
    except CellFault as fault:
        raise _fault(line, column, text, fault, name) from None
    return ""


def _fault(line: int, column: str, text: str, fault: CellFault, field: str) -> RowFault:
    known = ReceiptResource.fields[field]
    words = known.faults.get(fault.fault) or FAULTS.get(fault.fault) or known.expected
    return RowFault(line, column, text[:VALUE_SHOWN], str(words) % fault.details)
