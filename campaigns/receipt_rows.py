"""A till's receipts as a file tells them: codes instead of ids, not looked up yet; and faults of cells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from members.csv_files import LineError


@dataclass(frozen=True, slots=True)
class DepartmentRow:
    """What one department sold on a receipt, or one line of it: NT$ `amount` for `quantity` pieces."""

    department: str
    quantity: Decimal
    amount: Decimal
    sku: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """One receipt; `line` is where it stands in the file, money is NT$, the time is aware.

    `tender` is the till's word for how all of it was paid, "" where the file does not say.
    """

    line: int
    receipt_no: str
    member_no: str
    store_code: str
    purchased_at: datetime
    paid: Decimal
    discount: Decimal
    items: int
    departments: tuple[DepartmentRow, ...] = ()
    cashier: str = ""
    invoice_no: str = ""
    tender: str = ""


class RowFault(ValueError):
    """A cell that cannot be imported; `error` names line, column, value and what was expected."""

    def __init__(self, line: int, column: str, value: str, expected: str) -> None:
        super().__init__(line, column, value, expected)
        self.error = LineError(line, column, value, expected)
