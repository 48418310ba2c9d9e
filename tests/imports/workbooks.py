"""Workbooks for tests: honest ones, and such as no spreadsheet makes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import xlsxwriter

SHEET = "xl/worksheets/sheet1.xml"


def workbook(*rows: Sequence[Any], formula: str = "", hidden: bool = False) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target)
    if hidden:
        first = book.add_worksheet("隱藏")
        first.write_row(0, 0, ["secret"])
    sheet = book.add_worksheet("會員")
    for number, cells in enumerate(rows):
        sheet.write_row(number, 0, cells)
    if formula:
        sheet.write_formula(1, 0, formula, None, 10)
    if hidden:
        sheet.activate()
        first.hide()
    book.close()
    return target.getvalue()


def rewritten(content: bytes, **parts: bytes | None) -> bytes:
    """The workbook with parts replaced, or added by a name with its path in `names`."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            if parts.get("sheet") is not None and name == SHEET:
                new.writestr(name, parts["sheet"] or b"")
            else:
                new.writestr(name, old.read(name))
        for key in ("macro", "escape", "bomb"):
            if parts.get(key) is not None:
                path = {
                    "macro": "xl/vbaProject.bin",
                    "escape": "../../evil.xml",
                    "bomb": "xl/worksheets/sheet2.xml",
                }[key]
                new.writestr(path, parts[key] or b"")
    return target.getvalue()


def sheet_of(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        return parts.read(SHEET)
