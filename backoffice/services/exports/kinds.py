"""Kinds of export: the socket that upper floors fill, as they register kinds of import.

A kind says which rows somebody may take (`rows`), by which parameters of the list they can be narrowed
(`criteria`), and which columns they have. Columns of a kind that can be brought in are those of its import's
Resource: one definition for both ways.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from import_export.resources import Resource

from backoffice.errors import ExportColumnsWrong, ExportFilterUnknown, ExportKindUnknown
from backoffice.services.imports.columns import ImportColumn, Text

if TYPE_CHECKING:
    from backoffice.models import User

# Parameters of a list's address that choose no rows: page, order, and the ways back of pop-ups.
NO_FILTER = frozenset({"p", "o", "e", "all", "_changelist_filters", "_popup", "_to_field"})


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose rows, which of them, which columns. `user` None is the installation itself, which sees all."""

    user: User | None
    query: Mapping[str, str]
    columns: Sequence[str]
    whole: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter of the list's address. `show(value, user)` puts its value into words, a `personal` one is
    forgotten with the file. `narrow` raises a Refusal for a value that the list would not take.
    """

    title: Text
    narrow: Callable[[QuerySet[Any], str, Asked], QuerySet[Any]]
    show: Callable[[str, User | None], str] = lambda value, user: value
    personal: bool = False


def _as_they_are(rows: list[Any], asked: Asked) -> Sequence[Any]:
    return rows


@dataclass(frozen=True, slots=True)
class ExportKind:
    """`rows(asked)` is the scoped queryset, without order; its primary key is the order of the file.

    `columns(asked)` are all columns by name; `usual` those that are ticked at first (empty: all of them).
    `dress(rows, asked)` answers the objects that the columns read, for one chunk. `until(rows, asked)` leaves
    out what came after `asked.now`, where the key does not grow with time. `permission` is who may export,
    `whole_permission` who may have `personal` columns unmasked ("": nobody).
    """

    name: str
    title: Text
    permission: str
    rows: Callable[[Asked], QuerySet[Any]]
    columns: Callable[[Asked], Mapping[str, ImportColumn]]
    criteria: Mapping[str, Criterion] = field(default_factory=dict)
    usual: Sequence[str] = ()
    dress: Callable[[list[Any], Asked], Sequence[Any]] = _as_they_are
    until: Callable[[QuerySet[Any], Asked], QuerySet[Any]] = lambda rows, asked: rows
    whole_permission: str = ""
    needs: Sequence[str] = ()

    def narrowed(self, asked: Asked) -> QuerySet[Any]:
        """The rows that `asked` means. Raises ExportFilterUnknown, and what a criterion refuses."""
        rows = self.rows(asked)
        for name, value in asked.query.items():
            try:
                rows = self._criterion(name).narrow(rows, value, asked)
            except ValueError:
                raise ExportFilterUnknown(name=name) from None
        return rows

    def told(self, query: Mapping[str, str], user: User | None) -> list[tuple[str, str]]:
        """The filter in words: (title, value). Raises ExportFilterUnknown."""
        return [
            (str(self._criterion(name).title), self._criterion(name).show(value, user))
            for name, value in query.items()
        ]

    def unnamed(self, query: Mapping[str, str]) -> dict[str, str]:
        """The filter as it may be kept for ever: without what somebody typed to find a person."""
        personal = {name for name, criterion in self.criteria.items() if criterion.personal}
        return {name: "***" if name in personal else value for name, value in query.items()}

    def filter_of(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """The filter in a list's address, without its page and order. Raises ExportFilterUnknown."""
        query = {
            name: value for name, value in parameters.items() if name not in NO_FILTER and value.strip() != ""
        }
        for name, value in query.items():
            self._criterion(name)
            if "\x00" in value:
                raise ExportFilterUnknown(name=name)
        if missing := [name for name in self.needs if name not in query]:
            raise ExportFilterUnknown(name=missing[0])
        return dict(sorted(query.items()))

    def chosen(self, names: Sequence[str], asked: Asked) -> list[str]:
        """`names` in the kind's own order, or the usual ones. Raises ExportColumnsWrong."""
        known = self.columns(asked)
        wanted = set(names) or set(self.usual or known)
        if unknown := sorted(wanted - set(known)):
            raise ExportColumnsWrong(names=", ".join(unknown))
        return [name for name in known if name in wanted]

    def personal(self, asked: Asked) -> bool:
        """Whether the chosen columns hold what is masked for most."""
        known = self.columns(asked)
        return any(known[name].personal for name in asked.columns)

    def _criterion(self, name: str) -> Criterion:
        try:
            return self.criteria[name]
        except KeyError:
            raise ExportFilterUnknown(name=name) from None


def choice(title: Text, path: str, choices: Sequence[tuple[Any, Any]] = ()) -> Criterion:
    """A criterion that compares one field with the value, shown as `choices` name it."""

    def show(value: str, user: User | None) -> str:
        return str(dict(choices).get(value, value))

    return Criterion(title, lambda rows, value, asked: rows.filter(**{path: value}), show)


def columns_of(resource: type[Resource]) -> dict[str, ImportColumn]:
    """All columns of a Resource by name in the order of its `Meta.fields`, also those for exports only."""
    found = ((name, resource.fields[name]) for name in resource._meta.fields)
    return {name: column for name, column in found if isinstance(column, ImportColumn)}


_kinds: dict[str, ExportKind] = {}


def register(kind: ExportKind) -> None:
    """Raises ValueError when the name has another kind."""
    if _kinds.setdefault(kind.name, kind) is not kind:
        raise ValueError(f"there is an export kind {kind.name!r} already")


def kind_of(name: str) -> ExportKind:
    """Raises ExportKindUnknown."""
    try:
        return _kinds[name]
    except KeyError:
        raise ExportKindUnknown(kind=name, known=", ".join(sorted(_kinds))) from None


def known() -> list[ExportKind]:
    """All kinds, in the order of registration."""
    return list(_kinds.values())
