"""XLSX in: looked through as a zip of XML before any reader unpacks it, then turned into UTF-8 CSV.

Belongs into a worker: the reader holds a whole sheet in memory. What a cell shows and what it holds differ;
texts stay, whole numbers lose their ".0", dates become ISO, and numbers that Excel has rounded are marked.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO

from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from backoffice.tabular.faults import FileRefused

BLOCK = 1 << 18
MOST_UNPACKED = 400 << 20
MOST_PARTS = 2000
MOST_CELLS = 25_000_000
# Excel keeps 15 digits of a number and turns the others into zeros.
MOST_DIGITS = 10**15
ROUNDED = "\N{ALMOST EQUAL TO}"

SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
ENTITY = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"')
FORMULA = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3}[0-9]{1,7})"[^>]*>\s*<(?:\w+:)?f[ >/]')
# A tag that the end of a block cuts in two is looked at again with the next block.
OVERLAP = 512


@dataclass(frozen=True, slots=True)
class Sheet:
    name: str
    hidden: bool


def check_workbook(file: BinaryIO) -> None:
    """Look through the zip and its XML in pieces. Raises FileRefused for what no honest spreadsheet holds."""
    try:
        with zipfile.ZipFile(file) as parts:
            entries = parts.infolist()
            _check_names(entries)
            unpacked = 0
            for entry in entries:
                unpacked = _check_part(parts, entry, unpacked)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError):
        raise FileRefused("broken_workbook") from None
    finally:
        file.seek(0)


def _check_names(entries: list[zipfile.ZipInfo]) -> None:
    if sum(entry.file_size for entry in entries) > MOST_UNPACKED:
        raise FileRefused("bomb", most=MOST_UNPACKED >> 20)
    if len(entries) > MOST_PARTS:
        raise FileRefused("strange_part")
    for entry in entries:
        name = entry.filename
        if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or ":" in name:
            raise FileRefused("strange_part")
        if name.lower().endswith("vbaproject.bin") or "/macrosheets/" in name.lower():
            raise FileRefused("macros")
        if entry.flag_bits & 1:
            raise FileRefused("old_excel")


def _check_part(parts: zipfile.ZipFile, entry: zipfile.ZipInfo, unpacked: int) -> int:
    """Bytes unpacked so far, this part included: the sizes in a zip's list are only a promise."""
    if not entry.filename.endswith((".xml", ".rels", ".vml")):
        return unpacked
    is_sheet = bool(SHEET.fullmatch(entry.filename))
    widest, lowest, tail = 0, 0, b""
    with parts.open(entry) as part:
        while block := part.read(BLOCK):
            unpacked += len(block)
            if unpacked > MOST_UNPACKED:
                raise FileRefused("bomb", most=MOST_UNPACKED >> 20)
            piece = tail + block
            if ENTITY.search(piece):
                raise FileRefused("entities")
            if is_sheet:
                if formula := FORMULA.search(piece):
                    raise FileRefused("formulas", cell=formula[1].decode())
                widest, lowest = _reach(piece, widest, lowest)
            tail = piece[-OVERLAP:]
    return unpacked


def _reach(piece: bytes, widest: int, lowest: int) -> tuple[int, int]:
    """How far to the right and down the cells go. A reader makes room for everything in between."""
    for column, row in CELL.findall(piece):
        number = 0
        for letter in column:
            number = number * 26 + letter - 64
        widest, lowest = max(widest, number), max(lowest, int(row))
        if widest * lowest > MOST_CELLS:
            raise FileRefused("too_many_cells", cell=f"{column.decode()}{row.decode()}")
    return widest, lowest


def sheets_of(workbook: CalamineWorkbook) -> list[Sheet]:
    return [
        Sheet(sheet.name, sheet.visible != SheetVisibleEnum.Visible) for sheet in workbook.sheets_metadata
    ]


def open_workbook(file: BinaryIO) -> CalamineWorkbook:
    """Raises FileRefused; call `check_workbook` first."""
    try:
        return CalamineWorkbook.from_object(file)
    except (CalamineError, OSError, ValueError):
        raise FileRefused("broken_workbook") from None


def workbook_to_csv(file: BinaryIO, target: BinaryIO, sheet: str = "") -> tuple[str, list[Sheet]]:
    """Write one sheet as UTF-8 CSV: the named one, or the first that can be seen and has rows.

    Answers its name and all sheets. One record a row of the sheet, so that line numbers are those of Excel.
    Raises FileRefused.
    """
    check_workbook(file)
    workbook = open_workbook(file)
    sheets = sheets_of(workbook)
    names = [sheet] if sheet else [one.name for one in sheets if not one.hidden] or [sheets[0].name]
    if not set(names) <= {one.name for one in sheets}:
        raise FileRefused("no_such_sheet", sheet=sheet)
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=False)
    try:
        for name in names:
            if _copy(workbook, name, text):
                return name, sheets
    finally:
        text.flush()
        text.detach()
    raise FileRefused("empty")


def _copy(workbook: CalamineWorkbook, name: str, text: io.TextIOWrapper) -> bool:
    try:
        sheet = workbook.get_sheet_by_name(name)
    except (CalamineError, OSError, ValueError):
        raise FileRefused("broken_workbook") from None
    if sheet.start is None:
        return False
    writer = csv.writer(text)
    # A row that is left out would move all line numbers behind it; an empty record keeps the count.
    for _above in range(sheet.start[0]):
        text.write("\r\n")
    for cells in _rows(sheet):
        texts = [_text(cell).replace("\r", " ").replace("\n", " ") for cell in cells]
        if any(texts):
            writer.writerow(texts)
        else:
            text.write("\r\n")
    return True


def _rows(sheet: Any) -> Iterator[list[Any]]:
    try:
        yield from sheet.to_python(skip_empty_area=True)
    except (CalamineError, OSError, ValueError):
        raise FileRefused("broken_workbook") from None


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        mark = ROUNDED if abs(cell) >= MOST_DIGITS else ""
        return mark + (str(int(cell)) if float(cell).is_integer() else repr(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
    if isinstance(cell, date | time | timedelta):
        return str(cell)
    return str(cell)
