"""What a till tells, as values, and as the JSON that the inbox keeps of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from members.purchase_data import LineData, PurchaseData, ReturnLineData, TenderData

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Redeem:
    """The points part of a bill: an open hold by its number, or points to be spent at once.

    `points` None with a hold: all that it set aside. `program` empty: the default program.
    """

    hold_no: str = ""
    points: int | None = None
    program: str = ""

    def as_json(self) -> Json:
        return {"hold_no": self.hold_no, "points": self.points, "program": self.program}


@dataclass(frozen=True, slots=True)
class ToldPurchase:
    """A receipt, whose card it carries ("" for none) and what of the bill points paid."""

    receipt: PurchaseData
    card: str = ""
    redeem: Redeem | None = None

    def as_json(self) -> Json:
        """Everything but the card: a code from a screen proves nothing later, its owner does."""
        receipt = self.receipt
        return {
            "source": receipt.source,
            "receipt_no": receipt.receipt_no,
            "store": receipt.store_id,
            "purchased_at": receipt.purchased_at.isoformat(),
            "gross": str(receipt.gross),
            "discount": str(receipt.discount),
            "paid": str(receipt.paid),
            "item_count": receipt.item_count,
            "channel": receipt.channel,
            "order_type": receipt.order_type,
            "invoice_no": receipt.invoice_no,
            "cashier": receipt.cashier,
            "lines": [
                [line.line_no, line.sku, line.category, str(line.quantity), str(line.amount)]
                for line in receipt.lines
            ],
            "tenders": [[t.tender_no, t.method, str(t.amount), t.reference] for t in receipt.tenders],
            "redeem": self.redeem.as_json() if self.redeem else None,
        }

    @classmethod
    def from_json(
        cls, told: Mapping[str, Any], *, member_id: int | None, at: datetime | None = None
    ) -> ToldPurchase:
        """The stored receipt, of `member_id`, at its own time or at `at`."""
        receipt = PurchaseData(
            source=told["source"],
            receipt_no=told["receipt_no"],
            store_id=told["store"],
            member_id=member_id,
            purchased_at=at or datetime.fromisoformat(told["purchased_at"]),
            gross=Decimal(told["gross"]),
            discount=Decimal(told["discount"]),
            paid=Decimal(told["paid"]),
            item_count=told["item_count"],
            channel=told["channel"],
            order_type=told["order_type"],
            invoice_no=told["invoice_no"],
            cashier=told["cashier"],
            lines=tuple(
                LineData(number, Decimal(amount), Decimal(quantity), sku, category)
                for number, sku, category, quantity, amount in told["lines"]
            ),
            tenders=tuple(
                TenderData(number, method, Decimal(amount), reference)
                for number, method, amount, reference in told["tenders"]
            ),
        )
        redeem = Redeem(**told["redeem"]) if told["redeem"] else None
        return cls(receipt, redeem=redeem)


@dataclass(frozen=True, slots=True)
class ToldReturn:
    """Goods that came back: an `amount` of NT$, or `lines`. `park`: wait for the purchase where it is
    unknown.
    """

    receipt_no: str
    return_no: str
    returned_at: datetime
    amount: Decimal | None = None
    lines: tuple[ReturnLineData, ...] = ()
    reason: str = ""
    park: bool = False

    def as_json(self) -> Json:
        return {
            "receipt_no": self.receipt_no,
            "return_no": self.return_no,
            "returned_at": self.returned_at.isoformat(),
            "amount": None if self.amount is None else str(self.amount),
            "lines": [[line.line_no, str(line.quantity), str(line.amount)] for line in self.lines],
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any], *, at: datetime | None = None) -> ToldReturn:
        return cls(
            receipt_no=told["receipt_no"],
            return_no=told["return_no"],
            returned_at=at or datetime.fromisoformat(told["returned_at"]),
            amount=None if told["amount"] is None else Decimal(told["amount"]),
            lines=tuple(
                ReturnLineData(number, Decimal(quantity), Decimal(amount))
                for number, quantity, amount in told["lines"]
            ),
            reason=told["reason"],
        )


@dataclass(frozen=True, slots=True)
class ToldHold:
    """Points to be set aside, or spent, for a bill of `amount` NT$ under the till's own number."""

    hold_no: str
    card: str
    amount: Decimal
    points: int
    program: str = ""
    minutes: int = 15

    def as_json(self) -> Json:
        return {
            "hold_no": self.hold_no,
            "amount": str(self.amount),
            "points": self.points,
            "program": self.program,
        }
