"""The door's first question: whose key is this. Members' tokens are known one floor up, by a class of theirs.

Each class looks at the beginning of the bearer token and leaves what is not its own to the next one; what
nobody knows is refused by `NobodyElse`, which the settings name last.
"""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from backoffice.api.callers import Caller
from backoffice.api.requests import request_id
from backoffice.errors import NotAuthenticated, SignatureWrong
from backoffice.services import api_keys, signatures
from backoffice.visits import client_address

SCHEME = "bearer"
LONGEST_TOKEN = 200


def bearer_token(request: Request) -> str | None:
    """The token of `Authorization: Bearer …`; None without. Raises NotAuthenticated for nonsense."""
    header: str | None = request._request.META.get("HTTP_AUTHORIZATION")
    if header is None:
        return None
    scheme, _space, token = header.partition(" ")
    if scheme.lower() != SCHEME or not token.isascii() or not 0 < len(token) <= LONGEST_TOKEN:
        raise NotAuthenticated
    return token


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer skk_…`, and `X-Signature` where the key asks for it."""

    def authenticate(self, request: Request) -> tuple[Caller, str] | None:
        token = bearer_token(request)
        if token is None or not token.startswith(api_keys.BEGINNING):
            return None
        now = timezone.now()
        plain = request._request
        key = api_keys.authenticate(secret=token, address=client_address(plain) or "", now=now)
        if key.signed:
            try:
                self._check_signature(request, api_keys.signing_secrets(key), now)
            except SignatureWrong as refusal:
                refusal.known = f"key:{key.pk}"
                raise
        return Caller.of_key(key, request_id(plain)), token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def _check_signature(self, request: Request, secrets: list[str], now: datetime) -> None:
        plain = request._request
        if "Transfer-Encoding" in request.headers and "Content-Length" not in request.headers:
            # What a proxy has not measured is not what somebody signed.
            raise SignatureWrong
        said = signatures.Said(
            method=plain.method or "",
            path=plain.get_full_path(),
            key=request.headers.get("Idempotency-Key", ""),
            body=plain.body,
        )
        header = request.headers.get("X-Signature", "")
        signatures.verify(said, header=header, secrets=secrets, now=now)


class NobodyElse(BaseAuthentication):
    """The end of the list: a token that no class has recognised is no token."""

    def authenticate(self, request: Request) -> None:
        if bearer_token(request) is not None:
            raise NotAuthenticated

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
