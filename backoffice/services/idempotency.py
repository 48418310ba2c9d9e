"""One key, one effect, one answer: what stands between a retrying till and the books."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import OperationalError, connection, transaction

from backoffice.errors import KeyInUse, KeyTaken
from backoffice.models import IdempotencyKey

LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer of the verb, now (`replayed=False`) or from the first time that the key came."""

    status: int
    body: dict[str, Any]
    replayed: bool


def request_hash(request: Mapping[str, Any]) -> str:
    """SHA-256 over the request in canonical form: the order of keys and the spacing do not count."""
    canonical = json.dumps(
        request,
        cls=DjangoJSONEncoder,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


@transaction.atomic(durable=True)
def run_once(
    *,
    client: str,
    key: str,
    request: Mapping[str, Any],
    now: datetime,
    verb: Callable[[], dict[str, Any]],
    status: int = 200,
) -> StoredAnswer:
    """Carry out `verb` and store its answer under (client, key) in one transaction, or give the stored one.

    `client` is the caller ("till:12"), `request` everything that makes this request this one: method, path
    and body. The key's row goes in first, so a duplicate that comes meanwhile waits for the first to commit.
    A refusal of the verb stores nothing: the same key may be tried again.

    Raises KeyTaken when the key came with another request, KeyInUse when the first still runs after the
    lock timeout, and whatever the verb refuses.
    """
    digest = request_hash(request)
    row_id = _claim(client, key, digest, now)
    if row_id is None:
        stored = IdempotencyKey.objects.get(client=client, key=key)
        if stored.request_hash != digest:
            raise KeyTaken(key=key)
        return StoredAnswer(stored.status, stored.body, replayed=True)
    body: dict[str, Any] = json.loads(json.dumps(verb(), cls=DjangoJSONEncoder))
    IdempotencyKey.objects.filter(pk=row_id).update(status=status, body=body)
    return StoredAnswer(status, body, replayed=False)


def _claim(client: str, key: str, digest: str, now: datetime) -> int | None:
    """The new row's id, or None when the key is known. Waits for a transaction that is inserting it."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO backoffice_idempotencykey (client, key, request_hash, status, body, created_at)"
                " VALUES (%s, %s, %s, 0, '{}', %s) ON CONFLICT (client, key) DO NOTHING RETURNING id",
                [client, key, digest, now],
            )
            row = cursor.fetchone()
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise KeyInUse(key=key) from error
        raise
    return int(row[0]) if row else None
