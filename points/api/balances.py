"""The member's own balances and ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.api.callers import MEMBERS
from backoffice.api.operations import Operation
from backoffice.api.pagination import PageQuery, page_of
from members.models import Member
from points.api import answers
from points.models import Account, Entry
from points.selectors import account_summaries, summaries_of_nothing, timeline


class MyBalances(Operation):
    callers = MEMBERS

    @extend_schema(
        operation_id="me_points",
        summary="My points: spendable, held, waiting, owed, and when they lapse",
        tags=["points"],
        responses=answers.BalancesAnswer,
    )
    def get(self, request: Request) -> Response:
        member = cast(Member, request.auth)
        found = account_summaries(member=member, now=self.now) or summaries_of_nothing(member=member)
        return self.answer({"items": [answers.balance_body(summary) for summary in found]})


class MyEntries(Operation):
    """Newest first. Numbers of entries have no gap, so a page never loses or repeats one."""

    callers = MEMBERS

    @extend_schema(
        operation_id="me_entries",
        summary="Every movement of my points in one program, and why",
        tags=["points"],
        parameters=[PageQuery],
        responses=answers.EntriesAnswer,
    )
    def get(self, request: Request, program: str) -> Response:
        query = self.checked_query(PageQuery)
        member = cast(Member, request.auth)
        account = Account.objects.filter(member=member, program__code=program).first()
        if account is None:
            raise Http404

        def fetch(after: Any, limit: int) -> Sequence[Entry]:
            return timeline(account=account, before_seq=after, limit=limit)

        page = page_of(query, list_name=f"entries:{account.pk}", fetch=fetch, place=lambda entry: entry.seq)
        return self.answer({"items": [answers.entry_body(entry) for entry in page.rows], "next": page.next})
