"""Columns of a kind of import: one definition for files in and out.

A kind's django-import-export Resource lists `ImportColumn`s. The library exports with them; the desk reads
the
same widgets, in its own loop, because the library's import writes row by row and holds the whole file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from import_export.fields import Field
from import_export.resources import Resource
from import_export.widgets import Widget

Text = str | Promise


class CellFault(ValueError):
    """A cell that cannot be used. `fault` is a key of a column's `faults` or of FAULTS; `hint` what may be
    meant.
    """

    def __init__(self, fault: str = "", hint: str = "", column: str = "", **details: Any) -> None:
        super().__init__(fault)
        self.fault = fault
        self.hint = hint
        self.column = column
        self.details = details


class Repaired(str):
    """A cleaned value that is not what the cell says: the preview marks it."""

    __slots__ = ()


class Doubtful(Repaired):
    """A value that may as well have been meant otherwise. It counts where the person's `choice` says "take",
    and in kinds that do not ask; otherwise it is the suggestion of the fault `fault`.
    """

    __slots__ = ("choice", "fault")
    choice: str
    fault: str

    def __new__(cls, value: str, *, choice: str, fault: str) -> Doubtful:
        made = super().__new__(cls, value)
        made.choice, made.fault = choice, fault
        return made


class ImportWidget(Widget):
    """Turns a cell's text into the text that is staged, and back.

    `read(text)` gets trimmed, non-empty text without control characters and answers what the staging table
    holds, in the notation of PostgreSQL; it raises CellFault. `Repaired` marks what was understood, not read.
    An `exact` column takes the cell as it stands: no guard and no invisible mark is taken off before.
    `repeats` says that a file has few values of the kind, many times each: a chunk reads each of them once.
    """

    exact = False
    repeats = False

    def read(self, text: str) -> str:
        return text

    def read_many(self, texts: list[str]) -> list[str] | None:
        """What `read` would answer for each, if all of them are written in the usual way; None: not all, or
        there is no short way to see that.
        """
        return None

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        return self.read(str(value).strip()) if value not in (None, "") else None


class ImportColumn(Field):
    """`title` heads the column, `synonyms` are other heads that mean it, `expected` says what a cell may
    hold.

    `faults` maps a CellFault's word to a sentence; without one `expected` is the reason. `example` fills the
    template, `choices` its drop-down. `personal` values are masked for whoever may not see members whole.
    """

    def __init__(
        self,
        *,
        attribute: str | None,
        title: Text,
        expected: Text,
        synonyms: tuple[str, ...] = (),
        widget: ImportWidget | None = None,
        faults: dict[str, Text] | None = None,
        example: str = "",
        choices: Callable[[], list[str]] | None = None,
        personal: bool = False,
        export_only: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(attribute=attribute, widget=widget or ImportWidget(), readonly=export_only, **more)
        self.title = title
        self.expected = expected
        self.synonyms = synonyms
        self.faults = faults or {}
        self.example = example
        self.choices = choices
        self.personal = personal


# What the desk itself finds wrong with a row; kinds add their own words (`kinds.register`).
FAULTS: dict[str, Text] = {
    "broken": _("characters of the file's encoding only; this line holds others"),
    "short": _("%(expected)s cells, as many as the head; here are %(found)s"),
    "long": _("%(expected)s cells, as many as the head; here are %(found)s"),
    "control": _("text without control characters (a NUL was found)"),
    "required": _("a value; this column must not be empty"),
    "empty": _("a value; you asked for empty cells to be errors"),
    "formula": _("a value; this cell holds a formula, whose result may be of yesterday. Paste it as a value"),
    "rounded": _("a number with all its digits: Excel has rounded this one; format the column as text"),
    "twice": _("each once; line %(line)s has the same"),
    "meanwhile": _("what the preview showed; it changed meanwhile. Bring the row in again"),
}


def columns_of(resource: type[Resource]) -> dict[str, ImportColumn]:
    """The importable columns by name, in the order of the resource's `Meta.fields`."""
    found = ((name, resource.fields[name]) for name in resource._meta.fields)
    return {name: field for name, field in found if isinstance(field, ImportColumn) and not field.readonly}
