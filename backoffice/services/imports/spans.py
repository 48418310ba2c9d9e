"""Staged rows in windows of lines, by the primary key alone.

A million rows that were copied a minute ago are unknown to the planner: asked for "the next 2,000 open rows"
it sorts the whole batch, once a chunk. A window of lines has two ends, and no plan reads more than that.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from backoffice.models import ImportBatch, ImportRow

# Windows without a row to work on that one chunk may pass over.
MOST_PASSED = 25
EVERYTHING = Q()


@dataclass(frozen=True, slots=True)
class Window:
    """Lines `first` to `last`, both included, of which `rows` are to be worked on; none: go on behind it."""

    first: int
    last: int
    rows: int


def next_window(batch: ImportBatch, after: int, lines: int, rows: Q = EVERYTHING) -> Window | None:
    """The next `lines` lines behind `after` that hold a row of `rows`; None when the batch has no line left.

    Passes over at most MOST_PASSED windows and then answers an empty one.
    """
    window = None
    for _passed in range(MOST_PASSED):
        first = _lines(batch).filter(line__gt=after).order_by("line").first()
        if first is None:
            return window
        after = first + lines - 1
        window = _window(batch, first, after, rows)
        if window.rows:
            break
    return window


def last_window(batch: ImportBatch, before: int | None, lines: int, rows: Q = EVERYTHING) -> Window | None:
    """`next_window` from the end of the batch: the last `lines` lines before `before` (None: of all)."""
    window = None
    for _passed in range(MOST_PASSED):
        found = _lines(batch) if before is None else _lines(batch).filter(line__lt=before)
        last = found.order_by("-line").first()
        if last is None:
            return window
        before = last - lines + 1
        window = _window(batch, before, last, rows)
        if window.rows:
            break
    return window


def _window(batch: ImportBatch, first: int, last: int, rows: Q) -> Window:
    found = ImportRow.objects.filter(rows, batch=batch, line__gte=first, line__lte=last)
    return Window(first, last, found.aggregate(count=Count("line"))["count"])


def _lines(batch: ImportBatch) -> QuerySet[ImportRow, int]:
    return ImportRow.objects.filter(batch=batch).values_list("line", flat=True)
