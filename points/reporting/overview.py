"""What the overview asks of the totals, in few round trips; the figures are those of `totals`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery, Sum

from points.choices import PendingStatus
from points.models import Fold, PendingCredit, Program
from points.reporting import totals

NAMED = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True)
class Standing:
    """The merchant's own program, up to where its totals are added up, and the points that wait in it."""

    program: Program
    mark: totals.Mark
    pending: int


def standing() -> Standing | None:
    """The default program with its mark, in one round trip; None where there is none."""
    last = Fold.objects.order_by("-id")
    waiting = PendingCredit.objects.filter(account__program=OuterRef("pk"), status=PendingStatus.OPEN)
    found = (
        Program.objects.filter(is_default=True)
        .annotate(
            fold=Subquery(last.values("pk")[:1]),
            last_entry=Subquery(last.values("last_entry")[:1]),
            waiting=Subquery(
                waiting.order_by().values("account__program").values(points=Sum("points")).values("points")
            ),
        )
        .first()
    )
    if found is None:
        return None
    return Standing(found, totals.Mark(found.fold or 0, found.last_entry or 0), int(found.waiting or 0))


@dataclass(frozen=True, slots=True)
class Span:
    """Days of the books [first, after), told apart by MONTH, DAY or not at all."""

    first: date
    after: date
    by: str = ""


def flows_of(*, program: Program, spans: Sequence[Span], at: totals.Mark) -> list[list[totals.Flow]]:
    """The flows of several spans in one round trip, in the order of `spans`; a whole span is one flow."""
    parts: list[str] = []
    values: dict[str, Any] = {"issuing": list(totals.ISSUING), "redeeming": list(totals.REDEEMING)}
    for number, span in enumerate(spans):
        key = totals.GROUPS[span.by] if span.by else "NULL::date"
        moved = NAMED.sub(rf"%(\1_{number})s", totals.MOVED)
        parts.append(f"SELECT {number} AS span, {key} AS key, {totals.SUMS} FROM ({moved}) m GROUP BY 2")
        known = totals.span_values(program, span.first, span.after, at)
        values |= {f"{name}_{number}": value for name, value in known.items()}
    found: list[list[totals.Flow]] = [[] for _span in spans]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts) + " ORDER BY 1, 2", values)
        for number, key, *sums in cursor.fetchall():
            found[number].append(totals.Flow(key, *(int(value) for value in sums)))
    return [
        flows if flows or span.by else [totals.Flow(None, 0, 0, 0, 0, 0, 0)]
        for span, flows in zip(spans, found, strict=True)
    ]
