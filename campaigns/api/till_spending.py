"""Who stands at the counter, what he may pay with points, and the hold until he has."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.choices import ApiScope
from campaigns.api import till_answers as answers
from campaigns.api import till_inputs as inputs
from campaigns.api import till_shapes as shapes
from campaigns.api.till_base import TillOperation
from campaigns.services.tills import corrections, customers, quotes, reservations

Body = dict[str, Any]


class Look(TillOperation):
    write_scope = ApiScope.MEMBERS_READ

    @extend_schema(
        operation_id="member_look",
        summary="Who is it: by card, by the code on his screen, or by phone",
        description=(
            "Answers masked, with balances and a token that stands for the member at this store for half "
            "an hour. "
            "A phone that nobody has and one whose owner is not served here get the same answer. Looks are "
            "counted."
        ),
        tags=["till"],
        request=inputs.LookInput,
        responses=shapes.LookAnswer,
    )
    def post(self, request: Request) -> Response:
        data = self.checked(inputs.LookInput)

        def verb() -> Body:
            if "card" in data:
                found = customers.by_card(till=self.till, card=data["card"], now=self.now)
            else:
                found = customers.by_phone(till=self.till, phone=data["phone"], now=self.now)
            return answers.look_body(found)

        def with_token(stored: Body) -> Body:
            body = dict(stored)
            member_id, at = body.pop("member_id"), datetime.fromisoformat(body.pop("at"))
            return body | {"token": customers.token_of(till=self.till, member_id=member_id, at=at)}

        return self.once(
            verb,
            first=lambda: customers.count_look(till=self.till, now=self.now),
            complete=with_token,
        )


class Quotes(TillOperation):
    write_scope = ApiScope.POINTS_SPEND

    @extend_schema(
        operation_id="quote",
        summary="What may be paid with points",
        description=(
            "Lists ways to split the bill; `suggested` uses points that lapse soon. Each listed split can "
            "be held "
            "and committed as it is, as long as nothing happens on the account meanwhile."
        ),
        tags=["till"],
        request=inputs.QuoteInput,
        responses=shapes.QuoteAnswer,
    )
    def post(self, request: Request) -> Response:
        data = self.checked(inputs.QuoteInput)
        return self.once(lambda: answers.quote_body(quotes.quote(till=self.till, now=self.now, **data)))


class Holds(TillOperation):
    write_scope = ApiScope.POINTS_SPEND

    @extend_schema(
        operation_id="hold_post",
        summary="Set points aside for a bill",
        tags=["till"],
        request=inputs.HoldInput,
        responses={201: shapes.HoldAnswer},
    )
    def post(self, request: Request) -> Response:
        told = inputs.told_hold(self.checked(inputs.HoldInput))
        return self.once(
            lambda: answers.hold_body(
                reservations.hold(till=self.till, told=told, actor=self.caller.actor, now=self.now)
            ),
            status=201,
        )


class HoldOfTill(TillOperation):
    read_scope = ApiScope.POINTS_SPEND

    @extend_schema(
        operation_id="hold_get", summary="How a hold stands", tags=["till"], responses=shapes.HoldAnswer
    )
    def get(self, request: Request, hold_no: str) -> Response:
        return self.answer(
            answers.hold_body(reservations.found(till=self.till, number=hold_no, now=self.now))
        )


class CommitHold(TillOperation):
    write_scope = ApiScope.POINTS_SPEND

    @extend_schema(
        operation_id="hold_commit",
        summary="Spend what was set aside, all of it or a part",
        description="The rest is free again. A receipt that names the hold in `redeem` commits it as well.",
        tags=["till"],
        request=inputs.CommitInput,
        responses=shapes.HoldAnswer,
    )
    def post(self, request: Request, hold_no: str) -> Response:
        points = self.checked(inputs.CommitInput)["points"]
        return self.once(
            lambda: answers.hold_body(
                reservations.commit(
                    till=self.till, number=hold_no, points=points, actor=self.caller.actor, now=self.now
                )
            )
        )


class ReleaseHold(TillOperation):
    write_scope = ApiScope.POINTS_SPEND

    @extend_schema(
        operation_id="hold_release",
        summary="Let a hold go",
        description="Safe to repeat, also for one that has lapsed. One that was committed is not let go.",
        tags=["till"],
        request=inputs.EmptyInput,
        responses=shapes.HoldAnswer,
    )
    def post(self, request: Request, hold_no: str) -> Response:
        self.checked(inputs.EmptyInput)
        return self.once(
            lambda: answers.hold_body(
                reservations.release(till=self.till, number=hold_no, actor=self.caller.actor, now=self.now)
            )
        )


class GiveBackSpent(TillOperation):
    write_scope = ApiScope.POINTS_SPEND

    @extend_schema(
        operation_id="hold_give_back",
        summary="Give spent points back",
        description=(
            "For a sale that is called off or a bill that points paid whole. They go back to the lots they "
            "came "
            "from, with their old deadlines. What belongs to a receipt with money goes back with its returns."
        ),
        tags=["till"],
        request=inputs.GiveBackInput,
        responses=shapes.GivenBackAnswer,
    )
    def post(self, request: Request, hold_no: str) -> Response:
        data = self.checked(inputs.GiveBackInput)
        return self.once(
            lambda: answers.given_back_body(
                *reservations.give_back(
                    till=self.till, number=hold_no, actor=self.caller.actor, now=self.now, **data
                )
            )
        )


class CorrectionRequests(TillOperation):
    write_scope = ApiScope.CORRECTIONS_ASK

    @extend_schema(
        operation_id="correction_ask",
        summary="Ask the desk to correct points",
        description="Creates a request in the shop's inbox. No points move until a person decides.",
        tags=["till"],
        request=inputs.CorrectionInput,
        responses={202: shapes.InboxAnswer},
    )
    def post(self, request: Request) -> Response:
        data = self.checked(inputs.CorrectionInput)
        number = data.pop("correction_no")
        return self.once(
            lambda: answers.inbox_body(corrections.ask(till=self.till, number=number, now=self.now, **data)),
            status=202,
        )
