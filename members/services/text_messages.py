"""The port through which text messages leave, with its adapters (`SMS_TRANSPORT`).

A provider's adapter implements `SmsPort` and is added to `ADAPTERS`; nothing else knows how a message
travels.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class TextMessage:
    """`reference` stays the same at every attempt: a provider that knows it sends once."""

    phone: str
    text: str
    reference: str


class SmsPort(Protocol):
    def send(self, message: TextMessage) -> None:
        """Returns when the provider has taken the message, raises when it has not."""
        ...


class ConsoleSms:
    """Standard output, for a terminal of one's own. Never where output is kept: it holds codes."""

    def send(self, message: TextMessage) -> None:
        sys.stdout.write(f"SMS {message.phone}: {message.text}\n")
        sys.stdout.flush()


class FileSms:
    """JSON lines at the end of SMS_FILE: phone, text, reference."""

    def send(self, message: TextMessage) -> None:
        path = Path(settings.SMS_FILE)
        path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(asdict(message), ensure_ascii=False) + "\n"
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8") as file:
            file.write(line)


class FakeSms:
    """Keeps what it was given, for tests."""

    sent: list[TextMessage] = []

    def send(self, message: TextMessage) -> None:
        self.sent.append(message)


ADAPTERS: Final[dict[str, Callable[[], SmsPort]]] = {"console": ConsoleSms, "file": FileSms, "fake": FakeSms}


def is_connected() -> bool:
    """Whether messages can leave at all; an installation without a provider asks nobody for a code."""
    return bool(settings.SMS_TRANSPORT)


def port() -> SmsPort:
    """The adapter that the settings name. Raises ImproperlyConfigured for another word."""
    adapter = ADAPTERS.get(settings.SMS_TRANSPORT)
    if adapter is None:
        raise ImproperlyConfigured(f"SMS_TRANSPORT is one of {sorted(ADAPTERS)}, or empty")
    return adapter()
