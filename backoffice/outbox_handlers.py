"""The socket by which an upper floor carries messages of its own topics out of the house.

An app calls `register` while it starts (from its `jobs.py`, which is loaded then). A topic without a
handler goes to the installation's transport (`OUTBOX_TRANSPORT`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message on its way out. `id` stays the same at every attempt: a receiver knows a repetition."""

    id: int
    topic: str
    subject_id: int
    payload: dict[str, Any]
    created_at: datetime

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"created_at": self.created_at.isoformat()}


Handler = Callable[[Envelope], None]

_handlers: dict[str, Handler] = {}


def register(topic: str, handler: Handler) -> None:
    """Send `topic` and everything below it ("sms" takes "sms.otp") through `handler`.

    The handler returns when the message is out and raises when it is not; it may be called twice for the
    same message. Raises ValueError when another handler has the topic.
    """
    if _handlers.setdefault(topic, handler) is not handler:
        raise ValueError(f"the topic {topic!r} already has a handler")


def unregister(topic: str) -> None:
    _handlers.pop(topic, None)


def handler_for(topic: str) -> Handler | None:
    """The handler of the topic itself or of the closest topic above it."""
    while topic:
        if topic in _handlers:
            return _handlers[topic]
        topic = topic.rpartition(".")[0]
    return None


# --- Listeners: they hear of messages that somebody else carries -----------------------------------
@dataclass(frozen=True, slots=True)
class Listener:
    """`hear` writes rows and nothing else: it runs in the relay's transaction, and a message that it fails on
    waits like one that cannot be sent. `wanted` is asked once for each batch of the relay.
    """

    hear: Handler
    wanted: Callable[[], bool]


_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Let `listener` hear every message, before its handler or transport does. It may hear one twice."""
    if listener not in _listeners:
        _listeners.append(listener)


def listening() -> list[Handler]:
    """Those who want to hear of the batch that is about to go out."""
    return [listener.hear for listener in _listeners if listener.wanted()]
