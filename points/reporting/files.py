"""Points given and taken by file: who brought the file in, who said yes to it, what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Count, F, IntegerField, Q, QuerySet, Sum, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from backoffice.choices import Reach, RowDone
from backoffice.models import ImportBatch, User
from backoffice.selectors import staff_of

# `points.import_kinds` calls it so.
KIND = "points"
MOST = 50
# Whoever had a part in a file, in the order in which it went through his hands.
PEOPLE = ("owner", "confirmer", "approver")
# Rows that were booked, whatever became of them afterwards.
BOOKED = (RowDone.APPLIED, RowDone.UNDONE, RowDone.KEPT, RowDone.STUCK)


@dataclass(frozen=True, slots=True)
class PointsFile:
    """One file whose rows were booked: how many, points given and taken, and how many rows were undone since.

    `people` are the names of `PEOPLE`, empty where nobody was. `is_seen`: the reader may open its page.
    """

    batch_id: int
    name: str
    state: str
    applied_at: datetime
    people: dict[str, str]
    rows: int
    given: int
    taken: int
    undone: int
    is_seen: bool


@dataclass(frozen=True, slots=True)
class FilesOfPerson:
    """What one person gave and took by files; `alone` are files that nobody else had to approve."""

    name: str
    files: int
    rows: int
    given: int
    taken: int
    undone: int
    alone: int


def points_files(
    *, user: User, start: datetime, end: datetime, approved: bool = False, most: int = MOST
) -> list[PointsFile]:
    """Files that were applied in [start, end) within the user's reach, the latest first; `approved`: only
    those that a second person said yes to.
    """
    names = {f"{who}_{field}": F(f"{who}__{field}") for who in PEOPLE for field in ("name", "username")}
    rows = _summed(_within(user, start, end)).values(
        "pk", "file_name", "state", "applied_at", "sum_rows", "sum_given", "sum_taken", "sum_undone", **names
    )
    if approved:
        rows = rows.exclude(approver=None)
    found = list(rows.order_by("-applied_at", "-pk")[:most])
    seen = ImportBatch.objects.visible_to(user).filter(pk__in=[row["pk"] for row in found])
    may = set(seen.order_by().values_list("pk", flat=True)) if _may_open(user) else set()
    return [
        PointsFile(
            row["pk"], row["file_name"], row["state"], row["applied_at"],
            {who: row[f"{who}_name"] or row[f"{who}_username"] or "" for who in PEOPLE},
            row["sum_rows"], row["sum_given"], row["sum_taken"], row["sum_undone"], row["pk"] in may,
        )
        for row in found
    ]  # fmt: skip


def files_by_person(*, user: User, start: datetime, end: datetime) -> list[FilesOfPerson]:
    """Who brought points in by file in [start, end), those who gave most first; "" for the installation."""
    rows = (
        _summed(_within(user, start, end))
        .values("owner", "owner__name", "owner__username")
        .annotate(
            files=Count("pk"),
            all_rows=Sum("sum_rows"),
            all_given=Sum("sum_given"),
            all_taken=Sum("sum_taken"),
            all_undone=Sum("sum_undone"),
            alone=Count("pk", filter=Q(approver=None)),
        )
        .order_by("-all_given", "-all_taken", "owner")
    )
    return [
        FilesOfPerson(
            row["owner__name"] or row["owner__username"] or "",
            row["files"], int(row["all_rows"]), int(row["all_given"]), int(row["all_taken"]),
            int(row["all_undone"]), row["alone"],
        )
        for row in rows
    ]  # fmt: skip


def _within(user: User, start: datetime, end: datetime) -> QuerySet[ImportBatch]:
    """Applied points files of people, or of a brand, within the user's reach; all of them for the group."""
    files = ImportBatch.objects.filter(kind=KIND, applied_at__gte=start, applied_at__lt=end).order_by()
    if user.is_active and user.reach == Reach.GROUP:
        return files
    seen = ImportBatch.objects.visible_to(user).values("pk")
    people = staff_of(user).order_by().values("pk")
    his = Q(owner__in=people) | Q(confirmer__in=people) | Q(approver__in=people)
    return files.filter(Q(pk__in=seen) | his)


def _summed(files: QuerySet[ImportBatch]) -> QuerySet[Any]:
    """`totals` know the sum of the points and what was moved either way: half the difference is what went
    the other way.
    """
    signed, moved = (
        _whole("points", "totals", BigIntegerField()),
        _whole("moved", "totals", BigIntegerField()),
    )
    return files.annotate(
        sum_rows=sum((_count(done) for done in BOOKED), Value(0)),
        sum_given=(moved + signed) / 2,
        sum_taken=(moved - signed) / 2,
        sum_undone=_count(RowDone.UNDONE),
    )


def _count(done: RowDone) -> Any:
    return _whole(f"done:{done.value}", "counts", IntegerField())


def _whole(key: str, column: str, field: Any) -> Any:
    return Coalesce(Cast(KeyTextTransform(key, column), field), 0)


def _may_open(user: User) -> bool:
    return user.has_perm("backoffice.view_importbatch")
