"""Why a file as a whole cannot be used. The sentence is put together for whoever reads it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.errors import Refusal

FILE_FAULTS = {
    "empty": _("The file is empty."),
    "no_rows": _("The file has a head but no rows under it (0 rows)."),
    "no_head": _(
        "No line of column names was found. The first line must name the columns, such as %(names)s."
    ),
    "column_missing": _("These columns are missing: %(names)s. Add them, or say which column holds them."),
    "column_twice": _("The column “%(name)s” is there twice. Delete one of the two."),
    "columns_alike": _("The columns %(names)s mean the same field. Keep one, or ignore the others."),
    "too_big": _("The file is larger than %(most)s MB. Split it."),
    "too_many_rows": _("The file has more than %(most)s rows. Split it."),
    "long_line": _("Line %(line)s is longer than %(most)s characters. It is no table."),
    "quote_open": _("A quotation mark of line %(line)s is never closed. Close it, or delete it."),
    "not_a_table": _("This is no CSV and no XLSX file. Save it as CSV UTF-8 or XLSX."),
    "gzip_broken": _("The gzipped file is damaged or was cut off. Pack it anew, or upload it unpacked."),
    "old_excel": _("This is an old (.xls) or a protected Excel file. Save it as XLSX without a password."),
    "xlsx_named_otherwise": _(
        "This is an XLSX workbook, but its name ends in .%(suffix)s. Rename it to .xlsx."
    ),
    "csv_named_xlsx": _("The name ends in .xlsx, but this is no workbook. Rename it to .csv."),
    "broken_workbook": _("The workbook is damaged and cannot be opened. Save it anew with Excel."),
    "macros": _("The workbook holds macros. Save it as a workbook without macros (.xlsx)."),
    "strange_part": _("The workbook holds a part with a forbidden name. It was not made by a spreadsheet."),
    "entities": _("The workbook defines XML entities. It was not made by a spreadsheet."),
    "bomb": _("Unpacked, the workbook is larger than %(most)s MB. It is refused before it is read."),
    "too_many_cells": _("The sheet reaches as far as cell %(cell)s. Delete everything outside of the table."),
    "formulas": _("The sheet holds formulas (first in %(cell)s). Paste them as values."),
    "no_such_sheet": _("The workbook has no sheet “%(sheet)s”."),
    "broken_text": _("The file cannot be read as %(encoding)s."),
    "gone": _("The uploaded file was deleted after its time. Upload it again."),
}


class FileRefused(Refusal):
    """The whole file is refused and nothing of it was written. `fault` is a key of FILE_FAULTS."""

    code = "file_refused"

    def __init__(self, fault: str, **details: Any) -> None:
        super().__init__(**details)
        self.fault = fault
        self.code = f"file_{fault}"
        self.sentence = FILE_FAULTS[fault]

    def as_json(self) -> dict[str, Any]:
        return {"fault": self.fault, "details": self.details}


def file_fault_text(stored: dict[str, Any]) -> str:
    """The sentence of a stored `FileRefused.as_json()` in the reader's language; "" for none."""
    fault = FILE_FAULTS.get(stored.get("fault", ""))
    return str(fault) % stored.get("details", {}) if fault else ""
