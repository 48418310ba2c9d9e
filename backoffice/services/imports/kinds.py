"""Kinds of import: the socket that upper floors fill, as they register handlers of jobs.

A kind brings its columns (a Resource), reads rows in Python (`reader`), and says in set-based SQL what rows
would do (`diff`), does it (`apply`) and takes it back (`undo`), each for a span of lines of one batch inside
the caller's transaction. The desk knows files, batches, staging and checkpoints; it never knows members.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from import_export.resources import Resource

from backoffice.errors import ImportKindUnknown, ImportPolicyWrong
from backoffice.services.imports.columns import FAULTS, ImportColumn, Text, columns_of

if TYPE_CHECKING:
    from backoffice.actors import Actor
    from backoffice.models import ImportBatch, User


@dataclass(frozen=True, slots=True)
class Span:
    """Lines `first` to `last`, both included, of a batch. `now` is when; `again` says that a preview was
    shown, `whole` that all rows of the
    file are staged by now.
    """

    batch: ImportBatch
    first: int
    last: int
    now: datetime
    actor: Actor
    again: bool = False
    whole: bool = False


@dataclass(slots=True)
class Staged:
    """A row that can be staged: `cells` by column name, `key` what is once in a file."""

    cells: dict[str, str | None]
    key: str
    other_key: str | None = None


class Reader(Protocol):
    """Puts the cells of one row together, remembers stores, tags and the like for the whole chunk."""

    def __call__(self, cells: dict[str, str | None]) -> Staged:
        """Raises CellFault with `column` for what only the whole row shows."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that the user decides; the first option is the default. `options` are (value, title)."""

    name: str
    title: Text
    options: Sequence[tuple[str, Text]]


@dataclass(frozen=True, slots=True)
class ImportKind:
    """`needs` are sets of columns of which each file has at least one; `keys` the columns that may find a
    row.

    `approval_above` rows that would be written need a second person; `risky(policy)` asks for him at any
    number.
    `second_look(policy)`: the difference of a row depends on rows behind it. `target(batch)` names what
    only one job at a time may touch.
    """

    name: str
    title: Text
    permission: str
    resource: type[Resource]
    needs: Sequence[Sequence[str]]
    keys: Sequence[str]
    choices: Sequence[Choice]
    reader: Callable[[ImportBatch, datetime], Reader]
    diff: Callable[[Span], None]
    apply: Callable[[Span], None]
    undo: Callable[[Span], None]
    target: Callable[[ImportBatch], str]
    approval_above: int
    second_look: Callable[[Mapping[str, Any]], bool] = lambda policy: False
    risky: Callable[[Mapping[str, Any]], bool] = lambda policy: False
    prepare: Callable[[ImportBatch, Actor, datetime], None] = lambda batch, actor, now: None
    faults: Mapping[str, Text] = field(default_factory=dict)
    show: Callable[[str, str, User | None], str] = lambda column, value, user: value

    @property
    def columns(self) -> dict[str, ImportColumn]:
        return columns_of(self.resource)

    def policy(self, asked: Mapping[str, Any]) -> dict[str, str]:
        """`asked` with the defaults filled in. Raises ImportPolicyWrong for what is no choice."""
        policy = {}
        for choice in self.choices:
            default = choice.options[0][0] if choice.options else ""
            value = str(asked.get(choice.name) or default)
            if choice.options and value not in dict(choice.options):
                raise ImportPolicyWrong(name=choice.name, value=value)
            policy[choice.name] = value
        return policy

    def fault_text(self, problem: Mapping[str, Any]) -> str:
        """The expected form, for the reader of this moment: `problem` is one entry of a row's `faults`."""
        word = str(problem.get("fault", ""))
        column = self.columns.get(str(problem.get("column", "")))
        text = (column.faults.get(word) if column else None) or self.faults.get(word) or FAULTS.get(word)
        if text is None:
            text = column.expected if column else ""
        try:
            return str(text) % dict(problem.get("details") or {})
        except (KeyError, ValueError):
            return str(text)


_kinds: dict[str, ImportKind] = {}


def register(kind: ImportKind) -> None:
    """Raises ValueError when the name has another kind."""
    if _kinds.setdefault(kind.name, kind) is not kind:
        raise ValueError(f"there is an import kind {kind.name!r} already")


def kind_of(name: str) -> ImportKind:
    """Raises ImportKindUnknown."""
    try:
        return _kinds[name]
    except KeyError:
        raise ImportKindUnknown(kind=name, known=", ".join(sorted(_kinds))) from None


def kinds_for(user: User) -> list[ImportKind]:
    """The kinds that a person may bring in."""
    return [kind for kind in _kinds.values() if user.has_perm(kind.permission)]


def known() -> list[ImportKind]:
    """All kinds, in the order of registration."""
    return list(_kinds.values())
