"""Looking at a file: what it is, how it is read, which column is which. Shown before anything is checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO

from django.db import transaction

from backoffice.actors import Actor
from backoffice.choices import ImportState
from backoffice.errors import ImportNotThere
from backoffice.models import ColumnMemory, ImportBatch
from backoffice.services.imports import layouts, steps, storage
from backoffice.services.imports.cells import printable
from backoffice.services.imports.kinds import ImportKind, kind_of
from backoffice.tabular import canonical, sniffing, workbooks
from backoffice.tabular.csv_rows import CsvRows, Place, Record
from backoffice.tabular.faults import FileRefused
from backoffice.tabular.lines import byte_lines

HEAD_SHOWN = 100
# Cells of a line that is shown because no head was found.
MOST_SHOWN = 20


def look(batch: ImportBatch, now: datetime) -> None:
    """The work of the job: fill `layout`, or refuse the file with its reason. Runs in the chunk's
    transaction.
    """
    try:
        with transaction.atomic():
            batch.layout = _understand(batch)
    except FileRefused as refusal:
        steps.move(batch, ImportState.FAILED, problem=refusal.as_json(), layout=batch.layout)
        steps.tell(batch, "refused", now)
        return
    steps.move(batch, ImportState.UNDERSTOOD, layout=batch.layout, canonical=batch.canonical, problem={})


@transaction.atomic
def look_again(*, batch_id: int, wishes: Mapping[str, Any], actor: Actor, now: datetime) -> ImportBatch:
    """Read the file as the user says: `encoding`, `delimiter`, `sheet`, `head` (the line of the head).

    Raises OutOfReach, ImportNotThere once rows are being applied.
    """
    allowed = (ImportState.UNDERSTOOD, ImportState.CHECKED, ImportState.FAILED)
    batch = steps.locked(batch_id, *allowed)
    if not kind_of(batch.kind).uploadable:
        raise ImportNotThere(status=batch.get_state_display())
    batch.layout = {"type": batch.layout["type"], "wishes": {k: v for k, v in wishes.items() if v}}
    steps.ask_for(batch, steps.LOOK, now)
    # What an earlier check counted was read by another layout.
    deciders = steps.deciders_with(batch, actor)
    steps.move(
        batch, ImportState.UPLOADED, layout=batch.layout, counts={}, totals={}, problem={}, deciders=deciders
    )
    return batch


def _understand(batch: ImportBatch) -> dict[str, Any]:
    kind = kind_of(batch.kind)
    wishes = batch.layout.get("wishes", {})
    layout: dict[str, Any] = {"type": batch.layout["type"], "wishes": wishes}
    layout |= _made_readable(batch, wishes)
    with storage.stored(batch.canonical or batch.file) as file:
        layout["delimiter"] = wishes.get("delimiter") or _delimiter(file, layout["read_as"])
        rows = CsvRows(file, layout["read_as"], layout["delimiter"])
        first, places = [], [Place()]
        for record in islice(rows, layouts.HEAD_WITHIN + layouts.SAMPLE):
            first.append(record)
            places.append(rows.place)
    # What was read, for whoever has to say where the names of the columns stand.
    batch.layout = layout | {"first": [_shown(record) for record in first[: layouts.HEAD_WITHIN]]}
    return layout | _columns(first, places, kind, batch, wishes)


def _made_readable(batch: ImportBatch, wishes: Mapping[str, Any]) -> dict[str, Any]:
    """Encoding and sheet; what cannot be read from the middle is stored once more as UTF-8 CSV."""
    with storage.stored(batch.file) as file:
        if batch.layout["type"] == sniffing.XLSX:
            found: dict[str, Any] = {}

            def write(target: BinaryIO) -> None:
                found["sheet"], sheets = workbooks.workbook_to_csv(file, target, wishes.get("sheet", ""))
                found["sheets"] = [{"name": sheet.name, "hidden": sheet.hidden} for sheet in sheets]

            batch.canonical = storage.keep_written(write, "csv")
            return {"encoding": "", "read_as": "utf-8", **found}
        encoding = wishes.get("encoding") or sniffing.encoding_of(file)
        if encoding.startswith("utf-16"):
            batch.canonical = storage.keep_written(
                lambda target: canonical.utf16_to_utf8(file, target, encoding), "csv"
            )
            return {"encoding": encoding, "read_as": "utf-8"}
        batch.canonical = ""
        return {"encoding": encoding, "read_as": encoding}


def _delimiter(file: BinaryIO, encoding: str) -> str:
    file.seek(0)
    sample = [
        line.decode(encoding.removesuffix("-sig"), errors="replace")
        for line, _start in islice(byte_lines(file), 30)
    ]
    return sniffing.delimiter_of(sample)


def _columns(
    first: list[Record], places: list[Place], kind: ImportKind, batch: ImportBatch, wishes: Mapping[str, Any]
) -> dict[str, Any]:
    remembered = _memory(batch)
    index = _wished_head(first, wishes) if wishes.get("head") else layouts.find_head(first, kind, remembered)
    heads = [printable(cell.strip().lstrip("\ufeff"), HEAD_SHOWN) for cell in first[index].cells]
    fields = layouts.guess(heads, kind, remembered)
    if len(first) == index + 1:
        raise FileRefused("no_rows")
    sample = [[printable(cell) for cell in record.cells] for record in first[index + 1 :][: layouts.SAMPLE]]
    start = places[index + 1]
    return {
        "head": first[index].line,
        "heads": heads[: len(fields)],
        "fields": fields,
        "sample": sample,
        "start": {"offset": start.offset, "line": start.line},
    }


def _shown(record: Record) -> dict[str, Any]:
    return {"line": record.line, "cells": [printable(cell) for cell in record.cells[:MOST_SHOWN]]}


def _wished_head(first: list[Record], wishes: Mapping[str, Any]) -> int:
    lines = [record.line for record in first]
    wished = int(wishes["head"])
    if wished not in lines[: layouts.HEAD_WITHIN]:
        raise FileRefused("no_head", names="")
    return lines.index(wished)


def _memory(batch: ImportBatch) -> dict[str, str]:
    if batch.owner_id is None:
        return {}
    return dict(
        ColumnMemory.objects.filter(user=batch.owner_id, kind=batch.kind).values_list("head", "field")
    )
