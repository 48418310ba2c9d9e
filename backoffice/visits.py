"""From where a request comes. What a client writes into a header counts only behind our own proxies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

import structlog
from django.conf import settings
from django.http import HttpRequest

# One customer of a provider gets 64 bits of addresses to himself.
V6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Visit:
    """From where somebody comes: his network address (None if unknown) and the id of the request."""

    address: str | None = None
    request_id: str = ""


def visit_of(request: HttpRequest) -> Visit:
    return Visit(client_address(request), request_id())


def request_id() -> str:
    """The id under which the logs know the request of this moment; empty outside of one."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def client_address(request: HttpRequest) -> str | None:
    """The client's address in its canonical form; None when the server does not know it (a Unix socket).

    With TRUSTED_PROXIES = n the n-th entry of X-Forwarded-For from the right: each proxy of ours appends whom
    it heard from, and everything left of that was sent by the client and is worth nothing. A header that is
    too short did not pass all of our proxies; then the peer itself counts.
    """
    trusted: int = settings.TRUSTED_PROXIES
    if trusted:
        heard = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
        if len(heard) >= trusted and (found := _canonical(heard[-trusted])):
            return found
    return _canonical(request.META.get("REMOTE_ADDR", ""))


def network_of(address: str) -> str:
    """What counts as one client: a v4 address itself, of a v6 address the /64 around it.

    >>> network_of("203.0.113.7"), network_of("2001:db8:1:2:3:4:5:6")
    ('203.0.113.7', '2001:db8:1:2::/64')
    """
    if isinstance(ip_address(address), IPv6Address):
        return str(ip_network((address, V6_PREFIX), strict=False))
    return address


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    # A server that listens on v6 names v4 clients ::ffff:203.0.113.7.
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)
