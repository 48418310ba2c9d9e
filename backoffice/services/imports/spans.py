"""Staged rows in windows of lines, by the primary key alone.

A million rows that were copied a minute ago are unknown to the planner: asked for "the next 2,000 open rows"
it sorts the whole batch, once a chunk. A window of lines has two ends, and no plan reads more than that.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q

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
        first = _line_behind(batch, after)
        if first is None:
            return window
        after = first + lines - 1
        found = ImportRow.objects.filter(rows, batch=batch, line__gte=first, line__lte=after)
        window = Window(first, after, found.aggregate(count=Count("line"))["count"])
        if window.rows:
            break
    return window


def _line_behind(batch: ImportBatch, after: int) -> int | None:
    lines = ImportRow.objects.filter(batch=batch, line__gt=after).order_by("line")
    return lines.values_list("line", flat=True).first()
