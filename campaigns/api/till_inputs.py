"""What tills send, and the values that the verbs take. Fields that are not here do not exist."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from backoffice.api.fields import (
    MOST_POINTS,
    MoneyField,
    PointsField,
    StrictBoolean,
    StrictChoice,
    StrictDateTime,
    StrictInteger,
    StrictSerializer,
    StrictText,
)
from campaigns.api.till_base import NumberField, QuantityField, SignedMoneyField
from campaigns.services.tills.till import Till
from campaigns.till_data import Redeem, ToldHold, ToldPurchase, ToldReturn
from members.choices import Channel, OrderType
from members.purchase_data import LineData, PurchaseData, ReturnLineData, TenderData
from points.choices import ReasonCode

CARD_HELP = "A card number, the code on the member's screen, or the token of a look."
MOST_LINES = 500
MOST_QUEUED = 100
CHANNELS = [Channel.STORE.value, Channel.APP.value, Channel.WEB.value, Channel.LINE.value]
# The others are the system's own.
REASONS = [
    ReasonCode.MISSING_EARN.value, ReasonCode.WRONG_EARN.value, ReasonCode.WRONG_REDEMPTION.value,
    ReasonCode.GOODWILL.value, ReasonCode.OTHER.value,
]  # fmt: skip


def text(length: int, **kwargs: Any) -> StrictText:
    return StrictText(max_length=length, required=False, default="", allow_blank=True, **kwargs)


class LookInput(StrictSerializer):
    """One of the two."""

    card = StrictText(max_length=100, required=False, help_text=CARD_HELP)
    phone = StrictText(max_length=30, required=False, help_text="0912-345-678, or + and the country code.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError({"card": _("Send a card or a phone, one of the two.")})
        return attrs


class LineInput(StrictSerializer):
    line_no = StrictInteger(min_value=1, max_value=32767, required=False, help_text="Its place, unless told.")
    sku = text(64)
    category = text(64)
    quantity = QuantityField(required=False, default=Decimal(1))
    amount = SignedMoneyField(help_text="Below 0 for a discount that is printed as a line.")


class TenderInput(StrictSerializer):
    method = StrictText(max_length=32, help_text="The till's word: cash, card, linepay …")
    amount = SignedMoneyField()
    reference = text(64)


class RedeemInput(StrictSerializer):
    """What points pay of the bill: a hold by its number, or points to be spent at once."""

    hold_no = NumberField(required=False, default="", allow_blank=True)
    points = PointsField(required=False, default=None, help_text="With a hold: a part of it.")
    program = text(32, help_text="The default program unless told.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["hold_no"] and attrs["points"] is None:
            raise serializers.ValidationError({"points": _("Name a hold, or say how many points.")})
        return attrs


class PurchaseInput(StrictSerializer):
    """A receipt. `paid` is what was paid in money, after discounts and points: the base of earning."""

    receipt_no = NumberField()
    card = text(100, help_text=CARD_HELP + " Without one, nobody earns.")
    purchased_at = StrictDateTime()
    gross = MoneyField(required=False, help_text="`paid` + `discount` unless told.")
    discount = MoneyField(required=False, default=Decimal(0))
    paid = MoneyField()
    lines = LineInput(many=True, required=False, default=list, max_length=MOST_LINES)  # type: ignore[call-arg]
    tenders = TenderInput(many=True, required=False, default=list, max_length=50)  # type: ignore[call-arg]
    item_count = StrictInteger(min_value=0, max_value=1_000_000, required=False, default=None)
    channel = StrictChoice(choices=CHANNELS, required=False, default=Channel.STORE.value)
    order_type = StrictChoice(choices=OrderType.values, required=False, default=OrderType.IN_STORE.value)
    cashier = text(32)
    invoice_no = text(10)
    redeem = RedeemInput(required=False, default=None)


class ReturnLineInput(StrictSerializer):
    line_no = StrictInteger(min_value=1, max_value=32767)
    quantity = QuantityField()
    amount = MoneyField()


class ReturnInput(StrictSerializer):
    """Goods that came back: `amount`, or `lines`, or both."""

    return_no = NumberField()
    returned_at = StrictDateTime()
    amount = MoneyField(required=False, default=None, help_text="The sum of the lines unless told.")
    lines = ReturnLineInput(many=True, required=False, default=list, max_length=MOST_LINES)  # type: ignore[call-arg]
    reason = text(200)
    park = StrictBoolean(
        required=False, default=False, help_text="The receipt is on its way: wait for it instead of refusing."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["amount"] is None and not attrs["lines"]:
            raise serializers.ValidationError({"amount": _("Say what comes back: an amount, or lines.")})
        return attrs


class QueuedReturnInput(ReturnInput):
    receipt_no = NumberField()


class QuoteInput(StrictSerializer):
    card = StrictText(max_length=100, help_text=CARD_HELP)
    amount = MoneyField(help_text="The bill in NT$, before points.")
    program = text(32)
    cash = MoneyField(
        required=False, default=None, help_text="Also list the split with this much money first."
    )


class HoldInput(StrictSerializer):
    hold_no = NumberField(help_text="The till's own number, new for each hold.")
    card = StrictText(max_length=100, help_text=CARD_HELP)
    amount = MoneyField(help_text="The bill in NT$, before points.")
    points = PointsField()
    program = text(32)
    minutes = StrictInteger(min_value=1, max_value=1440, required=False, default=15)


class CommitInput(StrictSerializer):
    points = PointsField(required=False, default=None, help_text="A part; all of it unless told.")


class EmptyInput(StrictSerializer):
    pass


class GiveBackInput(StrictSerializer):
    refund_no = NumberField(max_length=40)
    points = PointsField(required=False, default=None, help_text="All that are left unless told.")


class CorrectionInput(StrictSerializer):
    correction_no = NumberField()
    card = StrictText(max_length=100, help_text=CARD_HELP)
    points = StrictInteger(min_value=-MOST_POINTS, max_value=MOST_POINTS, help_text="Signed, not 0.")
    reason = StrictChoice(choices=REASONS)
    note = StrictText(max_length=200)
    program = text(32)

    def validate_points(self, value: int) -> int:
        if not value:
            raise serializers.ValidationError(_("Say how many points, not 0."))
        return value


class AllowanceInput(StrictSerializer):
    hours = StrictInteger(min_value=1, max_value=168, required=False, default=12)


class QueuedRedemptionInput(StrictSerializer):
    hold_no = NumberField()
    card = StrictText(max_length=100)
    amount = MoneyField()
    points = PointsField()
    program = text(32)
    redeemed_at = StrictDateTime()


class QueueItemInput(StrictSerializer):
    """One of the three, under its place in the queue of the allowance."""

    seq = StrictInteger(min_value=1, max_value=1_000_000)
    purchase = PurchaseInput(required=False)
    redemption = QueuedRedemptionInput(required=False)
    # Named so because `return` is no name in the languages of most tills.
    goods_return = QueuedReturnInput(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 2:
            raise serializers.ValidationError(
                {"seq": _("An item is one purchase, one redemption or one return.")}
            )
        return attrs


class QueueInput(StrictSerializer):
    allowance = StrictText(max_length=400)
    items = QueueItemInput(many=True, min_length=1, max_length=MOST_QUEUED)  # type: ignore[call-arg]


def told_purchase(data: dict[str, Any], till: Till) -> ToldPurchase:
    """Raises InvalidReceipt."""
    receipt = PurchaseData(
        source=till.source,
        receipt_no=data["receipt_no"],
        store_id=till.store_id,
        purchased_at=data["purchased_at"],
        gross=data.get("gross", data["paid"] + data["discount"]),
        discount=data["discount"],
        paid=data["paid"],
        item_count=data["item_count"],
        channel=data["channel"],
        order_type=data["order_type"],
        invoice_no=data["invoice_no"],
        cashier=data["cashier"],
        lines=tuple(
            LineData(
                line.get("line_no", place), line["amount"], line["quantity"], line["sku"], line["category"]
            )
            for place, line in enumerate(data["lines"], 1)
        ),
        tenders=tuple(
            TenderData(place, tender["method"], tender["amount"], tender["reference"])
            for place, tender in enumerate(data["tenders"], 1)
        ),
    )
    redeem = data["redeem"]
    asked = Redeem(redeem["hold_no"], redeem["points"], redeem["program"]) if redeem else None
    return ToldPurchase(receipt, data["card"], asked)


def told_return(data: dict[str, Any], receipt_no: str) -> ToldReturn:
    """Raises InvalidReceipt."""
    return ToldReturn(
        receipt_no=receipt_no,
        return_no=data["return_no"],
        returned_at=data["returned_at"],
        amount=data["amount"],
        lines=tuple(
            ReturnLineData(line["line_no"], line["quantity"], line["amount"]) for line in data["lines"]
        ),
        reason=data["reason"],
        park=data["park"],
    )


def told_hold(data: dict[str, Any]) -> ToldHold:
    return ToldHold(
        hold_no=data["hold_no"],
        card=data["card"],
        amount=data["amount"],
        points=data["points"],
        program=data["program"],
        minutes=data.get("minutes", 15),
    )
