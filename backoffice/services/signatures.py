"""Signed requests: who holds a key's signing secret said exactly this, at most five minutes ago (T14)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from backoffice.errors import SignatureWrong

OLDEST = timedelta(minutes=5)
# One timestamp, one signature. A header that was sent twice arrives joined by a comma and does not fit.
HEADER = re.compile(r"t=([0-9]{10}),v1=([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Said:
    """What a signature covers. `path` with its query string, as in the request line; `key` the
    Idempotency-Key (empty for a look): under it, a repetition within the five minutes has no second effect.
    """

    method: str
    path: str
    key: str
    body: bytes


def sign(said: Said, *, secret: str, at: datetime) -> str:
    """The value of `X-Signature` for a request."""
    stamp = int(at.timestamp())
    return f"t={stamp},v1={_digest(secret, stamp, said)}"


def verify(said: Said, *, header: str, secrets: Sequence[str], now: datetime) -> None:
    """Raises SignatureWrong unless `header` signs this request within five minutes of `now`, either way."""
    match = HEADER.fullmatch(header)
    if match is None:
        raise SignatureWrong
    stamp = int(match[1])
    right = any(hmac.compare_digest(_digest(secret, stamp, said), match[2]) for secret in secrets)
    if not right or abs(now - datetime.fromtimestamp(stamp, tz=UTC)) > OLDEST:
        raise SignatureWrong


def _digest(secret: str, stamp: int, said: Said) -> str:
    body = hashlib.sha256(said.body).hexdigest()
    text = f"{stamp}.{said.method.upper()}.{said.path}.{said.key}.{body}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
