"""Versions of a row for edits: the ETag of a look, the If-Match of the change that follows from it."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.http import HttpRequest

from backoffice.errors import PreconditionMissing


def etag_of(*parts: object) -> str:
    """A strong ETag over what makes this version this one."""
    said = "|".join(part.isoformat() if isinstance(part, datetime) else str(part) for part in parts)
    return f'"{hashlib.sha256(said.encode()).hexdigest()[:32]}"'


def required_match(request: HttpRequest) -> str:
    """The If-Match of an edit. Raises PreconditionMissing without, and for "*", which names no version."""
    header = request.headers.get("If-Match", "").strip()
    if not header or header == "*":
        raise PreconditionMissing
    return header


def is_known(request: HttpRequest, etag: str) -> bool:
    """Whether the client has this version already (If-None-Match)."""
    given = [part.strip().removeprefix("W/") for part in request.headers.get("If-None-Match", "").split(",")]
    return etag in given
