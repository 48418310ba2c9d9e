"""What a till tells about a receipt or a return, as values that are valid once they exist.

Money is TWD as Decimal with at most two places, below ten thousand million; quantities have three places.
Building one with anything else raises InvalidReceipt with the field, the value and what is expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.utils.translation import gettext as _

from members.choices import Channel, OrderType
from members.errors import InvalidReceipt

CENT = Decimal("0.01")
PIECE = Decimal("0.001")
MONEY_LIMIT = Decimal(10) ** 10
QUANTITY_LIMIT = Decimal(10) ** 7
ZERO = Decimal(0)
SOURCE_LENGTH, RECEIPT_NO_LENGTH, INVOICE_NO_LENGTH, TEXT_LENGTH, METHOD_LENGTH = 32, 64, 10, 64, 32
REASON_LENGTH, CASHIER_LENGTH = 200, 32
MAX_LINES = 32767
# Sets, because `choices.values` is built anew at each look, and bulk loads build a million receipts.
CHANNELS = frozenset(Channel.values)
ORDER_TYPES = frozenset(OrderType.values)


class ReceiptKey(NamedTuple):
    """What makes a receipt this one, for ever."""

    source: str
    receipt_no: str


@dataclass(frozen=True, slots=True)
class LineData:
    """One line; `line_no` counts from 1. A negative amount is a discount that the till prints as a line."""

    line_no: int
    amount: Decimal
    quantity: Decimal = Decimal(1)
    sku: str = ""
    category: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.line_no <= MAX_LINES:
            raise InvalidReceipt("line_no", self.line_no, f"1-{MAX_LINES}")
        check_money("amount", self.amount, least=-MONEY_LIMIT)
        check_quantity("quantity", self.quantity)
        check_text("sku", self.sku, TEXT_LENGTH)
        check_text("category", self.category, TEXT_LENGTH)


@dataclass(frozen=True, slots=True)
class TenderData:
    """How a part was paid: `method` is the till's word ("cash", "card", "points")."""

    tender_no: int
    method: str
    amount: Decimal
    reference: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.tender_no <= MAX_LINES:
            raise InvalidReceipt("tender_no", self.tender_no, f"1-{MAX_LINES}")
        check_money("amount", self.amount, least=-MONEY_LIMIT)
        check_text("method", self.method, METHOD_LENGTH, required=True)
        check_text("reference", self.reference, TEXT_LENGTH)


@dataclass(frozen=True, slots=True)
class ReturnLineData:
    """How much of which line came back: `quantity` pieces, worth `amount` NT$."""

    line_no: int
    quantity: Decimal
    amount: Decimal

    def __post_init__(self) -> None:
        check_quantity("quantity", self.quantity)
        check_money("amount", self.amount)


@dataclass(frozen=True, slots=True)
class ReturnData:
    """Goods that came back; `amount` NT$ were paid back for them, above 0."""

    source: str
    return_no: str
    amount: Decimal
    returned_at: datetime
    lines: tuple[ReturnLineData, ...] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        check_text("source", self.source, SOURCE_LENGTH, required=True)
        check_text("return_no", self.return_no, RECEIPT_NO_LENGTH, required=True)
        check_text("reason", self.reason, REASON_LENGTH)
        check_money("amount", self.amount, least=CENT)
        check_time("returned_at", self.returned_at)
        _check_numbers("line_no", [line.line_no for line in self.lines])


@dataclass(frozen=True, slots=True)
class PurchaseData:
    """One receipt. `paid` is what was paid after discounts, points and coupons: the base of earning.

    `member_id` is None for a customer without a card; `item_count` defaults to the number of lines; `cashier`
    is the till's code of the person at it, empty where the till does not tell.
    """

    source: str
    receipt_no: str
    store_id: int
    purchased_at: datetime
    gross: Decimal
    paid: Decimal
    member_id: int | None = None
    discount: Decimal = ZERO
    item_count: int | None = None
    channel: str = Channel.STORE.value
    order_type: str = OrderType.IN_STORE.value
    invoice_no: str = ""
    cashier: str = ""
    lines: tuple[LineData, ...] = ()
    tenders: tuple[TenderData, ...] = ()

    def __post_init__(self) -> None:
        check_text("source", self.source, SOURCE_LENGTH, required=True)
        check_text("receipt_no", self.receipt_no, RECEIPT_NO_LENGTH, required=True)
        check_text("invoice_no", self.invoice_no, INVOICE_NO_LENGTH)
        check_text("cashier", self.cashier, CASHIER_LENGTH)
        check_money("gross", self.gross)
        check_money("discount", self.discount)
        check_money("paid", self.paid)
        check_time("purchased_at", self.purchased_at)
        if self.item_count is not None and not 0 <= self.item_count < 2**31:
            raise InvalidReceipt("item_count", self.item_count, _("a whole number"))
        if self.channel not in CHANNELS:
            raise InvalidReceipt("channel", self.channel, " ".join(Channel.values))
        if self.order_type not in ORDER_TYPES:
            raise InvalidReceipt("order_type", self.order_type, " ".join(OrderType.values))
        if self.lines:
            _check_numbers("line_no", [line.line_no for line in self.lines])
        if self.tenders:
            _check_numbers("tender_no", [tender.tender_no for tender in self.tenders])

    @property
    def key(self) -> ReceiptKey:
        return ReceiptKey(self.source, self.receipt_no)

    @property
    def items(self) -> int:
        return len(self.lines) if self.item_count is None else self.item_count


def check_money(field: str, value: Decimal, least: Decimal = ZERO) -> None:
    """Raises InvalidReceipt unless `value` is a finite Decimal with two places from `least` on."""
    if not isinstance(value, Decimal) or not value.is_finite() or not least <= value < MONEY_LIMIT:
        raise InvalidReceipt(field, value, _("an amount of NT$ with at most two decimal places"))
    if value != value.quantize(CENT):
        raise InvalidReceipt(field, value, _("an amount of NT$ with at most two decimal places"))


def check_quantity(field: str, value: Decimal) -> None:
    """Raises InvalidReceipt unless `value` is a Decimal above 0 with at most three places."""
    if not isinstance(value, Decimal) or not value.is_finite() or not ZERO < value < QUANTITY_LIMIT:
        raise InvalidReceipt(field, value, _("a quantity above 0 with at most three decimal places"))
    if value != value.quantize(PIECE):
        raise InvalidReceipt(field, value, _("a quantity above 0 with at most three decimal places"))


def check_text(field: str, value: str, longest: int, *, required: bool = False) -> None:
    """Raises InvalidReceipt for a text that is too long, holds a NUL, or is missing though `required`."""
    if len(value) > longest or "\x00" in value or (required and not value.strip()):
        expected = _("a text of at most %(longest)s characters") % {"longest": longest}
        raise InvalidReceipt(field, value[:80], expected)


def check_time(field: str, value: datetime) -> None:
    """Raises InvalidReceipt for a time without a time zone."""
    if value.utcoffset() is None:
        raise InvalidReceipt(field, value, _("a time with its time zone"))


def _check_numbers(field: str, numbers: list[int]) -> None:
    if len(set(numbers)) != len(numbers):
        raise InvalidReceipt(field, numbers, _("each number once"))
