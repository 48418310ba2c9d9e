"""Rows as cells: what each column renders, masked where the export is not whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.utils.translation import gettext as _

from backoffice.masking import mask_value
from backoffice.services.exports.kinds import Asked, ExportKind

Cell = Callable[[Any], str]


def heads(kind: ExportKind, asked: Asked) -> list[str]:
    """A masked column says so in its head: no import takes it for the field, so no mask becomes a name."""
    known = kind.columns(asked)
    titles = [(str(known[name].title), known[name].personal and not asked.whole) for name in asked.columns]
    return [_("%(column)s (masked)") % {"column": title} if masked else title for title, masked in titles]


def cells(kind: ExportKind, asked: Asked, rows: Iterable[Any]) -> Iterator[list[str]]:
    """The texts of each row, in the order of `asked.columns`."""
    readers = _readers(kind, asked)
    for row in rows:
        yield [read(row) for read in readers]


def _readers(kind: ExportKind, asked: Asked) -> list[Cell]:
    known = kind.columns(asked)
    return [_reader(name, known[name], asked.whole) for name in asked.columns]


def _reader(name: str, column: Any, whole: bool) -> Cell:
    if not column.personal or whole:
        return lambda row: str(column.export(row))
    return lambda row: str(mask_value(name, str(column.export(row))))
