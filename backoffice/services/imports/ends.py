"""Which results of rows hold.

Rows of a kind that stages them in one write (`ImportKind.one_write`) carry the result that they will have
from the check on: it holds once the apply has passed their line, in the transaction that committed its
checkpoint.
A second write of each of a million rows would cost as much as the tag that it speaks of. Whoever reads `done`
of any kind reads it through here.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from backoffice.choices import ImportState, RowDone
from backoffice.models import ImportBatch, ImportRow, Job
from backoffice.services.imports.kinds import kind_of

OVER = (ImportState.APPLIED, ImportState.UNDOING, ImportState.UNDONE)
NOT_BEGUN = -1
# In `layout`: the last line that an apply had passed when it was stopped.
THROUGH = "through"


def through(batch: ImportBatch) -> int | None:
    """The last line whose result holds; None: all of them do."""
    if kind_of(batch.kind).one_write(batch) is None:
        return None
    if batch.state in OVER:
        return batch.layout.get(THROUGH)
    return passed(batch) if batch.state == ImportState.APPLYING else NOT_BEGUN


def passed(batch: ImportBatch) -> int:
    """The last line that the apply of the batch has committed."""
    checkpoints = Job.objects.filter(imports=batch.pk).values_list("checkpoint", flat=True)
    return int((checkpoints.first() or {}).get("line", NOT_BEGUN))


def with_done(rows: QuerySet[Any], batch: ImportBatch, done: str) -> QuerySet[Any]:
    """Those of the batch's rows whose result is `done`."""
    last = through(batch)
    if last is None:
        return rows.filter(done=done)
    if done == RowDone.OPEN:
        return rows.filter(Q(done=done) | Q(line__gt=last))
    return rows.filter(done=done, line__lte=last)


def done_of(row: ImportRow, last: int | None) -> str:
    """The result of a row, `last` being what `through` says."""
    return row.done if last is None or row.line <= last else RowDone.OPEN.value
