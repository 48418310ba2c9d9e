"""Where a webhook may go (T25): https, a name, and nothing but public addresses behind it, looked up once.

A name is resolved right before each connection, every address that it has is judged, and the connection
goes to
the judged address itself: a name that answers differently a moment later (rebinding) changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from backoffice.errors import WebhookAddressWrong

LONGEST = 500
LOWEST_PORT = 1024
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Target:
    """Where a connection goes: `address` is an IP, `host` the name that TLS and HTTP speak of."""

    scheme: str
    host: str
    port: int
    address: str
    path: str

    @property
    def url(self) -> str:
        at = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.scheme}://{at}:{self.port}{self.path}"

    @property
    def host_header(self) -> str:
        usual = {"https": 443, "http": 80}[self.scheme]
        return self.host if self.port == usual else f"{self.host}:{self.port}"


def checked(url: str) -> str:
    """The address as it is kept. Raises WebhookAddressWrong for one that could never be sent to."""
    target = _parsed(url)
    if target.scheme == "http" and not settings.WEBHOOK_PRIVATE_NETWORKS:
        raise WebhookAddressWrong(why="https")
    return url


def resolved(url: str) -> Target:
    """The target of a connection that is about to be made. Raises WebhookAddressWrong, OSError without an
    answer
    of the name server."""
    target = _parsed(url)
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in found]
    if not addresses:
        raise WebhookAddressWrong(why="dns")
    for address in addresses:
        _refuse_private(address, target.scheme)
    return Target(target.scheme, target.host, target.port, str(addresses[0]), target.path)


def _parsed(url: str) -> Target:
    if len(url) > LONGEST or not url.isascii() or any(character <= " " for character in url):
        raise WebhookAddressWrong(why="text")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise WebhookAddressWrong(why="text") from None
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in ("https", "http") or not host:
        raise WebhookAddressWrong(why="https")
    try:
        # What no name can be ("a..b", a part of 64 letters), the resolver does not refuse but breaks on.
        host.encode("idna")
    except UnicodeError:
        raise WebhookAddressWrong(why="text") from None
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise WebhookAddressWrong(why="user")
    port = port or {"https": 443, "http": 80}[parts.scheme]
    if port not in (443, 80) and port < LOWEST_PORT:
        raise WebhookAddressWrong(why="port")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, "", path)


def _refuse_private(address: Address, scheme: str) -> None:
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if mapped is not None:
        address = mapped
    allowed = any(
        address in ipaddress.ip_network(network)
        for network in settings.WEBHOOK_PRIVATE_NETWORKS
        if ipaddress.ip_network(network).version == address.version
    )
    if allowed:
        return
    if scheme != "https":
        raise WebhookAddressWrong(why="https")
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        raise WebhookAddressWrong(why="private")
