"""The socket by which an upper floor turns its outbox messages into events that partners may hear of.

An app calls `register` while it starts. What leaves names ids and numbers, and never a phone, a name or an
address: whoever may know more asks the API for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from backoffice.choices import WebhookEvent
from backoffice.outbox_handlers import Envelope


@dataclass(frozen=True, slots=True)
class Event:
    """`subject` keeps the order ("member:12"); `brands` are the brands that it belongs to, empty for the
    group's.
    """

    type: WebhookEvent
    subject: str
    data: Mapping[str, Any]
    brands: frozenset[int] = frozenset()


Translator = Callable[[Envelope], Event | None]

_translators: dict[str, Translator] = {}


def register(topic: str, translator: Translator) -> None:
    """Let `translator` tell messages of `topic`; None where there is nothing to tell. Raises ValueError when
    another one has the topic."""
    if _translators.setdefault(topic, translator) is not translator:
        raise ValueError(f"the topic {topic!r} is told already")


def translator_of(topic: str) -> Translator | None:
    return _translators.get(topic)
