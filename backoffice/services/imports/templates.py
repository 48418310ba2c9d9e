"""Files to fill in: heads, one example, drop-downs where a column knows its words, and a sheet that
explains.
"""

from __future__ import annotations

from typing import BinaryIO

from django.utils.translation import gettext as _

from backoffice.services.imports.kinds import ImportKind
from backoffice.tabular.writing import CsvWriter, write_template


def write(kind: ImportKind, suffix: str, target: BinaryIO) -> None:
    """A template of `kind` as `csv` (UTF-8 with BOM) or `xlsx`, in the language of the moment."""
    columns = kind.columns
    heads = [str(column.title) for column in columns.values()]
    example = [column.example for column in columns.values()]
    if suffix == "csv":
        writer = CsvWriter(target)
        writer.write(heads)
        writer.write(example)
        writer.close()
        return
    always = {name for names in kind.needs for name in names}
    explanations = [(_("Column"), _("What it may hold"), _("Example"), _("Needed"))]
    explanations += [
        (
            str(column.title),
            str(column.expected),
            column.example,
            _("one of these columns") if name in always else "",
        )
        for name, column in columns.items()
    ]
    explanations += [(title, may, example, "") for title, may, example in kind.notes()]
    choices = {index: column.choices() for index, column in enumerate(columns.values()) if column.choices}
    write_template(
        target,
        heads=heads,
        example=example,
        choices={index: list(words) for index, words in choices.items()},
        explanations=explanations,
        sheet_names=(str(kind.title), _("Explanation")),
    )
