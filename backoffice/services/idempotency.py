"""One key, one effect, one answer: what stands between a retrying till and the books."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import OperationalError, connection, transaction

from backoffice import prepared
from backoffice.errors import KeyInUse, KeyTaken
from backoffice.models import IdempotencyKey

Found = TypeVar("Found")
LOCK_NOT_AVAILABLE, CLAIMING = "55P03", "backoffice_claim_v1"
# Long enough for a commit that is just happening, too short for a till to notice.
PROBE_MILLISECONDS = 50


# One order of keys, because jsonb keeps none: a stored answer is given again byte for byte.
CANONICAL = DjangoJSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer of the verb, now (`replayed=False`) or from the first time that the key came. `text` is its
    JSON as it is sent.
    """

    status: int
    text: str
    replayed: bool

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.text))


@dataclass(frozen=True, slots=True)
class KeyOfRequest:
    """What a claim stores: whose key it is, and the hash of the request that it stands for."""

    client: str
    key: str
    digest: str
    now: datetime


# Puts the key's row in and answers its id, or None when the key is known.
Claim = Callable[[KeyOfRequest], int | None]
# Puts the key's row in, does everything and stores the answer with it; that, or None when it is known.
InOne = Callable[[KeyOfRequest], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`state` is "final", "in_progress" or "never_seen"; the rest is known of a final one only."""

    state: str
    status: int | None = None
    body: dict[str, Any] | None = None
    at: datetime | None = None


def request_hash(request: Mapping[str, Any]) -> str:
    """SHA-256 over the request in canonical form: the order of keys and the spacing do not count."""
    return hashlib.sha256(CANONICAL.encode(request).encode()).hexdigest()


def stranger_scope(kind: str, value: str) -> str:
    """The `client` of somebody who has not signed in: by what he shows (a phone, a challenge, a ticket)."""
    return f"{kind}:{hashlib.sha256(value.encode()).hexdigest()[:40]}"


@transaction.atomic(durable=True)
def run_once(
    *,
    client: str,
    key: str,
    request: Mapping[str, Any],
    now: datetime,
    verb: Callable[[], dict[str, Any]],
    status: int = 200,
    claim: Claim | None = None,
) -> StoredAnswer:
    """Carry out `verb` and store its answer under (client, key) in one transaction, or give the stored one.

    `client` is the caller ("till:12"), `request` everything that makes this request this one: method, path
    and body. The key's row goes in first, so a duplicate that comes meanwhile waits for the first to commit.
    A refusal of the verb stores nothing: the same key may be tried again. `claim` stands for the statement
    that puts it in where a verb's own first statement does that as well, by `backoffice_claim_v1` and before
    any lock.

    Raises KeyTaken when the key came with another request, KeyInUse when the first still runs after the
    lock timeout, and whatever the verb refuses.
    """
    digest = request_hash(request)
    row_id = _claimed(KeyOfRequest(client, key, digest, now), claim or _alone)
    if row_id is None:
        return _answer(IdempotencyKey.objects.get(client=client, key=key), digest)
    text = CANONICAL.encode(verb())
    prepared.first("SELECT backoffice_answer_v1(%s, %s, %s::jsonb)", [row_id, status, text])
    return StoredAnswer(status, text, replayed=False)


def run_in_one(
    *,
    client: str,
    key: str,
    request: Mapping[str, Any],
    now: datetime,
    verb: InOne,
    status: int = 200,
) -> StoredAnswer:
    """`run_once` for a verb that is ONE statement: no transaction is opened around it, the statement is one.

    It claims by `backoffice_claim_v1` before any lock, and stores what it answers by `backoffice_answer_v1`
    with this status. A refusal has to end the statement, or the claim would stay. Raises like `run_once`.
    """
    digest = request_hash(request)
    # Inside a transaction it is refused, or answered would not mean committed; a test's own one passes.
    fence = transaction.atomic(durable=True) if connection.in_atomic_block else nullcontext()
    with fence:
        body = _claimed(KeyOfRequest(client, key, digest, now), verb)
    if body is None:
        return _answer(IdempotencyKey.objects.get(client=client, key=key), digest)
    return StoredAnswer(status, CANONICAL.encode(body), replayed=False)


def stored_answer(*, client: str, key: str, request: Mapping[str, Any]) -> StoredAnswer | None:
    """The answer that this request got before, None when it got none. Raises KeyTaken.

    For verbs that have to commit something before `run_once` (an attempt at guessing a code counts also when
    the verb refuses): a repetition must not pay for it again.
    """
    row = IdempotencyKey.objects.filter(client=client, key=key).first()
    return _answer(row, request_hash(request)) if row else None


def state_of(*, client: str, key: str, now: datetime) -> Outcome:
    """What became of a request whose answer was lost: final, in progress, or never seen (N12).

    A request under way has its row inserted and not committed, so an insertion of ours would have to wait for
    it: we try one, wait a moment and take it back. Never inside a transaction of the caller.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{PROBE_MILLISECONDS}ms'")
        try:
            with transaction.atomic():
                row_id = _claimed(KeyOfRequest(client, key, "", now), _alone)
                transaction.set_rollback(True)
        except KeyInUse:
            return Outcome("in_progress")
        if row_id is not None:
            return Outcome("never_seen")
        row = IdempotencyKey.objects.get(client=client, key=key)
        return Outcome("final", row.status, row.body, row.created_at)


def _answer(row: IdempotencyKey, digest: str) -> StoredAnswer:
    if row.request_hash != digest:
        raise KeyTaken(key=row.key)
    return StoredAnswer(row.status, CANONICAL.encode(row.body), replayed=True)


def _alone(key: KeyOfRequest) -> int | None:
    values = [key.client, key.key, key.digest, key.now]
    row = prepared.first("SELECT backoffice_claim_v1(%s, %s, %s, %s)", values)
    return int(row[0]) if row and row[0] is not None else None


def _claimed(key: KeyOfRequest, claim: Callable[[KeyOfRequest], Found]) -> Found:
    """What the claim answers: None when the key is known. Waits for a transaction that is inserting it."""
    try:
        return claim(key)
    except OperationalError as error:
        cause: Any = error.__cause__
        # A verb's first statement may wait for other locks as well; those are no business of the key.
        if getattr(cause, "sqlstate", None) == LOCK_NOT_AVAILABLE and CLAIMING in (cause.diag.context or ""):
            raise KeyInUse(key=key.key) from error
        raise
