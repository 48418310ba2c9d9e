"""The member's own receipts, with what each earned and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.api.callers import MEMBERS
from backoffice.api.fields import MoneyField, StrictDate, StrictSerializer, StrictText
from backoffice.api.operations import Operation
from backoffice.api.pagination import PageQuery, page_of
from campaigns.selectors import Explained, explain, explain_all, purchases_page
from campaigns.services import claims
from members.models import Member, Purchase


class EarnedAnswer(serializers.Serializer):
    """`points` as granted, `kept` after returns. A zero has its reason in `why` as well."""

    program = serializers.CharField()
    status = serializers.CharField()
    points = serializers.IntegerField()
    kept = serializers.IntegerField()
    why = serializers.ListField(child=serializers.CharField())


class ReceiptAnswer(serializers.Serializer):
    id = serializers.IntegerField()
    receipt_no = serializers.CharField()
    store = serializers.CharField()
    purchased_at = serializers.DateTimeField()
    paid = serializers.CharField()
    invoice_no = serializers.CharField()
    earned = EarnedAnswer(many=True)


class ReceiptsAnswer(serializers.Serializer):
    items = ReceiptAnswer(many=True)
    next = serializers.CharField(allow_null=True)


class ReceiptLine(serializers.Serializer):
    line_no = serializers.IntegerField()
    name = serializers.CharField()
    quantity = serializers.CharField()
    amount = serializers.CharField()


class ReceiptReturn(serializers.Serializer):
    return_no = serializers.CharField()
    amount = serializers.CharField()
    returned_at = serializers.DateTimeField()


class ReceiptDetail(ReceiptAnswer):
    lines = ReceiptLine(many=True)
    returns = ReceiptReturn(many=True)


class ClaimInput(StrictSerializer):
    """What stands on the slip of paper."""

    invoice_no = StrictText(min_length=10, max_length=11, help_text="AB12345678, a hyphen is fine.")
    bought_on = StrictDate()
    paid = MoneyField()


class MyReceipts(Operation):
    callers = MEMBERS

    @extend_schema(
        operation_id="me_receipts",
        summary="My receipts and what they earned",
        tags=["receipts"],
        parameters=[PageQuery],
        responses=ReceiptsAnswer,
    )
    def get(self, request: Request) -> Response:
        query = self.checked_query(PageQuery)
        member = cast(Member, request.auth)

        def fetch(after: Any, limit: int) -> Sequence[Purchase]:
            return purchases_page(member=member, before=after, limit=limit)

        page = page_of(
            query,
            list_name=f"receipts:{member.pk}",
            fetch=fetch,
            place=lambda purchase: [purchase.purchased_at.isoformat(), purchase.pk],
        )
        earned = explain_all(page.rows)
        items = [_receipt(purchase, earned[purchase.pk]) for purchase in page.rows]
        return self.answer({"items": items, "next": page.next})

    @extend_schema(
        operation_id="me_receipt_claim",
        summary="Add a receipt that was made without my card",
        description=(
            "By its invoice number, day and amount, as long as nobody has it. A wrong slip and a wrong "
            "amount get the same answer, and tries are counted."
        ),
        tags=["receipts"],
        request=ClaimInput,
        responses={201: ReceiptAnswer},
    )
    def post(self, request: Request) -> Response:
        asked = self.checked(ClaimInput)
        member = cast(Member, request.auth)
        told = claims.Told(asked["invoice_no"], asked["bought_on"], asked["paid"])

        def verb() -> dict[str, Any]:
            done = claims.claim_by_member(member=member, told=told, actor=self.caller.actor, now=self.now)
            purchase = Purchase.objects.select_related("store").get(pk=done.purchase_id)
            return _receipt(purchase, explain(purchase))

        return self.once(verb, status=201, first=lambda: claims.count_try(member_id=member.pk, now=self.now))


class MyReceipt(Operation):
    callers = MEMBERS

    @extend_schema(
        operation_id="me_receipt", summary="One receipt", tags=["receipts"], responses=ReceiptDetail
    )
    def get(self, request: Request, pk: int) -> Response:
        member = cast(Member, request.auth)
        purchase = Purchase.objects.select_related("store").filter(pk=pk, member=member).first()
        if purchase is None:
            raise Http404
        body = _receipt(purchase, explain(purchase))
        body["lines"] = [
            {
                "line_no": line.line_no,
                "name": line.category or line.sku,
                "quantity": str(line.quantity),
                "amount": str(line.amount),
            }
            for line in purchase.lines.order_by("line_no")
        ]
        body["returns"] = [
            {
                "return_no": row.return_no,
                "amount": str(row.amount),
                "returned_at": row.returned_at.isoformat(),
            }
            for row in purchase.returns.order_by("id")
        ]
        return self.answer(body)


def _receipt(purchase: Purchase, earned: Sequence[Explained]) -> dict[str, Any]:
    return {
        "id": purchase.pk,
        "receipt_no": purchase.receipt_no,
        "store": purchase.store.name,
        "purchased_at": purchase.purchased_at.isoformat(),
        "paid": str(purchase.paid),
        "invoice_no": purchase.invoice_no,
        "earned": [
            {
                "program": found.program.code,
                "status": found.award.status,
                "points": found.award.points,
                "kept": found.kept,
                "why": [*found.sentences, *(sentence for taken in found.returns for sentence in taken)],
            }
            for found in earned
        ],
    }
