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
# Stands before the cached result of a formula: of a private area, so that no honest cell begins with it.
COMPUTED = "\ue0f1"
MOST_FORMULAS = 200_000
# Text without a tag in between: a cell of Excel holds 32,767 characters.
LONGEST_TEXT = 1 << 20
# How much smaller a zip may make a big part: tables shrink to a tenth, one repeated character to a
# thousandth.
BIG_PART, MOST_SHRUNK = 50 << 20, 200

SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
ENTITY = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"')
FORMULA = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"[^>]*>\s*<(?:\w+:)?f[ >/]')
LISTED = re.compile(rb'<(?:\w+:)?sheet\b[^>]*?\b\w+:id="([^"]+)"')
RELATION = re.compile(rb"<(?:\w+:)?Relationship\b[^>]*>")
ATTRIBUTE = re.compile(rb'\b(Id|Target)="([^"]*)"')
# A tag that the end of a block cuts in two is looked at again with the next block.
OVERLAP = 512


@dataclass(frozen=True, slots=True)
class Sheet:
    name: str
    hidden: bool


Cells = set[tuple[int, int]]


def check_workbook(file: BinaryIO) -> list[Cells]:
    """Look through the zip and its XML in pieces. Answers the (row, column) of the formulas of each sheet,
    in the order of the sheets. Raises FileRefused for what no honest spreadsheet holds.
    """
    formulas: dict[str, Cells] = {}
    try:
        with zipfile.ZipFile(file) as parts:
            entries = parts.infolist()
            _check_names(entries)
            unpacked = 0
            for entry in entries:
                unpacked = _check_part(parts, entry, unpacked, formulas)
            paths = _sheet_paths(parts) if formulas else []
            if not formulas.keys() <= set(paths):
                raise FileRefused("formulas", cell="?")
            return [formulas.get(path, set()) for path in paths]
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
        if entry.file_size > max(BIG_PART, entry.compress_size * MOST_SHRUNK):
            raise FileRefused("bomb", most=MOST_UNPACKED >> 20)
        if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or ":" in name:
            raise FileRefused("strange_part")
        if name.lower().endswith("vbaproject.bin") or "/macrosheets/" in name.lower():
            raise FileRefused("macros")
        if entry.flag_bits & 1:
            raise FileRefused("old_excel")


def _sheet_paths(parts: zipfile.ZipFile) -> list[str]:
    """The parts of the sheets in the order in which the workbook lists them, as far as they are told."""
    try:
        listed = LISTED.findall(parts.read("xl/workbook.xml"))
        relations = parts.read("xl/_rels/workbook.xml.rels")
    except KeyError:
        return []
    targets = {}
    for relation in RELATION.findall(relations):
        found = dict(ATTRIBUTE.findall(relation))
        target = found.get(b"Target", b"").decode(errors="replace")
        targets[found.get(b"Id", b"")] = (
            target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
        )
    return [targets.get(name, "") for name in listed]


def _check_part(
    parts: zipfile.ZipFile, entry: zipfile.ZipInfo, unpacked: int, formulas: dict[str, Cells]
) -> int:
    """Bytes unpacked so far, this part included: the sizes in a zip's list are only a promise."""
    if not entry.filename.endswith((".xml", ".rels", ".vml")):
        return unpacked
    is_sheet = bool(SHEET.fullmatch(entry.filename))
    widest, lowest, tail, quiet = 0, 0, b"", 0
    with parts.open(entry) as part:
        while block := part.read(BLOCK):
            unpacked += len(block)
            if unpacked > MOST_UNPACKED:
                raise FileRefused("bomb", most=MOST_UNPACKED >> 20)
            quiet = len(block) - block.rfind(b"<") if b"<" in block else quiet + len(block)
            if quiet > LONGEST_TEXT:
                raise FileRefused("bomb", most=MOST_UNPACKED >> 20)
            piece = tail + block
            if ENTITY.search(piece):
                raise FileRefused("entities")
            if is_sheet:
                for column, row in FORMULA.findall(piece):
                    formulas.setdefault(entry.filename, set()).add((int(row), _number_of(column)))
                    if len(formulas[entry.filename]) > MOST_FORMULAS:
                        raise FileRefused("formulas", cell=f"{column.decode()}{row.decode()}")
                widest, lowest = _reach(piece, widest, lowest)
            tail = piece[-OVERLAP:]
    return unpacked


def _reach(piece: bytes, widest: int, lowest: int) -> tuple[int, int]:
    """How far to the right and down the cells go. A reader makes room for everything in between."""
    for column, row in CELL.findall(piece):
        widest, lowest = max(widest, _number_of(column)), max(lowest, int(row))
        if widest * lowest > MOST_CELLS:
            raise FileRefused("too_many_cells", cell=f"{column.decode()}{row.decode()}")
    return widest, lowest


def _number_of(letters: bytes) -> int:
    """A is 1, Z is 26, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


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
    formulas = check_workbook(file)
    workbook = open_workbook(file)
    sheets = sheets_of(workbook)
    computed = dict(zip((one.name for one in sheets), formulas, strict=False))
    names = [sheet] if sheet else [one.name for one in sheets if not one.hidden] or [sheets[0].name]
    if not set(names) <= {one.name for one in sheets}:
        raise FileRefused("no_such_sheet", sheet=sheet)
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=False)
    try:
        for name in names:
            if _copy(workbook, name, text, computed.get(name, set())):
                return name, sheets
    finally:
        text.flush()
        text.detach()
    raise FileRefused("empty")


def _copy(workbook: CalamineWorkbook, name: str, text: io.TextIOWrapper, formulas: Cells) -> bool:
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
    top, left = sheet.start[0] + 1, sheet.start[1] + 1
    marked = {row for row, _column in formulas}
    for number, cells in enumerate(_rows(sheet), top):
        texts = [_text(cell).replace("\r", " ").replace("\n", " ") for cell in cells]
        if number in marked:
            texts = [
                COMPUTED + text if (number, column) in formulas else text
                for column, text in enumerate(texts, left)
            ]
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
