"""What is read from the request line and the headers before anybody looks at the body."""

from __future__ import annotations

import ipaddress
import re
import uuid
from contextlib import suppress
from functools import lru_cache

import structlog
from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

from backoffice.errors import KeyInvalid, KeyMissing

REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{8,64}")
# What is longer than this wishes for nothing.
LONGEST_WISH = 200
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,128}")


def request_id(request: HttpRequest) -> str:
    """The id that the log lines of this request carry; the client's own when it is harmless text."""
    known = getattr(request, "_shuke_request_id", None)
    if known is None:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        bound = str(structlog.contextvars.get_contextvars().get("request_id", ""))
        known = next((text for text in (given, bound) if REQUEST_ID.fullmatch(text)), uuid.uuid4().hex)
        structlog.contextvars.bind_contextvars(request_id=known)
        request._shuke_request_id = known  # type: ignore[attr-defined]
    return str(known)


def wished_language(request: HttpRequest) -> str:
    """The first language of `Accept-Language` that there is, else the house's."""
    return _first_of(request.META.get("HTTP_ACCEPT_LANGUAGE", "")[:LONGEST_WISH])


@lru_cache(maxsize=1024)
def _first_of(wishes: str) -> str:
    """Clients send the same few headers again and again."""
    for wish, _weight in parse_accept_lang_header(wishes):
        with suppress(LookupError):
            return translation.get_supported_language_variant(wish)
    return translation.get_supported_language_variant(settings.LANGUAGE_CODE)


@lru_cache(maxsize=4096)
def neighbourhood(address: str | None) -> str:
    """The network whose addresses one bot may have at its choice: /24, or /48 of IPv6."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network(f"{parsed}/{24 if parsed.version == 4 else 48}", strict=False))


def idempotency_key(request: HttpRequest) -> str:
    """The Idempotency-Key of a write. Raises KeyMissing without one, KeyInvalid for an impossible one."""
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        raise KeyMissing
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise KeyInvalid
    return key
