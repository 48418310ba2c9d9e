"""Ports through which messages without a handler of their own leave the process (`OUTBOX_TRANSPORT`)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, Protocol

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from backoffice.outbox_handlers import Envelope

log = structlog.get_logger(__name__)


class Transport(Protocol):
    """`send` returns when the message is handed over and raises when it is not; `close` ends a batch."""

    def send(self, message: Envelope) -> None: ...

    def close(self) -> None: ...


class LogTransport:
    """One log line a message, for installations to which nothing is connected yet."""

    def send(self, message: Envelope) -> None:
        log.info("outbox", id=message.id, topic=message.topic, subject_id=message.subject_id)

    def close(self) -> None:
        """Nothing is open."""


class FileTransport:
    """JSON lines at the end of one file, on the disk before the batch counts as sent."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: IO[str] | None = None

    def send(self, message: Envelope) -> None:
        if self.file is None:
            self.file = self.path.open("a", encoding="utf-8")
        self.file.write(json.dumps(message.as_json(), ensure_ascii=False) + "\n")

    def close(self) -> None:
        if self.file is not None:
            with self.file as file:
                file.flush()
                os.fsync(file.fileno())
            self.file = None


def transport() -> Transport:
    """The transport that the settings name. Raises ImproperlyConfigured for another word or no path."""
    kind = settings.OUTBOX_TRANSPORT
    if kind == "log":
        return LogTransport()
    if kind == "file" and settings.OUTBOX_FILE:
        return FileTransport(Path(settings.OUTBOX_FILE))
    raise ImproperlyConfigured("OUTBOX_TRANSPORT is “log”, or “file” with a path in OUTBOX_FILE")
