"""Staged rows as a page shows them: a hundred at a time, old value and new one, and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.admin.display import number
from backoffice.choices import RowDone, RowOutcome
from backoffice.models import ImportBatch, ImportRow, User
from backoffice.services.imports import ends
from backoffice.services.imports.intake import Stayed
from backoffice.services.imports.kinds import ImportKind, kind_of

PAGE = 100
# Counts have these names before the rows were applied, and those after it.
FILTERS = tuple(outcome.value for outcome in RowOutcome)


@dataclass(slots=True)
class ShownCell:
    title: str
    old: str
    new: str
    repaired: bool = False


@dataclass(slots=True)
class ShownRow:
    line: int
    outcome: str
    label: str
    done: str
    cells: list[ShownCell] = field(default_factory=list)
    faults: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


@dataclass(slots=True)
class Page:
    rows: list[ShownRow]
    next_line: int | None


def page(batch: ImportBatch, user: User, outcome: str, after: int) -> Page:
    """The next PAGE rows behind the line `after`, all or those of one outcome."""
    rows = ImportRow.objects.filter(batch=batch, line__gt=after).order_by("line")
    if outcome in FILTERS:
        rows = rows.filter(outcome=outcome)
    elif outcome == "repaired":
        rows = rows.exclude(repairs=None)
    elif (done := outcome.removeprefix("done-")) in RowDone.values and done != outcome:
        rows = ends.with_done(rows, batch, done)
    found = list(rows[: PAGE + 1])
    kind, last = kind_of(batch.kind), ends.through(batch)
    for row in found:
        row.done = ends.done_of(row, last)
    shown = [_row(row, kind, batch, user) for row in found[:PAGE]]
    return Page(shown, found[PAGE - 1].line if len(found) > PAGE else None)


def _row(row: ImportRow, kind: ImportKind, batch: ImportBatch, user: User) -> ShownRow:
    own = user if user.pk != batch.owner_id else None
    done = RowDone(row.done).label if row.done else ""
    shown = ShownRow(row.line, row.outcome, str(RowOutcome(row.outcome).label), str(done))
    # A member whom the import had made is gone with its undo.
    if kind.page and row.subject_id and not (row.outcome == RowOutcome.NEW and row.done == RowDone.UNDONE):
        shown.url = reverse(kind.page, args=[row.subject_id])
    repaired = {repair["column"]: repair["value"] for repair in row.repairs or []}
    columns = list(kind.columns)
    cells = dict(zip(columns, row.cells or [], strict=False))
    changes: dict[str, Any] = row.changes or {}
    filled = kind.staged_columns(batch.layout["fields"])
    for name in columns:
        if name not in filled or name not in cells:
            continue
        title = str(kind.columns[name].title)
        new = kind.show(name, cells[name] or "", own)
        if name in changes:
            if name == "tags":
                shown.cells.append(_tags(title, kind, changes[name], user))
                continue
            old, now = changes[name]
            shown.cells.append(
                ShownCell(
                    title, kind.show(name, old or "", user) or "-", kind.show(name, now or "", own) or "-"
                )
            )
        elif name in repaired:
            shown.cells.append(ShownCell(title, _raw(kind, name, repaired[name], own), new, repaired=True))
        elif (
            (row.outcome == RowOutcome.NEW and cells[name])
            or name == batch.policy.get("key")
            or name in kind.identity
        ):
            shown.cells.append(ShownCell(title, "", new))
    for fault in row.faults or []:
        name = str(fault.get("column", ""))
        value = _raw(kind, name, str(fault.get("value", "")), own)
        shown.faults.append(
            {
                "field": kind.title_of(name, batch.layout),
                "value": value,
                "expected": kind.fault_text(fault),
                "hint": str(fault.get("hint", "")),
            }
        )
    return shown


def _raw(kind: ImportKind, name: str, value: str, user: User | None) -> str:
    """A cell as it was written: whole for the uploader, who wrote it, and masked for others like a stored
    value.
    """
    column = kind.columns.get(name)
    return kind.show(name, value, user) if column is not None and column.personal else value


def _tags(title: str, kind: ImportKind, change: dict[str, Any], user: User) -> ShownCell:
    """What goes is struck out, what comes stands behind it."""
    gone = "|".join(str(one[0]) for one in change.get("remove") or [])
    come = "|".join(change.get("add") or [])
    return ShownCell(
        title, kind.show("tags", gone, user) if gone else "", kind.show("tags", come, user) or "-"
    )


def deciders(batch: ImportBatch) -> str:
    """The names of those who chose how the file is read and what its rows may do, in their order."""
    at_hand = {user.pk: str(user) for user in (batch.owner, batch.confirmer) if user}
    missing = [pk for pk in batch.deciders if pk not in at_hand]
    if missing:
        at_hand |= {user.pk: str(user) for user in User.objects.filter(pk__in=missing)}
    return "、".join(at_hand[pk] for pk in batch.deciders if pk in at_hand)


def stayed_text(left: Stayed) -> str:
    """What somebody has to know who brings the same rows in again."""
    told = _(
        "Import #%(batch_id)s of the same rows was undone, but %(rows)s of its rows with %(points)s points"
        " stayed. Brought in again, they count twice."
    )
    return told % {
        "batch_id": left.batch.pk, "rows": number(left.rows), "points": number(left.points)
    }  # fmt: skip


def totals(batch: ImportBatch) -> list[tuple[str, str]]:
    """(title, value) of what the rows come to: those that would be brought in, or those that were."""
    return kind_of(batch.kind).told_totals(batch.totals)


def figures(batch: ImportBatch) -> list[tuple[str, str, int]]:
    """(filter, title, count) above the rows, those that hold nothing left out."""
    counts = batch.counts
    shown = [(name, str(RowOutcome(name).label), int(counts.get(name, 0))) for name in FILTERS]
    shown.append(("repaired", _("Understood, not as written"), int(counts.get("repaired", 0))))
    for done in RowDone:
        if done.value and counts.get(f"done:{done.value}"):
            shown.append((f"done-{done.value}", str(done.label), int(counts[f"done:{done.value}"])))
    return [one for one in shown if one[2]]
