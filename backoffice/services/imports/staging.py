"""Rows into the staging table, by COPY, in PostgreSQL's text format written by hand.

A driver that adapts value by value takes longer than reading and checking a row together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from backoffice.choices import RowOutcome
from backoffice.services.imports.kinds import Staged

COPY = (
    "COPY backoffice_importrow (batch_id, line, outcome, key, other_key, cells, faults, repairs) FROM STDIN"
)
NULL = "\\N"
Row = tuple[int, Staged | None, Sequence[dict[str, Any]], Sequence[dict[str, Any]]]


def stage(batch_id: int, rows: Iterable[Row]) -> None:
    """Copy (line, staged, faults, repairs) into the staging table. Part of the caller's transaction."""
    text = "".join(_line(batch_id, *row) for row in rows)
    if not text:
        return
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.write(text)


def _line(
    batch_id: int,
    line: int,
    staged: Staged | None,
    faults: Sequence[dict[str, Any]],
    repairs: Sequence[dict[str, Any]],
) -> str:
    marks = _json(repairs) if repairs else NULL
    if staged is None:
        nothing = f"{NULL}\t{NULL}\t{NULL}"
        return f"{batch_id}\t{line}\t{RowOutcome.ERROR.value}\t{nothing}\t{_json(faults)}\t{marks}\n"
    key = NULL if staged.key is None else staged.key.replace("\\", "\\\\")
    other = NULL if staged.other_key is None else staged.other_key.replace("\\", "\\\\")
    return f"{batch_id}\t{line}\t{RowOutcome.NEW.value}\t{key}\t{other}\t{_array(staged)}\t{NULL}\t{marks}\n"


def _array(staged: Staged) -> str:
    """An array literal. Cells hold no control characters, so quotes and backslashes are all there is to
    escape.
    """
    cells = staged.cells.values()
    text = "{" + ",".join(["NULL" if value is None else f'"{value}"' for value in cells]) + "}"
    if "\\" not in text and text.count('"') == 2 * sum(value is not None for value in cells):
        return text
    return "{" + ",".join("NULL" if value is None else _quoted(value) for value in cells) + "}"


def _quoted(value: str) -> str:
    inner = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + inner.replace("\\", "\\\\") + '"'


def _json(value: Sequence[dict[str, Any]]) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\\", "\\\\")
