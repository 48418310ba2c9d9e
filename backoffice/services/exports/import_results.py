"""The results of an import as a list: every row with its outcome, what was done and what was wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from backoffice.choices import RowDone, RowOutcome
from backoffice.models import ImportBatch, ImportRow
from backoffice.services.exports.columns import out
from backoffice.services.exports.kinds import Asked, Criterion, ExportKind, choice, register
from backoffice.services.imports import ends, results
from backoffice.services.imports.columns import ImportColumn, Text
from backoffice.services.imports.kinds import kind_of as import_kind_of

NAME = "import_rows"
FAULTS = ("fault_fields", "fault_reasons", "fault_hints")


class Nobody(AnonymousUser):
    """Whoever looks without any right: what he is shown is masked."""


def _of_batch(rows: QuerySet[Any], value: str, asked: Asked) -> QuerySet[Any]:
    return rows.filter(batch=_batch_id(asked))


def _with_done(rows: QuerySet[Any], value: str, asked: Asked) -> QuerySet[Any]:
    batch = ImportBatch.objects.filter(pk=_batch_id(asked)).first()
    return ends.with_done(rows, batch, value) if batch else rows.none()


def _batch_id(asked: Asked) -> int:
    """The batch of the filter, if it is within reach; 0 has no rows."""
    value = asked.query.get("batch", "")
    batches: Any = ImportBatch.objects.all()
    if asked.user is not None:
        batches = batches.visible_to(asked.user)
    known = batches.filter(pk=int(value)).exists() if value.isdecimal() else False
    return int(value) if known else 0


def rows(asked: Asked) -> QuerySet[Any]:
    return ImportRow.objects.filter(batch=_batch_id(asked)).defer("changes", "repairs")


def columns(asked: Asked) -> Mapping[str, ImportColumn]:
    own = {
        "line": _column("line", _("line")),
        "outcome": _column("outcome", _("outcome")),
        "done": _column("done", _("result")),
    }
    batch = ImportBatch.objects.filter(pk=_batch_id(asked)).first()
    kind = import_kind_of(batch.kind) if batch else None
    known = kind.columns if kind else {}
    read = {name: _column(name, column.title, column.personal) for name, column in known.items()}
    faults = zip(FAULTS, results.result_heads(), strict=True)
    # What is suggested is made of what the cell says.
    return own | read | {name: _column(name, title, name == FAULTS[-1]) for name, title in faults}


def _column(name: str, title: Text, personal: bool = False) -> ImportColumn:
    return out(name, title, personal=personal)


def dress(rows: list[Any], asked: Asked) -> Sequence[Any]:
    """Rows as the preview shows them: readable values, masked unless the export is whole."""
    batch = ImportBatch.objects.get(pk=_batch_id(asked))
    kind = import_kind_of(batch.kind)
    eyes: Any = None if asked.whole else Nobody()
    known: dict[tuple[str, str], str] = {}
    outcomes, done = dict(RowOutcome.choices), dict(RowDone.choices)
    last = ends.through(batch)

    def shown(name: str, value: str) -> str:
        if (name, value) not in known:
            known[name, value] = kind.show(name, value, eyes)
        return known[name, value]

    dressed = []
    for row in rows:
        values = zip(kind.columns, row.cells or (), strict=False)
        faults = zip(FAULTS, results.told(kind, row.faults or [], batch.layout), strict=True)
        result = done.get(ends.done_of(row, last), "")
        told = {"line": row.line, "outcome": outcomes.get(row.outcome, ""), "done": result}
        cells = {name: shown(name, value) if value else "" for name, value in values}
        dressed.append(SimpleNamespace(**{**cells, **told, **dict(faults)}))
    return dressed


KIND = ExportKind(
    name=NAME,
    title=_("Results of an import"),
    permission="backoffice.view_importbatch",
    rows=rows,
    columns=columns,
    criteria={
        "batch": Criterion(_("Import"), _of_batch, lambda value, user: f"#{value}"),
        "outcome": choice(_("outcome"), "outcome", RowOutcome.choices),
        "done": Criterion(_("result"), _with_done, choice(_("result"), "done", RowDone.choices).show),
    },
    dress=dress,
    whole_permission="members.unmask_member",
    needs=("batch",),
)


def register_kind() -> None:
    register(KIND)
