"""Kinds of import: the socket that upper floors fill, as they register handlers of jobs.

A kind brings its columns (a Resource), reads rows in Python (`reader`), and says in set-based SQL what rows
would do (`diff`), does it (`apply`) and takes it back (`undo`), each for a span of lines of one batch inside
the caller's transaction. The desk knows files, batches, staging and checkpoints; it never knows members.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from import_export.resources import Resource

from backoffice.errors import ImportKindUnknown, ImportPolicyWrong
from backoffice.services.imports.columns import FAULTS, ImportColumn, ImportWidget, Text, columns_of

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
    """A row that can be staged: `cells` by column name, `key` what is once in a file (None: may be there
    again).
    """

    cells: dict[str, str | None]
    key: str | None
    other_key: str | None = None


class Reader(Protocol):
    """Puts the cells of one row together, remembers stores, tags and the like for the whole chunk."""

    def __call__(self, cells: dict[str, str | None]) -> Staged:
        """Raises CellFault with `column` for what only the whole row shows."""
        ...


@runtime_checkable
class BulkReader(Reader, Protocol):
    """A reader that takes many rows at once, as `OneWrite.place` does."""

    def usual(self, columns: dict[str, list[str]]) -> dict[str, list[str]] | None:
        """The rows as they are placed; None: one of them is no usual one."""
        ...


class MoreColumns(Protocol):
    """Columns that are rows of a table, such as one for each tag.

    Their cells are read by `widget`, and the kind's reader folds them into the staged column `into`.
    """

    into: str

    def recognise(self, head: str) -> str:
        """The field that a head means, "" for none."""
        ...

    def options(self, index: int, head: str) -> list[tuple[str, Text]]:
        """(field, title) of what the head at `index` may be, on top of the kind's columns."""
        ...

    def widget(self, field: str) -> ImportWidget | None:
        """None for what is no field of these."""
        ...


# How many rows an undo has left, and what their points come to (signed): names of totals.
STAYED = STAYED_ROWS, STAYED_POINTS = ("stayed_rows", "stayed_points")


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that the user decides; the first option is the default. `options` are (value, title)."""

    name: str
    title: Text
    options: Sequence[tuple[str, Text]]


@dataclass(frozen=True, slots=True)
class OneWrite:
    """The short way of a batch whose rows are all alike: staged once, with their outcome and their result.

    `place(span, lines, columns)` writes rows of usual cells (`columns` by name, in the order of `lines`)
    into the staging table, those that will go in with the result `applied`, which holds once the apply has
    passed them (`ends`). Other rows are staged and judged as ever. `key` and `other_key` are SQL over a row
    `r` for what stands in these columns elsewhere: rows get them only where `other_key` is there again in the
    file (`twins`), because in an index each would cost as much as the row.
    """

    place: Callable[[Span, Sequence[int], Mapping[str, Sequence[str]]], None]
    key: str
    other_key: str


Collector = Callable[["ImportBatch", Mapping[str, Any], datetime], tuple[int, dict[str, Any] | None]]


@dataclass(frozen=True, slots=True)
class ImportKind:
    """`needs` are sets of columns of which each file has at least one; `keys` the columns that may find a
    row.

    `approval_above` rows that would be written need a second person; `risky(policy)` asks for him at any
    number.
    `second_look(policy)`: the difference of a row depends on rows behind it. `target(batch)` names what
    only one job at a time may touch. `more` are columns beyond those of the resource, `notes` lines of the
    template's explanation about them: (column, what it may hold, example). `insist(policy)` raises
    ImportPolicyIncomplete for choices that need another one. A kind that is not `uploadable` has no files:
    `collect(batch, checkpoint, now)` stages the rows of its `layout["filter"]`, a chunk a call, and answers
    (how many, next checkpoint, or None when there are no more); `about(batch, user)` says what it is about.
    `page` is the name of the admin's address of the object that a row is about. `one_write(batch)` is the
    short way of its rows, None where the batch has none.

    `totals(batch)` sums up the rows that would be, or are, brought in, as JSON values by name: counted after
    each
    step, kept in `batch.totals`, shown as `total_text(name, value)` says, a (title, text). `heavy(totals)`:
    what comes to that much needs a second person. `shown_totals` are shown, in this order. `identity` are
    columns that are shown with every row, `undo_note` says what an undo leaves. `chunk` lines at most are
    one transaction, for kinds whose rows do much. What an undo could not take back stands in the totals under
    the names of `STAYED`, and whoever brings the same rows in again hears of it first.

    `judge(batch, actor, now)` is asked when somebody confirms: it may refuse, and count, and answers whether
    a second person is needed for reasons of its own. `approving(batch, actor, now)` may refuse his yes,
    `undoing(batch, actor, now)` that this person takes the file back;
    `held_until(batch, now)` is when the rows may go in, None: at once. What is not `repeatable` is refused
    also when somebody says "again".
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
    more: Callable[[], MoreColumns] | None = None
    notes: Callable[[], Sequence[tuple[str, str, str]]] = tuple
    insist: Callable[[Mapping[str, str]], None] = lambda policy: None
    collect: Collector | None = None
    one_write: Callable[[ImportBatch], OneWrite | None] = lambda batch: None
    page: str = ""
    about: Callable[[ImportBatch, User], Sequence[tuple[str, str]]] = lambda batch, user: ()
    totals: Callable[[ImportBatch], dict[str, Any]] = lambda batch: {}
    total_text: Callable[[str, Any], tuple[str, str]] = lambda name, value: (name, str(value))
    shown_totals: Sequence[str] = ()
    heavy: Callable[[Mapping[str, Any]], bool] = lambda totals: False
    identity: Sequence[str] = ()
    undo_note: Text = ""
    chunk: int = 2_000
    judge: Callable[[ImportBatch, Actor, datetime], bool] = lambda batch, actor, now: False
    approving: Callable[[ImportBatch, Actor, datetime], None] = lambda batch, actor, now: None
    undoing: Callable[[ImportBatch, Actor, datetime], None] = lambda batch, actor, now: None
    held_until: Callable[[ImportBatch, datetime], datetime | None] = lambda batch, now: None
    repeatable: bool = True

    @property
    def columns(self) -> dict[str, ImportColumn]:
        return columns_of(self.resource)

    def policy(self, asked: Mapping[str, Any]) -> dict[str, str]:
        """`asked` with the defaults filled in. Raises ImportPolicyWrong for what is no choice,
        ImportPolicyIncomplete.
        """
        policy = {}
        # A misspelt name would leave its choice at the default, and points be given instead of taken.
        if unknown := sorted(set(asked) - {choice.name for choice in self.choices}):
            raise ImportPolicyWrong(name=unknown[0], value=asked[unknown[0]])
        for choice in self.choices:
            default = choice.options[0][0] if choice.options else ""
            value = str(asked.get(choice.name) or default)
            if choice.options and value not in dict(choice.options):
                raise ImportPolicyWrong(name=choice.name, value=value)
            policy[choice.name] = value
        self.insist(policy)
        return policy

    def told_totals(self, totals: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(title, text) of `shown_totals` in their order, of all where the kind names none."""
        names = [name for name in self.shown_totals or totals if name in totals]
        return [self.total_text(name, totals[name]) for name in names]

    @property
    def uploadable(self) -> bool:
        return self.collect is None

    def staged_columns(self, fields: Sequence[str]) -> set[str]:
        """The columns of the staging table that these fields of a file fill."""
        found = {field for field in fields if field in self.columns}
        if self.more is not None and any(field and field not in found for field in fields):
            found.add(self.more().into)
        return found

    def title_of(self, field: str, layout: Mapping[str, Any]) -> str:
        """What a person calls the field: the column's title, or else the head that he wrote himself."""
        if column := self.columns.get(field):
            return str(column.title)
        fields = layout.get("fields", [])
        return str(layout["heads"][fields.index(field)]) if field and field in fields else ""

    def fault_text(self, problem: Mapping[str, Any]) -> str:
        """The expected form, for the reader of this moment: `problem` is one entry of a row's `faults`."""
        word = str(problem.get("fault", ""))
        column = self.columns.get(str(problem.get("column", "")))
        text = (column.faults.get(word) if column else None) or self.faults.get(word) or FAULTS.get(word)
        if text is None:
            text = column.expected if column else ""
        details = dict(problem.get("details") or {})
        if "columns" in details:
            named = [self.columns.get(name) for name in details["columns"]]
            details["columns"] = ", ".join(str(column.title) for column in named if column)
        try:
            return str(text) % details
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
        raise ImportKindUnknown(kind=name, known=", ".join(sorted(uploadable()))) from None


def uploadable() -> list[str]:
    """The names of the kinds that files may be of."""
    return [kind.name for kind in _kinds.values() if kind.uploadable]


def kinds_for(user: User) -> list[ImportKind]:
    """The kinds of files that a person may bring in."""
    return [kind for kind in _kinds.values() if kind.uploadable and user.has_perm(kind.permission)]


def known() -> list[ImportKind]:
    """All kinds, in the order of registration."""
    return list(_kinds.values())
