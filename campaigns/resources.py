"""Receipt files in: the columns, and what a cell may hold.

The receipts' file has the columns of RECEIPT_COLUMNS, the optional departments' file those of
DEPARTMENT_COLUMNS; a column `cashier` is taken where there is one, others are ignored. `amount` is what was
paid, so before discounts it was amount + discount + coupon_discount. Files are CSV, also gzipped, in any
encoding that `members.csv_files` knows, and are read as a stream.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import BinaryIO, cast
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from campaigns.receipt_rows import DepartmentRow, ReceiptRow, RowFault
from members.csv_files import CsvRow, read_csv
from members.purchase_data import CASHIER_LENGTH

RECEIPT_COLUMNS = (
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

AMOUNT = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,2})?")
COUNT = re.compile(r"[0-9]{1,9}")


def unpacked(file: BinaryIO) -> BinaryIO:
    """The file itself, or what a gzipped one holds."""
    head = file.read(2)
    file.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if head == GZIP_MAGIC else file


class Receipts:
    """The receipts of a file in their order, taken in chunks. `position` counts the rows taken so far."""

    def __init__(self, file: BinaryIO, zone: ZoneInfo, position: int = 0) -> None:
        """Times without an offset are local times of `zone`. Rows before `position` are passed over."""
        self._rows = read_csv(unpacked(file), required=RECEIPT_COLUMNS)
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
            line, items, amount, department = text.split("\t", 3)
            if not COUNT.fullmatch(items):
                raise RowFault(int(line), "items", items, _("a whole number from 0 on"))
            _check_amount(int(line), "amount", amount)
            if len(department) > 64:
                raise RowFault(int(line), "department", department, _("at most 64 characters"))
            if int(items) or Decimal(amount):
                # A department that took money and counted no piece sold one.
                found.append(DepartmentRow(department, Decimal(max(int(items), 1)), Decimal(amount)))
        return tuple(found)


def receipt_of(row: CsvRow, zone: ZoneInfo, departments: Departments | None) -> ReceiptRow:
    """A row of the receipts' file as values. Raises RowFault for the first cell that does not fit."""
    value, line = row.values, row.line
    if row.problem:
        raise RowFault(line, "", "", row.problem)
    for column, most, least in (("receipt_no", 64, 1), ("member_no", 64, 0), ("store_code", 32, 1)):
        if not least <= len(value[column]) <= most:
            expected = _("%(least)s to %(most)s characters") % {"least": least, "most": most}
            raise RowFault(line, column, value[column][:80], expected)
    if len(value.get("cashier", "")) > CASHIER_LENGTH:
        expected = _("at most %(longest)s characters") % {"longest": CASHIER_LENGTH}
        raise RowFault(line, "cashier", value["cashier"][:80], expected)
    _check_amount(line, "amount", value["amount"])
    for column in ("discount", "coupon_discount"):
        _check_amount(line, column, value[column] or "0")
    if value["items"] and not COUNT.fullmatch(value["items"]):
        raise RowFault(line, "items", value["items"][:80], _("a whole number from 0 on"))
    return ReceiptRow(
        line=line,
        receipt_no=value["receipt_no"],
        member_no=value["member_no"],
        store_code=value["store_code"],
        purchased_at=_time(line, value["purchased_at"], zone),
        paid=Decimal(value["amount"]),
        discount=Decimal(value["discount"] or 0) + Decimal(value["coupon_discount"] or 0),
        items=int(value["items"] or 0),
        departments=departments.of(value["receipt_no"]) if departments else (),
        cashier=value.get("cashier", ""),
    )


def _check_amount(line: int, column: str, value: str) -> None:
    if not AMOUNT.fullmatch(value):
        raise RowFault(line, column, value[:80], _("NT$ from 0 on, such as 1234 or 1234.50"))


def _time(line: int, value: str, zone: ZoneInfo) -> datetime:
    try:
        bought = datetime.fromisoformat(value)
    except ValueError:
        expected = _("a time such as 2026-01-31T18:05:00+08:00")
        raise RowFault(line, "purchased_at", value[:80], expected) from None
    return bought if bought.tzinfo else bought.replace(tzinfo=zone)
