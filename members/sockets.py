"""Where upper floors plug into members without members knowing them: facts, panels, lifecycles.

An app's `plugs.py` calls `register_*`; `MembersConfig.ready` imports every `plugs` module once. Registering a
key twice is a mistake of the programmer and raises ImproperlyConfigured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from django.core.exceptions import ImproperlyConfigured
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


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What an app does when a member is merged into another, erased, or asks for his data.

    All run inside the verb's transaction with the member's row locked; raising a Refusal stops the verb.
    `erase` still sees the person's data; `export` returns JSON values. Lower `order` runs first.
    """

    key: str
    absorb: Absorb | None = None
    erase: Erase | None = None
    export: Callable[[Member], Mapping[str, Any]] | None = None
    order: int = 100


Plug = TypeVar("Plug", Fact, Panel, Lifecycle)

_facts: dict[str, Fact] = {}
_panels: dict[str, Panel] = {}
_lifecycles: dict[str, Lifecycle] = {}


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


def facts(user: User | None = None) -> list[Fact]:
    """All facts, or those that `user` may see, in the order of registration."""
    return [fact for fact in _facts.values() if _permitted(fact.permission, user)]


def fact(key: str) -> Fact:
    """The fact of that key. Raises KeyError."""
    return _facts[key]


def panels(user: User | None = None) -> list[Panel]:
    """All panels, or those that `user` may see, from top to bottom."""
    seen = [panel for panel in _panels.values() if _permitted(panel.permission, user)]
    return sorted(seen, key=lambda panel: (panel.order, panel.key))


def lifecycles() -> list[Lifecycle]:
    """All lifecycles in the order in which they run."""
    return sorted(_lifecycles.values(), key=lambda lifecycle: (lifecycle.order, lifecycle.key))


def _permitted(permission: str, user: User | None) -> bool:
    return user is None or not permission or user.has_perm(permission)
