"""What a file is, told by its bytes: type, encoding, delimiter. The user has the last word on the latter
two.
"""

from __future__ import annotations

import codecs
import csv
import zipfile
from typing import BinaryIO

from backoffice.tabular.faults import FileRefused
from backoffice.tabular.lines import BLOCK, byte_lines

CSV, XLSX = "csv", "xlsx"
ZIP_MAGIC = b"PK\x03\x04"
OLE_MAGIC = b"\xd0\xcf\x11\xe0"
# Files that people pick by mistake, and that would pass for text in some encoding.
NO_TEXT = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf", b"MZ")
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ENCODINGS = ("utf-8-sig", "utf-8", "cp950", "utf-16", "utf-16-le", "utf-16-be")
DELIMITERS = (",", ";", "\t", "|")


def type_of(file: BinaryIO, name: str) -> str:
    """`csv` or `xlsx`. Raises FileRefused for anything else, and when the name says something else."""
    head = file.read(8)
    file.seek(0)
    suffix = name.rpartition(".")[2].lower()
    if not head:
        raise FileRefused("empty")
    if head.startswith(OLE_MAGIC):
        raise FileRefused("old_excel")
    if head.startswith(ZIP_MAGIC):
        return _workbook(file, suffix)
    if head.startswith(NO_TEXT):
        raise FileRefused("not_a_table")
    if suffix in ("xlsx", "xlsm", "xls"):
        raise FileRefused("csv_named_xlsx")
    return CSV


def _workbook(file: BinaryIO, suffix: str) -> str:
    try:
        with zipfile.ZipFile(file) as parts:
            names = {part.filename for part in parts.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise FileRefused("broken_workbook") from None
    finally:
        file.seek(0)
    if "xl/workbook.xml" not in names:
        raise FileRefused("not_a_table")
    if suffix != "xlsx":
        raise FileRefused("xlsx_named_otherwise", suffix=suffix or "?")
    return XLSX


def encoding_of(file: BinaryIO) -> str:
    """One of ENCODINGS: BOM, else UTF-8 that is right throughout, else that of UTF-8 and CP950 in which fewer
    lines are broken. So one broken line does not turn a whole file into another alphabet. Rewinds the file.
    """
    head = file.read(BLOCK)
    file.seek(0)
    for bom, encoding in BOMS:
        if head.startswith(bom):
            return encoding
    if wide := _without_bom(head):
        return wide
    wrong = {"utf-8": 0, "cp950": 0}
    for line, _start in byte_lines(file):
        if line.isascii():
            continue
        for encoding in wrong:
            try:
                line.decode(encoding)
            except UnicodeDecodeError:
                wrong[encoding] += 1
    file.seek(0)
    return "utf-8" if wrong["utf-8"] <= wrong["cp950"] else "cp950"


def _without_bom(head: bytes) -> str:
    """UTF-16 without its mark: every other byte of Western text, of digits and commas is zero."""
    if len(head) < 4:
        return ""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) // 8 and even * 10 < odd:
        return "utf-16-le"
    if even > len(head) // 8 and odd * 10 < even:
        return "utf-16-be"
    return ""


def delimiter_of(sample: list[str]) -> str:
    """The one of DELIMITERS that cuts most of the sample's lines into the same number of cells, above one."""
    best, best_score = DELIMITERS[0], (0, 0)
    for delimiter in DELIMITERS:
        widths = [len(cells) for cells in csv.reader(sample, delimiter=delimiter) if any(cells)]
        if not widths:
            continue
        usual = max(set(widths), key=widths.count)
        score = (widths.count(usual) if usual > 1 else 0, usual)
        if score > best_score:
            best, best_score = delimiter, score
    return best
