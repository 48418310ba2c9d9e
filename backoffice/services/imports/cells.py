"""Cells of one record, made fit: blanks, guards and invisible marks off, then what each column's widget
reads.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from backoffice.services.imports.columns import CellFault, Doubtful, Repaired
from backoffice.services.imports.kinds import BulkReader, ImportKind, Reader, Staged
from backoffice.tabular.csv_rows import Record
from backoffice.tabular.workbooks import COMPUTED, ROUNDED

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
        more = kind.more() if kind.more else None
        self._width = len(layout["heads"])
        self._reads: list[tuple[int, str, Callable[[str], str], bool, dict[str, str] | None]] = []
        self._many: list[Callable[[list[str]], list[str] | None]] = []
        for index, name in enumerate(layout["fields"]):
            widget = columns[name].widget if name in columns else more.widget(name) if more and name else None
            if widget is not None:
                usual: dict[str, str] | None = {} if widget.repeats else None
                self._reads.append((index, name, widget.read, widget.exact, usual))
                self._many.append(widget.read_many)
        self._policy = policy
        self._empty_is_error = policy.get("empty") == "error"
        self._reader = reader
        self._blank: dict[str, str | None] = dict.fromkeys(columns)

    def read(self, record: Record) -> tuple[Staged | None, list[Problem], list[Problem]]:
        """(the row to stage or None, its faults, what was repaired)."""
        if misshapen := self._shape(record):
            return None, [misshapen], []
        cells, faults, repairs = self._blank.copy(), [], []
        raw = record.cells
        for index, name, read, exact, usual in self._reads:
            if usual is not None and raw[index] in usual:
                cells[name] = usual[raw[index]]
                continue
            text = raw[index].strip()
            if not text:
                if self._empty_is_error:
                    faults.append(_problem(name, "", CellFault("empty")))
                continue
            try:
                plain = text[0] not in (ROUNDED, COMPUTED) if exact else _is_plain(text)
                bare = text if plain else _bare(text)
                value = read(bare) if bare else None
                if isinstance(value, Doubtful) and self._policy.get(value.choice) == "refuse":
                    raise CellFault(value.fault, hint=value)
            except CellFault as fault:
                faults.append(_problem(name, text, fault))
                continue
            if isinstance(value, Repaired) or bare is not text:
                repairs.append({"column": name, "value": printable(text)})
            elif usual is not None and value is not None:
                usual[raw[index]] = value
            cells[name] = value
        if faults:
            return None, faults, repairs
        try:
            return self._reader(cells), [], repairs
        except CellFault as fault:
            as_written = {repair["column"]: repair["value"] for repair in repairs}
            shown = as_written.get(fault.column) or cells.get(fault.column) or ""
            # What is refused was not understood either.
            others = [repair for repair in repairs if repair["column"] != fault.column]
            return None, [_problem(fault.column, shown, fault)], others

    def read_many(self, rows: list[list[str]]) -> dict[str, list[str]] | None:
        """The columns of records that are all usual, as the kind's reader puts them together; None: one of
        them has to be read for itself.
        """
        if not isinstance(self._reader, BulkReader) or set(map(len, rows)) != {self._width}:
            return None
        columns: dict[str, list[str]] = {}
        for (index, name, read, exact, usual), many in zip(self._reads, self._many, strict=True):
            texts = [row[index] for row in rows]
            if usual is None:
                values = many(texts)
            elif all(text in usual or _learns(text, read, exact, usual) for text in set(texts)):
                values = [usual[text] for text in texts]
            else:
                values = None
            if values is None:
                return None
            columns[name] = values
        return self._reader.usual(columns)

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


def _learns(raw: str, read: Callable[[str], str], exact: bool, usual: dict[str, str]) -> bool:
    """Whether a cell is one whose value stands for all cells that are written like it."""
    text = raw.strip()
    if not text or exact or not _is_plain(text):
        return False
    try:
        value = read(text)
    except CellFault:
        return False
    if isinstance(value, Repaired):
        return False
    usual[raw] = value
    return True


def _is_plain(text: str) -> bool:
    return text.isprintable() and text[0] not in GUARDED


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
    if text.startswith(COMPUTED):
        raise CellFault("formula")
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
