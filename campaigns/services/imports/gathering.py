"""Staged rows as receipts: a row each, or in long form the rows of its lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max, Min, QuerySet

from backoffice.choices import RowDone, RowOutcome
from backoffice.models import ImportRow
from backoffice.services.imports.kinds import Span
from campaigns.receipt_rows import ReceiptRow
from campaigns.services.imports.reading import (
    HEAD_COLUMNS,
    PERSON_COLUMNS,
    RECEIPT_COLUMNS,
    by_line,
    row_of,
)
from members.purchase_data import PurchaseData

Cells = Mapping[str, str | None]


@dataclass(slots=True)
class Told:
    """One receipt of the file: its lines, what was staged, and what becomes of it."""

    lines: list[int]
    row: ReceiptRow
    persons: dict[str, str]
    seen: list[Any] | None = None
    fault: dict[str, Any] | None = None
    data: PurchaseData | None = None
    outcome: str = RowOutcome.NEW.value
    done: str = RowDone.OPEN.value
    subject_id: int | None = None
    changes: dict[str, Any] = field(default_factory=dict)

    def refuse(self, fault: str, column: str = "", **details: Any) -> None:
        self.outcome, self.data, self.changes = RowOutcome.CONFLICT.value, None, {}
        self.fault = {"column": column, "value": "", "fault": fault}
        if details:
            self.fault["details"] = details


def gather(span: Span) -> list[Told]:
    """The receipts of the span that are still to be judged or brought in, in the file's order.

    In long form a receipt belongs to the span in which it begins. Its rows have to stand together, with the
    same head, numbered 1, 2, 3, and beside no row that could not be read: it might be one of them.
    """
    rows = _rows(span).filter(outcome=RowOutcome.NEW, done=RowDone.OPEN, cells__isnull=False)
    if not by_line(span.batch.policy):
        found = rows.order_by("line").values_list("line", "cells", "changes")
        return [_told([line], [_named(cells)], (), changes) for line, cells, changes in found]
    return _by_line(span, rows)


def _by_line(span: Span, rows: QuerySet[ImportRow]) -> list[Told]:
    keys = set(rows.values_list("other_key", flat=True))
    groups: dict[str, list[ImportRow]] = {}
    for row in ImportRow.objects.filter(batch=span.batch, other_key__in=keys).order_by("line"):
        groups.setdefault(row.other_key or "", []).append(row)
    whole = [group for group in groups.values() if group[0].line >= span.first]
    beside = {} if span.again else _beside(span, whole)
    told = []
    for group in whole:
        cells = [_named(row.cells) for row in group]
        open_ = [row.line for row in group if row.outcome == RowOutcome.NEW and not row.done]
        one = _told(open_, cells, cells, group[0].changes)
        if fault := _incoherent(group, cells, beside):
            one.refuse(fault)
        told.append(one)
    return told


def _incoherent(
    group: Sequence[ImportRow], cells: Sequence[Cells], beside: Mapping[int, tuple[int, bool]]
) -> str:
    """Why these rows make no receipt, "" when they do."""
    if any(row.outcome != RowOutcome.NEW or row.done for row in group):
        return "incomplete"
    if any(one[name] != cells[0][name] for one in cells for name in HEAD_COLUMNS):
        return "heads_differ"
    if [one["line_no"] for one in cells] != [str(number) for number in range(1, len(cells) + 1)]:
        return "line_numbers"
    places = [beside[row.line] for row in group if row.line in beside]
    if any(bad for _place, bad in places) or (places and places[-1][0] - places[0][0] != len(group) - 1):
        return "incomplete"
    return ""


def _beside(span: Span, groups: Sequence[Sequence[ImportRow]]) -> dict[int, tuple[int, bool]]:
    """For each line of these groups its place among all rows, and whether an unreadable one is next to it."""
    if not groups:
        return {}
    lines = [row.line for group in groups for row in group]
    everything = ImportRow.objects.filter(batch=span.batch)
    low = everything.filter(line__lt=min(lines)).aggregate(line=Max("line"))["line"]
    high = everything.filter(line__gt=max(lines)).aggregate(line=Min("line"))["line"]
    around = everything.filter(
        line__gte=min(lines) if low is None else low, line__lte=max(lines) if high is None else high
    )
    rows = list(around.order_by("line").values_list("line", "outcome"))
    bad = [outcome == RowOutcome.ERROR for _line, outcome in rows]
    return {
        line: (place, any(bad[max(place - 1, 0) : place + 2])) for place, (line, _outcome) in enumerate(rows)
    }


def _rows(span: Span) -> QuerySet[ImportRow]:
    return ImportRow.objects.filter(batch=span.batch, line__gte=span.first, line__lte=span.last)


def _named(cells: Sequence[str | None] | None) -> dict[str, str | None]:
    return dict(zip(RECEIPT_COLUMNS, cells or (), strict=True))


def _told(
    lines: list[int], cells: Sequence[Cells], parts: Sequence[Cells], changes: Mapping[str, Any] | None
) -> Told:
    head = cells[0]
    persons = {column: value for column in PERSON_COLUMNS if (value := head[column])}
    return Told(lines, row_of(lines[0], head, parts), persons, (changes or {}).get("buyer"))
