"""Codes and tokens that no table holds: drawn from the installation's secret and the row's own nonce.

A repetition of a request can therefore be answered byte for byte without a stored token, and whoever reads
the database, or a backup of it, holds hashes and nonces.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from django.utils.crypto import salted_hmac

CODE_DIGITS = 6


def new_nonce() -> str:
    """128 random bits as 32 hexadecimal digits."""
    return secrets.token_hex(16)


def code_of(nonce: str) -> str:
    """The six digits that go with a nonce; uniform but for one part in 10^13."""
    digest = salted_hmac("members.code", nonce, algorithm="sha256").digest()
    return f"{int.from_bytes(digest[:8]) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def token_of(kind: str, nonce: str, generation: int = 0) -> str:
    """256 bits as 43 characters."""
    digest = salted_hmac(f"members.token.{kind}", f"{nonce}:{generation}", algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def code_hash(nonce: str, code: str) -> str:
    """Keyed: a million codes are soon hashed by whoever has the table and not the secret."""
    return salted_hmac("members.code.hash", f"{nonce}:{code}", algorithm="sha256").hexdigest()


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", errors="replace")).hexdigest()


def same(one: str, other: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
