"""What other apps plug in: each key once, in order, for those who may see it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.models import F

from backoffice.models import User
from members import sockets
from members.sockets import Fact, FactKind, Lifecycle, Panel


@pytest.fixture(autouse=True)
def emptied() -> Iterator[None]:
    registries = (sockets._facts, sockets._panels, sockets._lifecycles)
    before = [dict(registry) for registry in registries]
    for registry in registries:
        registry.clear()
    yield
    for registry, content in zip(registries, before, strict=True):
        registry.clear()
        registry.update(content)


def panel(key: str, order: int = 100, permission: str = "") -> Panel:
    return Panel(key, key, "x.html", lambda member, user, now: {}, order, permission)


def fact(key: str, permission: str = "") -> Fact:
    return Fact(key, key, FactKind.NUMBER, lambda now: F("pk"), permission=permission)


def test_panels_stand_in_their_order() -> None:
    for one in (panel("late", 200), panel("b"), panel("a"), panel("first", 1)):
        sockets.register_panel(one)
    assert [one.key for one in sockets.panels()] == ["first", "a", "b", "late"]


def test_a_key_twice_is_a_mistake() -> None:
    sockets.register_fact(fact("balance"))
    with pytest.raises(ImproperlyConfigured, match="balance"):
        sockets.register_fact(fact("balance"))
    sockets.register_panel(panel("balance"))
    sockets.register_lifecycle(Lifecycle("points"))
    with pytest.raises(ImproperlyConfigured):
        sockets.register_lifecycle(Lifecycle("points"))
    assert sockets.fact("balance").kind is FactKind.NUMBER


def test_who_lacks_the_permission_does_not_see_it() -> None:
    clerk = User(username="clerk")
    clerk.has_perm = lambda perm, obj=None: perm == "points.view_account"  # type: ignore[method-assign]
    for key, permission in (("open", ""), ("points", "points.view_account"), ("secret", "x.view_secret")):
        sockets.register_panel(panel(key, permission=permission))
        sockets.register_fact(fact(key, permission=permission))
    assert [one.key for one in sockets.panels(clerk)] == ["open", "points"]
    assert [one.key for one in sockets.facts(clerk)] == ["open", "points"]
    assert len(sockets.facts()) == 3
