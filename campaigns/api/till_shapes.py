"""What tills are answered, as the schema says it. `till_answers` makes the dicts that have these shapes."""

from __future__ import annotations

from rest_framework import serializers

from points.api.answers import BalanceAnswer

STATES = ["settled", "review", "parked", "refused"]


class CustomerAnswer(serializers.Serializer):
    """Enough to recognise who stands there, too little to learn it."""

    name = serializers.CharField()
    phone = serializers.CharField()
    card = serializers.CharField()
    status = serializers.CharField()


class LookAnswer(serializers.Serializer):
    """`token` stands for this member at this store until `token_until`, wherever a card is asked for."""

    member = CustomerAnswer()
    token = serializers.CharField()
    token_until = serializers.DateTimeField()
    balances = BalanceAnswer(many=True)
    messages = serializers.ListField(child=serializers.CharField())


class TillEarnedAnswer(serializers.Serializer):
    """`points` as granted, `kept` after returns; `status` says whether they wait. A zero has its reason."""

    program = serializers.CharField()
    status = serializers.CharField()
    points = serializers.IntegerField()
    kept = serializers.IntegerField()
    why = serializers.ListField(child=serializers.CharField())


class SmallChangeAnswer(serializers.Serializer):
    """NT$ below one earning unit that wait for the next purchase."""

    program = serializers.CharField()
    amount = serializers.CharField()


class HoldAnswer(serializers.Serializer):
    """`points` were set aside, `spent` of them in the end, `given_back` of those since; `worth` in NT$."""

    hold_no = serializers.CharField()
    state = serializers.ChoiceField(choices=["open", "committed", "released", "expired"])
    program = serializers.CharField()
    amount = serializers.CharField()
    points = serializers.IntegerField()
    spent = serializers.IntegerField()
    given_back = serializers.IntegerField()
    worth = serializers.CharField()
    cash = serializers.CharField(help_text="What is left of the bill.")
    expires_at = serializers.DateTimeField()


class InboxAnswer(serializers.Serializer):
    """Why staff have to look at it first."""

    item = serializers.IntegerField()
    reason = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class TillPurchaseAnswer(serializers.Serializer):
    """`settled`: everything below is final. `review` and `refused`: only `inbox` says more."""

    state = serializers.ChoiceField(choices=STATES)
    receipt_no = serializers.CharField()
    purchase_id = serializers.IntegerField(allow_null=True)
    purchased_at = serializers.DateTimeField()
    paid = serializers.CharField()
    returned = serializers.CharField()
    member = CustomerAnswer(allow_null=True)
    earned = TillEarnedAnswer(many=True)
    small_change = SmallChangeAnswer(many=True)
    redeemed = HoldAnswer(allow_null=True)
    balances = BalanceAnswer(many=True)
    messages = serializers.ListField(child=serializers.CharField(), help_text="To print on the receipt.")
    inbox = InboxAnswer(allow_null=True)


class TakenBackAnswer(serializers.Serializer):
    program = serializers.CharField()
    asked = serializers.IntegerField()
    taken = serializers.IntegerField()
    debt = serializers.IntegerField()


class TillReturnAnswer(serializers.Serializer):
    """`withhold` NT$ of the refund stay with the shop; `given_back` are spent points that the member has
    again.
    """

    state = serializers.ChoiceField(choices=STATES)
    return_no = serializers.CharField()
    receipt_no = serializers.CharField()
    amount = serializers.CharField(allow_null=True)
    withhold = serializers.CharField()
    taken_back = TakenBackAnswer(many=True)
    given_back = serializers.IntegerField()
    inbox = InboxAnswer(allow_null=True)


class SplitAnswer(serializers.Serializer):
    """`earns`: points that `cash` would earn, by program."""

    name = serializers.ChoiceField(choices=["points_first", "suggested", "cash_first", "cash_only"])
    points = serializers.IntegerField()
    worth = serializers.CharField()
    cash = serializers.CharField()
    earns = serializers.DictField(child=serializers.IntegerField())


class QuoteAnswer(serializers.Serializer):
    """Any number from `least` to `most` in steps of `step`. `refused` names what stands in the way, or is
    empty.
    """

    program = serializers.CharField()
    amount = serializers.CharField()
    available = serializers.IntegerField()
    least = serializers.IntegerField()
    most = serializers.IntegerField()
    step = serializers.IntegerField()
    lapsing = serializers.IntegerField(help_text="Of the available ones, those that lapse first.")
    lapses_at = serializers.DateTimeField(allow_null=True)
    splits = SplitAnswer(many=True)
    refused = serializers.CharField()


class GivenBackAnswer(serializers.Serializer):
    points = serializers.IntegerField()
    lapsed = serializers.IntegerField(help_text="Of them past their last day.")
    worth = serializers.CharField()
    hold = HoldAnswer()


class DayReportAnswer(serializers.Serializer):
    """From `start` (included) to `end` (not included). Points by program."""

    day = serializers.DateField()
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    purchases = serializers.IntegerField()
    with_member = serializers.IntegerField()
    gross = serializers.CharField()
    paid = serializers.CharField()
    returns = serializers.IntegerField()
    returned = serializers.CharField()
    earned = serializers.DictField(child=serializers.IntegerField())
    taken_back = serializers.DictField(child=serializers.IntegerField())
    redemptions = serializers.IntegerField()
    redeemed = serializers.DictField(child=serializers.IntegerField())
    redeemed_worth = serializers.CharField()
    given_back = serializers.DictField(child=serializers.IntegerField())
    waiting = serializers.IntegerField()


class AllowanceAnswer(serializers.Serializer):
    """`allowance` is sent with the queue; its first item has the number `next_seq`."""

    allowance = serializers.CharField()
    max_points = serializers.IntegerField()
    max_redemptions = serializers.IntegerField()
    valid_from = serializers.DateTimeField()
    valid_until = serializers.DateTimeField()
    next_seq = serializers.IntegerField()


class QueuedAnswer(serializers.Serializer):
    seq = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=["purchase", "return", "redemption"])
    number = serializers.CharField()
    state = serializers.ChoiceField(choices=["settled", "inbox"])
    inbox = InboxAnswer(allow_null=True)


class QueueAnswer(serializers.Serializer):
    items = QueuedAnswer(many=True)
