"""Where upper floors plug into members without members knowing them: facts, panels, lifecycles, stories.

An app's `plugs.py` calls `register_*`; `MembersConfig.ready` imports every `plugs` module once. Registering a
key twice is a mistake of the programmer and raises ImproperlyConfigured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q, QuerySet
from django.db.models.expressions import Combinable
from django.utils.functional import Promise

if TYPE_CHECKING:
    from backoffice.actors import Actor
    from backoffice.models import User
    from members.models import Member

Text = str | Promise


class FactKind(StrEnum):
    """What a fact's value is: decides the filter, the operators of a criterion and the format of a column."""

    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    TEXT = "text"
    CHOICE = "choice"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Fact:
    """A value about members: list column, filter, segment criterion and export column at once.

    `expression(now)` is what a Member queryset is annotated with. `choices` belongs to kind CHOICE;
    `permission` (`app.codename`) hides the fact from those who lack it.
    """

    key: str
    title: Text
    kind: FactKind
    expression: Callable[[datetime], Combinable]
    choices: tuple[tuple[str, Text], ...] = ()
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A box on the member page. `context` reads, never writes; lower `order` stands higher."""

    key: str
    title: Text
    template: str
    context: Callable[[Member, User, datetime], dict[str, Any]]
    order: int = 100
    permission: str = ""


class Absorb(Protocol):
    def __call__(self, *, duplicate: Member, survivor: Member, actor: Actor, now: datetime) -> None: ...


class Erase(Protocol):
    def __call__(self, *, member: Member, actor: Actor, now: datetime) -> None: ...


class Verified(Protocol):
    def __call__(self, *, member: Member, actor: Actor, now: datetime) -> None: ...


class Answered(Protocol):
    def __call__(self, *, member: Member, fields: Sequence[str], actor: Actor, now: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What an app does when a member proves his phone, answers a question about himself, is merged into
    another, erased, or asks for his data.

    All run inside the verb's transaction with the member's row locked; raising a Refusal stops the verb.
    `answered` names the profile fields that were empty before; `erase` still sees the person's data; `export`
    returns JSON values. Lower `order` runs first.
    """

    key: str
    absorb: Absorb | None = None
    erase: Erase | None = None
    export: Callable[[Member], Mapping[str, Any]] | None = None
    verified: Verified | None = None
    answered: Answered | None = None
    order: int = 100


@dataclass(frozen=True, slots=True)
class StoryKind:
    """A kind of event that the story can be filtered by; `condition` picks it among its source's rows."""

    key: str
    title: Text
    condition: Q = field(default_factory=Q)


@dataclass(frozen=True, slots=True)
class StoryVerb:
    """A button at an event: short `label`, `title` for whoever cannot see the row."""

    label: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class StoryRow:
    """What the timeline read of one row: its time and number, and the source's `facts` as JSON values."""

    at: datetime
    pk: int
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """One event in words. `points` is signed, `balance` the running one after it, `why` how it came about.

    `tags` are short remarks ("undone 200"), `link` the page of the row behind it; `struck` means taken back.
    """

    title: str
    detail: str = ""
    points: int | None = None
    unit: str = ""
    balance: int | None = None
    why: Sequence[str] = ()
    tags: Sequence[str] = ()
    store: str = ""
    actor: str = ""
    link: str = ""
    verbs: Sequence[StoryVerb] = ()
    struck: bool = False


@dataclass(frozen=True, slots=True)
class StorySource:
    """A table whose rows are events in the story of a member (N25).

    `rows(member_ids, user)` is a queryset with an integer primary key, scoped and permitted for `user`;
    `at` names its time of the event, `facts` what `tell` needs, as expressions that become JSON (decimals and
    times arrive as text). All sources are read by one query, so nothing here may need another: `tell` only
    turns facts into words. `search(text)` finds rows that speak of a text. `key` also names the event on the
    page: `<key>-<pk>`.
    """

    key: str
    kinds: tuple[StoryKind, ...]
    at: str
    rows: Callable[[Sequence[int], User], QuerySet[Any]]
    facts: Mapping[str, Any]
    tell: Callable[[StoryRow, User], StoryEvent]
    search: Callable[[str], Q]
    permission: str = ""


@dataclass(frozen=True, slots=True)
class PastFigure:
    """One figure as it was at a past moment: "熟客點", 800, "點"."""

    title: str
    value: int
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """What an app can say about a member as of a past moment: the balances of every program, for one."""

    key: str
    figures: Callable[[Sequence[int], User, datetime], Sequence[PastFigure]]
    permission: str = ""


Plug = TypeVar("Plug", Fact, Panel, Lifecycle, StorySource, Past)

_facts: dict[str, Fact] = {}
_panels: dict[str, Panel] = {}
_lifecycles: dict[str, Lifecycle] = {}
_stories: dict[str, StorySource] = {}
_pasts: dict[str, Past] = {}


def _register(registry: dict[str, Plug], plug: Plug) -> None:
    if plug.key in registry:
        raise ImproperlyConfigured(f"{type(plug).__name__} {plug.key!r} is registered twice.")
    registry[plug.key] = plug


def register_fact(fact: Fact) -> None:
    _register(_facts, fact)


def register_panel(panel: Panel) -> None:
    _register(_panels, panel)


def register_lifecycle(lifecycle: Lifecycle) -> None:
    _register(_lifecycles, lifecycle)


def register_story(source: StorySource) -> None:
    _register(_stories, source)


def register_past(past: Past) -> None:
    _register(_pasts, past)


def facts(user: User | None = None) -> list[Fact]:
    """All facts, or those that `user` may see, in the order of registration."""
    return [fact for fact in _facts.values() if permitted(fact.permission, user)]


def fact(key: str) -> Fact:
    """The fact of that key. Raises KeyError."""
    return _facts[key]


def panels(user: User | None = None) -> list[Panel]:
    """All panels, or those that `user` may see, from top to bottom."""
    seen = [panel for panel in _panels.values() if permitted(panel.permission, user)]
    return sorted(seen, key=lambda panel: (panel.order, panel.key))


def lifecycles() -> list[Lifecycle]:
    """All lifecycles in the order in which they run."""
    return sorted(_lifecycles.values(), key=lambda lifecycle: (lifecycle.order, lifecycle.key))


def stories() -> list[StorySource]:
    """All sources in the order that settles which of two events of one instant comes first."""
    return sorted(_stories.values(), key=lambda source: source.key)


def pasts(user: User) -> list[Past]:
    """What `user` may ask about the past."""
    return [past for _key, past in sorted(_pasts.items()) if permitted(past.permission, user)]


def permitted(permission: str, user: User | None) -> bool:
    """Whether `user` may see a plug of that permission; None stands for the system itself."""
    return user is None or not permission or user.has_perm(permission)


class CountTagUse(Protocol):
    def __call__(self, *, tag_id: int) -> Sequence[tuple[str, str]]: ...


class RepointTag(Protocol):
    def __call__(self, *, tag_id: int, into_id: int) -> None: ...


@dataclass(frozen=True, slots=True)
class TagUse:
    """Where an app refers to tags (segments, rules): `where` answers (what, address) for the tag's page,
    `repoint` moves the references when tags are merged, inside the merge's transaction.
    """

    key: str
    where: CountTagUse
    repoint: RepointTag


_tag_uses: dict[str, TagUse] = {}


def register_tag_use(use: TagUse) -> None:
    if use.key in _tag_uses:
        raise ImproperlyConfigured(f"TagUse {use.key!r} is registered twice.")
    _tag_uses[use.key] = use


def tag_uses() -> list[TagUse]:
    return list(_tag_uses.values())
