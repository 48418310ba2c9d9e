"""Cells of one record, made fit: blanks, guards and invisible marks off, then what each column's widget
reads.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from backoffice.services.imports.columns import CellFault, Repaired
from backoffice.services.imports.kinds import ImportKind, Reader, Staged
from backoffice.tabular.csv_rows import Record
from backoffice.tabular.workbooks import ROUNDED

VALUE_SHOWN = 80
NOT_SHOWN = "\N{OPEN BOX}"
# Excel's way to keep a zero: ="0912345678".
GUARD = re.compile(r'=\s*"(.*)"')
GUARDED = ("=", "'", ROUNDED)
Problem = dict[str, Any]


class RowReader:
    """Reads records by a layout. `fields` are the columns of the file by position, "" for ignored ones."""

    def __init__(
        self, kind: ImportKind, layout: Mapping[str, Any], policy: Mapping[str, str], reader: Reader
    ) -> None:
        columns = kind.columns
        self._width = len(layout["heads"])
        self._reads: list[tuple[int, str, Callable[[str], str]]] = [
            (index, name, columns[name].widget.read) for index, name in enumerate(layout["fields"]) if name
        ]
        self._empty_is_error = policy.get("empty") == "error"
        self._reader = reader
        self._blank: dict[str, str | None] = dict.fromkeys(columns)

    def read(self, record: Record) -> tuple[Staged | None, list[Problem], list[Problem]]:
        """(the row to stage or None, its faults, what was repaired)."""
        if misshapen := self._shape(record):
            return None, [misshapen], []
        cells, faults, repairs = self._blank.copy(), [], []
        raw = record.cells
        for index, name, read in self._reads:
            text = raw[index].strip()
            if not text:
                if self._empty_is_error:
                    faults.append(_problem(name, "", CellFault("empty")))
                continue
            try:
                bare = text if text.isprintable() and text[0] not in GUARDED else _bare(text)
                value = read(bare) if bare else None
            except CellFault as fault:
                faults.append(_problem(name, text, fault))
                continue
            if isinstance(value, Repaired) or bare is not text:
                repairs.append({"column": name, "value": printable(text)})
            cells[name] = value
        if faults:
            return None, faults, repairs
        try:
            return self._reader(cells), [], repairs
        except CellFault as fault:
            shown = cells.get(fault.column) or ""
            return None, [_problem(fault.column, shown, fault)], repairs

    def _shape(self, record: Record) -> Problem | None:
        if record.broken:
            return {"column": "", "value": "", "fault": "broken"}
        found = len(record.cells)
        if found == self._width:
            return None
        if found < self._width:
            word = "short"
        elif any(cell.strip() for cell in record.cells[self._width :]):
            word = "long"
        else:
            return None
        details = {"expected": self._width, "found": found}
        return {"column": "", "value": "", "fault": word, "details": details}


def printable(text: str, most: int = VALUE_SHOWN) -> str:
    """The beginning of `text`, fit for JSON and screens: what no table can hold is shown as a mark."""
    return "".join(char if char.isprintable() else NOT_SHOWN for char in text[:most])


def _problem(column: str, text: str, fault: CellFault) -> Problem:
    problem: Problem = {"column": column, "value": printable(text), "fault": fault.fault}
    if fault.hint:
        problem["hint"] = fault.hint
    if fault.details:
        problem["details"] = fault.details
    return problem


def _bare(text: str) -> str:
    """Without Excel's guards and without marks that nobody sees. Raises CellFault for control characters."""
    if text.startswith(ROUNDED):
        raise CellFault("rounded")
    if guarded := GUARD.fullmatch(text):
        text = guarded[1].strip()
    elif text[0] == "'" and text[1:2] in ("=", "+", "-", "@"):
        text = text[1:]
    if text.isprintable():
        return text
    kept = []
    for char in text:
        category = unicodedata.category(char)
        if category == "Cc" and char not in "\t\r\n":
            raise CellFault("control")
        if category in ("Cc", "Zs", "Zl", "Zp"):
            kept.append(" ")
        elif category not in ("Cf", "Cs"):
            kept.append(char)
    return "".join(kept).strip()
