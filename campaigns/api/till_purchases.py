"""Receipts and returns of a till."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.choices import ApiScope
from backoffice.errors import CallerNotAllowed
from campaigns.api import till_answers as answers
from campaigns.api import till_inputs as inputs
from campaigns.api import till_shapes as shapes
from campaigns.api.till_base import TillOperation
from campaigns.models import TillItem
from campaigns.selectors import purchase_of_till
from campaigns.services.tills import purchases, returns
from campaigns.services.tills.given_back import given_back_with
from campaigns.services.tills.purchases import redeemed_with


class Purchases(TillOperation):
    write_scope = ApiScope.PURCHASES_WRITE

    @extend_schema(
        operation_id="purchase_post",
        summary="Post a receipt",
        description=(
            "Settles the receipt by its own time and answers what it earned and why. The same receipt "
            "again, also "
            "under a new key, answers the stored settlement; with other content it is refused. A time that "
            "is more "
            "than a few minutes ahead or more than a week old, and unusually many points, go to the shop's "
            "inbox: "
            "`state` is `review` then, and nothing was given yet."
        ),
        tags=["till"],
        request=inputs.PurchaseInput,
        responses=shapes.TillPurchaseAnswer,
    )
    def post(self, request: Request) -> Response:
        told = inputs.told_purchase(self.checked(inputs.PurchaseInput), self.till)
        if told.redeem is not None and ApiScope.POINTS_SPEND.value not in self.caller.scopes:
            raise CallerNotAllowed

        opening = purchases.Opening(till=self.till, told=told, now=self.now)

        def verb() -> dict[str, Any]:
            posted = purchases.post(
                till=self.till,
                told=told,
                actor=self.caller.actor,
                now=self.now,
                ends_with_refusal=True,
                met=opening.met,
            )
            return answers.posted_body(posted=posted, told=told, now=self.now)

        return self.once(verb, claim=opening.claim)


class PurchaseOfTill(TillOperation):
    read_scope = ApiScope.PURCHASES_WRITE

    @extend_schema(
        operation_id="purchase_get",
        summary="What became of a receipt",
        tags=["till"],
        responses=shapes.TillPurchaseAnswer,
    )
    def get(self, request: Request, receipt_no: str) -> Response:
        purchase = purchase_of_till(source=self.till.source, receipt_no=receipt_no)
        if purchase is not None:
            redeemed = redeemed_with(purchase_id=purchase.pk, now=self.now)
            return self.answer(
                answers.purchase_body(purchase_id=purchase.pk, redeemed=redeemed, now=self.now)
            )
        item = TillItem.objects.filter(store=self.till.store_id, kind="purchase", number=receipt_no).first()
        if item is None:
            raise Http404
        return self.answer(answers.waiting_purchase_body(item))


class ReturnsOfPurchase(TillOperation):
    write_scope = ApiScope.PURCHASES_WRITE

    @extend_schema(
        operation_id="return_post",
        summary="Take goods back",
        description=(
            "Takes back the share of what the receipt gave, and gives back the share of the points that "
            "paid it, "
            "in the lots they came from. By lines or by amount, never more than was paid. A receipt of "
            "another "
            "store answers like an unknown one. With `park` the return waits for a receipt that is on its "
            "way."
        ),
        tags=["till"],
        request=inputs.ReturnInput,
        responses=shapes.TillReturnAnswer,
    )
    def post(self, request: Request, receipt_no: str) -> Response:
        told = inputs.told_return(self.checked(inputs.ReturnInput), receipt_no)

        def verb() -> dict[str, Any]:
            done = returns.post(till=self.till, told=told, actor=self.caller.actor, now=self.now)
            if done.settlement is None:
                assert done.item is not None, "what is not settled is in the inbox"
                return answers.waiting_return_body(done.item)
            return answers.return_body(
                done=done.settlement,
                return_no=told.return_no,
                receipt_no=receipt_no,
                given_back=given_back_with(return_id=done.settlement.return_id),
            )

        return self.once(verb)
