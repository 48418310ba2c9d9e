"""A till without a line: the allowance beforehand, the queue afterwards; and the report of its day."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.choices import ApiScope
from campaigns.api import till_answers as answers
from campaigns.api import till_inputs as inputs
from campaigns.api import till_shapes as shapes
from campaigns.api.till_base import TillOperation
from campaigns.services.tills import offline, reports
from campaigns.services.tills.offline import QueueItem
from campaigns.services.tills.till import Till


class Allowances(TillOperation):
    write_scope = ApiScope.POINTS_SPEND

    @extend_schema(
        operation_id="offline_allowance",
        summary="Get an allowance for working offline",
        description=(
            "What members may redeem at this till while it has no line. A new allowance ends the one "
            "before. Tills "
            "that never redeem offline need one, too, for their queue."
        ),
        tags=["till offline"],
        request=inputs.AllowanceInput,
        responses={201: shapes.AllowanceAnswer},
    )
    def post(self, request: Request) -> Response:
        hours = self.checked(inputs.AllowanceInput)["hours"]
        return self.once(
            lambda: answers.allowance_body(offline.issue(till=self.till, hours=hours, now=self.now)),
            status=201,
        )


class Queue(TillOperation):
    write_scope = ApiScope.PURCHASES_WRITE

    @extend_schema(
        operation_id="offline_queue",
        summary="Send the queue of an offline till",
        description=(
            "Up to 100 items, in the till's order, numbered from 1 without a gap for each allowance. Each "
            "is final "
            "once it was answered: settled by its original time, or in the shop's inbox. Sending a piece "
            "again, "
            "also an overlapping one, changes nothing. Redemptions need the scope to spend as well."
        ),
        tags=["till offline"],
        request=inputs.QueueInput,
        responses=shapes.QueueAnswer,
    )
    def post(self, request: Request) -> Response:
        data = self.checked(inputs.QueueInput)
        till, allowance = self.till, data["allowance"]
        items = [queued(item, till) for item in data["items"]]

        def verb() -> dict[str, Any]:
            rows = offline.results(till=till, allowance=allowance, items=items)
            return {"items": [answers.queued_body(row) for row in rows]}

        may_spend = ApiScope.POINTS_SPEND.value in self.caller.scopes
        return self.once(
            verb,
            # Item by item, each in a transaction of its own: what is done when the line breaks stays done.
            first=lambda: offline.replay(
                till=till,
                allowance=allowance,
                items=items,
                may_spend=may_spend,
                actor=self.caller.actor,
                now=self.now,
            ),
        )


class DayReports(TillOperation):
    read_scope = ApiScope.REPORTS_READ

    @extend_schema(
        operation_id="day_report",
        summary="What this till did on a local day",
        tags=["till"],
        parameters=[OpenApiParameter("day", OpenApiTypes.DATE, OpenApiParameter.PATH)],
        responses=shapes.DayReportAnswer,
    )
    def get(self, request: Request, day: str) -> Response:
        try:
            wanted = date.fromisoformat(day)
        except ValueError:
            raise Http404 from None
        if not 2000 <= wanted.year < 2100:
            raise Http404
        return self.answer(answers.report_body(reports.day_report(till=self.till, day=wanted)))


def queued(item: dict[str, Any], till: Till) -> QueueItem:
    """Raises InvalidReceipt."""
    if "purchase" in item:
        told = inputs.told_purchase(item["purchase"], till)
        return QueueItem(item["seq"], told.receipt.purchased_at, told)
    if "redemption" in item:
        body = item["redemption"]
        return QueueItem(item["seq"], body["redeemed_at"], inputs.told_hold(body))
    body = item["goods_return"]
    return QueueItem(item["seq"], body["returned_at"], inputs.told_return(body, body["receipt_no"]))
