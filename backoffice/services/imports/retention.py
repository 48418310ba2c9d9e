"""Uploaded files and staged rows are personal data: after their time they go, the batch and its counts
stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import Q

from backoffice.choices import ImportState
from backoffice.models import ImportBatch, ImportRow
from backoffice.services.imports import error_files, storage

# An import can be undone for as long as its rows are there.
KEPT = timedelta(days=30)
OPEN = (ImportState.CHECKING, ImportState.HELD, ImportState.APPLYING, ImportState.UNDOING)
ROWS_A_TURN = 50_000
NOBODY: dict[str, Any] = dict.fromkeys(("cells", "changes", "repairs", "key", "other_key"))


def forget_old(*, now: datetime, kept: timedelta = KEPT) -> int:
    """Delete files and rows of imports older than `kept`; returns how many imports. Repetitions do no
    harm.
    """
    old = ImportBatch.objects.filter(created_at__lt=now - kept, removed_at=None).exclude(state__in=OPEN)
    count = 0
    for batch in old.order_by("pk"):
        _forget_rows(batch)
        with transaction.atomic():
            names = (batch.file, batch.canonical)
            batch.file = batch.canonical = ""
            kept_of = set(batch.layout) - {"sample", "first"}
            batch.layout = {key: batch.layout[key] for key in sorted(kept_of)}
            batch.removed_at = now
            batch.save(update_fields=["file", "canonical", "layout", "removed_at"])
            error_files.forget(batch)
            transaction.on_commit(lambda names=names: storage.forget(*names))  # type: ignore[misc]
        count += 1
    return count


def forget_person(*, kind: str, keys: list[str]) -> None:
    """Blank the staged rows of an erased person: whoever upper floors find by the keys of the kind."""
    found = [key for key in keys if key]
    his = Q(key__in=found) | Q(other_key__in=found)
    ImportRow.objects.filter(his, batch__in=_kept_of(kind)).update(**NOBODY)


def forget_cells(*, kind: str, values: Mapping[int, str], subject_id: int | None = None) -> None:
    """Blank the staged rows of an erased person where their keys are not his: by what stands in the columns,
    value by position from 0, and by whom they led to.
    """
    his = [Q(**{f"cells__{position}": value}) for position, value in values.items() if value]
    if subject_id is not None:
        his.append(Q(subject_id=subject_id))
    if not his:
        return
    ImportRow.objects.filter(reduce(or_, his), batch__in=_kept_of(kind)).update(**NOBODY)


def _kept_of(kind: str) -> list[int]:
    return list(ImportBatch.objects.filter(kind=kind, removed_at=None).values_list("pk", flat=True))


def _forget_rows(batch: ImportBatch) -> None:
    while True:
        lines = ImportRow.objects.filter(batch=batch).order_by("line").values_list("line", flat=True)
        upto = list(lines[ROWS_A_TURN - 1 : ROWS_A_TURN])
        ImportRow.objects.filter(batch=batch, **({"line__lte": upto[0]} if upto else {})).delete()
        if not upto:
            return
