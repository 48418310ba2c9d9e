"""What an uploader gets back: the rows that stayed out, as his own file, with what to mend in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.actors import Actor
from backoffice.choices import RowDone, RowOutcome
from backoffice.errors import ImportNotThere
from backoffice.models import ImportBatch, ImportRow
from backoffice.services import audit
from backoffice.services.imports import storage
from backoffice.services.imports.kinds import ImportKind, kind_of
from backoffice.tabular.csv_rows import CsvRows, Place
from backoffice.tabular.sniffing import XLSX
from backoffice.tabular.writing import CsvWriter, TableWriter, XlsxWriter

OUT = (RowOutcome.ERROR.value, RowOutcome.CONFLICT.value, RowOutcome.DUPLICATE.value)


def error_rows(batch: ImportBatch) -> Iterator[ImportRow]:
    """Rows that were not or will not be brought in, by line, streamed."""
    rows = ImportRow.objects.filter(batch=batch)
    bad = rows.filter(outcome__in=OUT) | rows.filter(done=RowDone.REFUSED)
    return bad.order_by("line").only("batch_id", "line", "faults").iterator(chunk_size=2000)


def need_checked(batch: ImportBatch) -> None:
    """Raises ImportNotThere for an import that has no file, or whose rows nobody has checked yet."""
    if not kind_of(batch.kind).uploadable or not batch.counts:
        raise ImportNotThere(status=batch.get_state_display())


def write_errors(*, batch: ImportBatch, target: BinaryIO, actor: Actor, now: datetime) -> int:
    """The bad rows as they were uploaded, in the same format and encoding, with three columns more. How many.

    The three columns are skipped when the corrected file comes back. Raises FileRefused when the upload is
    gone, ImportNotThere.
    """
    need_checked(batch)
    kind = kind_of(batch.kind)
    layout = batch.layout
    writer: TableWriter
    if layout["type"] == XLSX:
        writer = XlsxWriter(target)
    else:
        encoding = {"utf-8": "utf-8-sig"}.get(layout["encoding"], layout["encoding"])
        writer = CsvWriter(target, encoding, layout["delimiter"])
    writer.write([*layout["heads"], *result_heads()])
    count = 0
    for cells, faults in _joined(batch):
        writer.write([*_padded(cells, len(layout["heads"])), *told(kind, faults, layout)])
        count += 1
    writer.close()
    with transaction.atomic():
        audit.record(
            actor=actor, action="import.take_errors", subject=batch, changes={"rows": [None, count]}, now=now
        )
    return count


def result_heads() -> tuple[str, str, str]:
    return _("Field with the error"), _("Reason of the error"), _("Suggestion")


def told(
    kind: ImportKind, faults: list[dict[str, object]], layout: Mapping[str, Any]
) -> tuple[str, str, str]:
    """(fields, reasons, suggestions) of a row, each fault on a line of its own."""
    fields, reasons, hints = [], [], []
    for fault in faults:
        fields.append(kind.title_of(str(fault.get("column", "")), layout) or _("Row"))
        reasons.append(_("expected %(expected)s") % {"expected": kind.fault_text(fault)})
        if fault.get("hint"):
            hints.append(str(fault["hint"]))
    return " / ".join(fields), " / ".join(reasons), " / ".join(hints)


def _joined(batch: ImportBatch) -> Iterator[tuple[list[str], list[dict[str, object]]]]:
    """Records of the upload that are bad rows: both come in the order of lines, so neither is held."""
    wanted = error_rows(batch)
    row = next(wanted, None)
    start = batch.layout["start"]
    with storage.stored(batch.canonical or batch.file) as file:
        place = Place(start["offset"], start["line"])
        for record in CsvRows(file, batch.layout["read_as"], batch.layout["delimiter"], place):
            if row is None:
                return
            if record.line == row.line:
                yield record.cells, row.faults or []
                row = next(wanted, None)


def _padded(cells: list[str], width: int) -> list[str]:
    return [*cells, *[""] * width][: max(width, 0)]
