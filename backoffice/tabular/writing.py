"""Tables out: CSV in any encoding and XLSX, written row by row in flat memory, with formulas made
harmless.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import BinaryIO, Protocol

import xlsxwriter

# A spreadsheet takes a cell that begins like this for a formula, also behind blanks.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
MOST_SHEET_ROWS = 1_048_576
MOST_TOLD = 100


class TableWriter(Protocol):
    def write(self, cells: Sequence[str]) -> None: ...
    def close(self) -> None: ...


def inert(text: str) -> str:
    """`text` as no spreadsheet will run it: an apostrophe in front of what would begin a formula.

    >>> [inert(text) for text in ("=1+1", " @x", "+886912345678", "王小明", "-5")]
    ["'=1+1", "' @x", '+886912345678', '王小明', '-5']
    """
    bare = text.lstrip(" ")
    if not bare.startswith(FORMULA_STARTS):
        return text
    # Phone numbers and negative numbers are values, not formulas.
    return text if bare[0] in "+-" and bare[1:].replace(".", "", 1).isdigit() else f"'{text}"


class CsvWriter:
    """CSV in `encoding`; characters that it does not hold are written as `?`, their cells counted in `lost`.

    `lost_texts` are the first MOST_TOLD of these cells.
    """

    def __init__(self, target: BinaryIO, encoding: str = "utf-8-sig", delimiter: str = ",") -> None:
        self.lost = 0
        self.lost_texts: list[str] = []
        self._text = io.TextIOWrapper(target, encoding=encoding, errors="replace", newline="")
        self._strict = encoding.startswith("utf")
        self._encoding = encoding
        self._writer = csv.writer(self._text, delimiter=delimiter)

    def write(self, cells: Sequence[str]) -> None:
        if not self._strict:
            unfit = [cell for cell in cells if not _fits(cell, self._encoding)]
            self.lost += len(unfit)
            self.lost_texts += unfit[: MOST_TOLD - len(self.lost_texts)]
        self._writer.writerow([inert(cell) for cell in cells])

    def close(self) -> None:
        self._text.flush()
        self._text.detach()


class XlsxWriter:
    """One sheet of texts; text cells are never formulas, so nothing is escaped."""

    def __init__(self, target: BinaryIO, sheet: str = "Sheet1") -> None:
        self._book = xlsxwriter.Workbook(target, {"constant_memory": True, "strings_to_formulas": False})
        self._sheet = self._book.add_worksheet(sheet[:31])
        self._text = self._book.add_format({"num_format": "@"})
        self._row = 0

    def write(self, cells: Sequence[str]) -> None:
        for column, cell in enumerate(cells):
            self._sheet.write_string(self._row, column, cell, self._text)
        self._row += 1

    def close(self) -> None:
        self._book.close()


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def write_template(
    target: BinaryIO,
    *,
    heads: Sequence[str],
    example: Sequence[str],
    choices: dict[int, Sequence[str]],
    explanations: Iterable[Sequence[str]],
    sheet_names: tuple[str, str],
    rows: int = 2000,
) -> None:
    """An XLSX to fill in: all cells are text (a phone keeps its zero), `choices` become drop-downs by column,
    and a second sheet explains each column.
    """
    book = xlsxwriter.Workbook(target, {"strings_to_formulas": False})
    text = book.add_format({"num_format": "@"})
    head = book.add_format({"num_format": "@", "bold": True, "bg_color": "#EEF2FF", "border": 1})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet = book.add_worksheet(sheet_names[0])
    for column, name in enumerate(heads):
        sheet.set_column(column, column, max(14, len(name) * 2 + 2), text)
        sheet.write_string(0, column, name, head)
        sheet.write_string(1, column, example[column], text)
    for column, values in choices.items():
        sheet.data_validation(1, column, rows, column, {"validate": "list", "source": list(values)})
    sheet.freeze_panes(1, 0)
    notes = book.add_worksheet(sheet_names[1])
    notes.set_column(0, 0, 20)
    notes.set_column(1, 3, 46)
    for number, cells in enumerate(explanations):
        for column, cell in enumerate(cells):
            notes.write_string(number, column, cell, head if number == 0 else wrapped)
    book.close()
