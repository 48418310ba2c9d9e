"""The work of a chunk follows its rows, whatever the planner believes of a file that came in a minute ago."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from backoffice.choices import RowOutcome
from backoffice.models import ImportBatch, ImportRow
from backoffice.services.imports import checking, steps, verbs
from backoffice.services.imports.kinds import Span
from members.services.imports import member_diff, tag_placing
from members.services.imports.fields import parameters
from tests.conftest import NOON
from tests.imports.desk import ROBOT, bring, check, csv_of
from tests.imports.test_tags import tag

LINES = 1_200
TAGGED = 600
# Looks at rows for each line: every probe of an index is one, a walk through the file would be a thousand.
MOST_A_LINE = 30
HEAD = "會員編號,手機,姓名"


def members(first: int) -> bytes:
    lines = (f"M{number:05},0900{number:06},名{number}" for number in range(first, first + LINES))
    return csv_of(*lines, head=HEAD)


def effort(statement: str, values: dict[str, Any]) -> int:
    """How many rows all nodes of the plan looked at; what the statement did is taken back."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", values)
        (found,) = cursor.fetchone()
        transaction.set_rollback(True)
    plans = json.loads(found) if isinstance(found, str) else found
    looked, waiting = 0, [plans[0]["Plan"]]
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        removed = sum(count for name, count in node.items() if name.startswith("Rows Removed"))
        looked += int((node["Actual Rows"] + removed) * node["Actual Loops"])
    return looked


def nothing_known() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM pg_statistic WHERE starelid = 'backoffice_importrow'::regclass;"
            "UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid = 'backoffice_importrow'::regclass"
        )


def only_an_earlier_file_known() -> None:
    bring(members(50_000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE backoffice_importrow")


@pytest.mark.django_db
@pytest.mark.parametrize("before", [nothing_known, only_an_earlier_file_known])
def test_no_chunk_walks_through_the_file(before: Callable[[], None]) -> None:
    before()
    batch = check(members(0))
    assert batch.counts["new"] == LINES
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
    batch = ImportBatch.objects.get(pk=batch.pk)
    span = Span(batch, 2, LINES + 1, NOON, steps.actor_of(batch), again=True)
    ImportRow.objects.filter(batch=batch).update(outcome=RowOutcome.CHANGED)
    diff = member_diff._statement(batch, again=True)
    marks = {"batch": batch.pk, "first": 2, "last": LINES + 1, "duplicate": "duplicate"}
    assert effort(diff, parameters(span)) < MOST_A_LINE * LINES
    for statement in (checking.KEEP_FIRST, checking.KEEP_LAST, checking.KEEP_NONE):
        assert effort(statement, marks) < MOST_A_LINE * LINES


@pytest.mark.django_db
@pytest.mark.parametrize("before", [nothing_known, only_an_earlier_file_known])
def test_no_chunk_of_a_plain_list_walks_through_the_file(before: Callable[[], None]) -> None:
    """Each statement of the short way, as it is sent: staging, giving, and what is off the promise."""
    bring(members(0))
    tag("奶茶")
    before()
    content = csv_of(*(f"0900{number:06},奶茶" for number in range(TAGGED)), head="手機,標籤")
    batch = check(content, kind="tags")
    span = Span(batch, 2, TAGGED + 1, NOON, steps.actor_of(batch), again=True)
    values = parameters(span)
    for statement in (tag_placing._give(span), tag_placing._broken(span), tag_placing.TAKE_BACK_PROMISES):
        assert effort(statement, values) < MOST_A_LINE * TAGGED
    sent: list[tuple[str, dict[str, Any]]] = []

    def keep(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "unnest(%(lines)s" in sql:
            sent.append((sql, {**params, "batch": 0}))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep):
        check(content, kind="tags")
    ((statement, placed),) = sent
    assert effort(statement, placed) < MOST_A_LINE * TAGGED
