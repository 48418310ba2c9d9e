"""The socket by which an upper floor says what its alarms are called.

An app calls `register` while it starts (from its `jobs.py`, which is loaded then). An alarm of a kind that
nobody registered is raised and shown all the same, under its code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

Text = str | Promise


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """`title` names the matter, `sentence` tells it with the alarm's facts: "Card %(card)s was used …"."""

    title: Text
    sentence: Text = ""

    def told(self, facts: Mapping[str, Any]) -> str:
        """The sentence with its facts; empty when a fact is missing that it speaks of."""
        try:
            return str(self.sentence) % facts
        except (KeyError, TypeError, ValueError):
            return ""


_kinds: dict[str, AlarmKind] = {}


def register(kind: str, *, title: Text, sentence: Text = "") -> None:
    """Name a kind of alarm ("members.card_at_cashier"). Raises ValueError when it has another name."""
    named = AlarmKind(title, sentence)
    if _kinds.setdefault(kind, named) != named:
        raise ValueError(f"the alarm {kind!r} already has a name")


def named(kind: str) -> AlarmKind:
    return _kinds.get(kind) or AlarmKind(kind)


def known() -> dict[str, AlarmKind]:
    """Every registered kind by its code, in the order of codes."""
    return dict(sorted(_kinds.items()))
