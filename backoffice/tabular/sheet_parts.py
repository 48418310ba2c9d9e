"""A workbook written in parts: rows of one sheet each, by different processes, bound into one XLSX.

The library that `writing` uses has to write a workbook in one go. Here a part is the compressed XML of its
rows, and binding copies parts into sheets, so neither step holds the table and each takes a bounded time.
"""

from __future__ import annotations

import gzip
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO
from xml.sax.saxutils import escape, quoteattr

from backoffice.tabular.lines import BLOCK
from backoffice.tabular.writing import inert

# XML 1.0 knows no way to write these.
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
LONGEST_CELL = 32_767
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
DECLARED = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
SHEET_BEGINS = f'{DECLARED}<worksheet xmlns="{MAIN}"><sheetData>'
SHEET_ENDS = "</sheetData></worksheet>"
# Styles: 0 nothing, 1 text, 2 text that Excel keeps quoted, also after somebody has edited the cell.
STYLES = (
    f'{DECLARED}<styleSheet xmlns="{MAIN}"><fonts count="1"><font/></fonts>'
    '<fills count="1"><fill/></fills><borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf/>'
    '<xf numFmtId="49" applyNumberFormat="1"/><xf numFmtId="49" applyNumberFormat="1" quotePrefix="1"/>'
    "</cellXfs></styleSheet>"
)


class SheetPart:
    """Rows of texts as a part of a sheet. Text cells are never formulas; what looks like one is quoted."""

    def __init__(self, target: BinaryIO) -> None:
        self._file = gzip.GzipFile(fileobj=target, mode="wb", compresslevel=1, mtime=0)

    def write(self, cells: Sequence[str]) -> None:
        self._file.write(f"<row>{''.join(map(_cell, cells))}</row>".encode())

    def close(self) -> None:
        self._file.close()


def bind(target: BinaryIO, sheets: Sequence[tuple[str, Iterable[BinaryIO]]]) -> None:
    """Write a workbook of `sheets`: (name, its parts in their order). Parts are opened one by one."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as book:
        for number, (_name, parts) in enumerate(sheets, 1):
            with book.open(f"xl/worksheets/sheet{number}.xml", "w", force_zip64=True) as sheet:
                sheet.write(SHEET_BEGINS.encode())
                for block in _blocks(parts):
                    sheet.write(block)
                sheet.write(SHEET_ENDS.encode())
        for path, text in _frame([name for name, _parts in sheets]):
            book.writestr(path, text)


def _cell(text: str) -> str:
    if not text:
        return "<c/>"
    text = UNWRITABLE.sub("", text)[:LONGEST_CELL]
    style = 1 if inert(text) == text else 2
    return f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def _blocks(parts: Iterable[BinaryIO]) -> Iterator[bytes]:
    for part in parts:
        with gzip.GzipFile(fileobj=part, mode="rb") as rows:
            while block := rows.read(BLOCK):
                yield block


def _frame(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The small files around the sheets: (path, text)."""
    numbers = range(1, len(names) + 1)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{kind}.worksheet+xml"/>'
        for n in numbers
    )
    yield (
        "[Content_Types].xml",
        f'{DECLARED}<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{kind}.styles+xml"/>{types}</Types>',
    )
    yield "_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")])
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>'
        for n, name in zip(numbers, names, strict=True)
    )
    yield (
        "xl/workbook.xml",
        f'{DECLARED}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>',
    )
    inside = [("worksheet", f"worksheets/sheet{n}.xml") for n in numbers]
    yield "xl/_rels/workbook.xml.rels", _relations([*inside, ("styles", "styles.xml")])
    yield "xl/styles.xml", STYLES


def _relations(parts: Sequence[tuple[str, str]]) -> str:
    listed = "".join(
        f'<Relationship Id="rId{n}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(parts, 1)
    )
    return f'{DECLARED}<Relationships xmlns="{PACKAGE}/relationships">{listed}</Relationships>'
