"""One table of cases for both ways: a verb in a transaction, and one that is a single statement."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from backoffice import prepared
from backoffice.errors import KeyInUse, KeyTaken, Refusal
from backoffice.models import Heartbeat, IdempotencyKey
from backoffice.services.idempotency import (
    CANONICAL,
    KeyOfRequest,
    StoredAnswer,
    request_hash,
    run_in_one,
    run_once,
)

NOW = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
REQUEST = {"path": "/api/spend", "body": {"points": 10, "note": "咖啡"}}


class Verb:
    """Leaves one row a run, so that runs can be counted by what was committed."""

    def __call__(self) -> dict[str, Any]:
        count = Heartbeat.objects.count()
        Heartbeat.objects.create(name=f"run-{count}", at=NOW)
        return {"run": count, "at": NOW}


def in_one(*, verb: Callable[[], dict[str, Any]], **told: Any) -> StoredAnswer:
    """What a statement does that claims, acts and answers: all of it, or nothing of it."""

    def statement(key: KeyOfRequest) -> dict[str, Any] | None:
        with transaction.atomic():
            claim = [key.client, key.key, key.digest, key.now]
            row = prepared.first("SELECT backoffice_claim_v1(%s, %s, %s, %s)", claim)
            assert row is not None
            if row[0] is None:
                return None
            text = CANONICAL.encode(verb())
            prepared.first("SELECT backoffice_answer_v1(%s, 200, %s::jsonb)", [row[0], text])
            return dict(json.loads(text))

    return run_in_one(verb=statement, **told)


WAYS: dict[str, Callable[..., StoredAnswer]] = {"transaction": run_once, "statement": in_one}
_way: list[str] = []


@pytest.fixture(autouse=True, params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each test runs once in each way."""
    _way[:] = [request.param]
    yield request.param


def ask(verb: Callable[[], dict[str, Any]], request: dict[str, Any] = REQUEST, **more: str) -> StoredAnswer:
    told: dict[str, Any] = {"client": "till:1", "key": "k1"} | more
    return WAYS[_way[0]](request=request, now=NOW, verb=verb, **told)


@pytest.mark.django_db
def test_the_second_call_gets_the_first_ones_answer() -> None:
    first, second = ask(Verb()), ask(Verb())
    assert (first.replayed, second.replayed) == (False, True)
    assert first.body == second.body == {"run": 0, "at": "2026-06-15T04:00:00Z"}
    assert first.status == second.status == 200
    assert Heartbeat.objects.count() == 1


@pytest.mark.django_db
def test_the_order_of_keys_in_the_body_does_not_count() -> None:
    other_way_round = {"body": {"note": "咖啡", "points": 10}, "path": "/api/spend"}
    assert request_hash(REQUEST) == request_hash(other_way_round)
    ask(Verb())
    assert ask(Verb(), other_way_round).replayed


@pytest.mark.django_db
def test_another_request_under_the_key_is_refused() -> None:
    ask(Verb())
    for other in ({**REQUEST, "path": "/api/earn"}, {**REQUEST, "body": {"points": "10", "note": "咖啡"}}):
        with pytest.raises(KeyTaken):
            ask(Verb(), other)
    assert Heartbeat.objects.count() == 1


@pytest.mark.django_db
def test_other_callers_and_other_keys_are_independent() -> None:
    ask(Verb())
    assert not ask(Verb(), client="till:2").replayed
    assert not ask(Verb(), key="k2").replayed
    assert Heartbeat.objects.count() == 3


@pytest.mark.django_db
def test_a_refusal_stores_nothing_and_the_key_stays_free() -> None:
    def refuse() -> dict[str, Any]:
        Verb()()
        raise Refusal

    with pytest.raises(Refusal):
        ask(refuse)
    assert not IdempotencyKey.objects.exists() and not Heartbeat.objects.exists()
    assert not ask(Verb()).replayed


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_many_at_once_have_one_effect(together: Callable[[list[Callable[[], Any]]], list[Any]]) -> None:
    class Slow:
        """Distinct rows: nothing but the key keeps two runs apart."""

        def __call__(self) -> dict[str, Any]:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(0.1), gen_random_uuid()::text")
                name = cursor.fetchone()[1]
            Heartbeat.objects.create(name=name, at=NOW)
            return {"name": name}

    answers = together([lambda: ask(Slow())] * 5)
    assert [answer.replayed for answer in answers].count(False) == 1
    assert len({answer.body["name"] for answer in answers}) == 1
    assert Heartbeat.objects.count() == 1
    # Control: the verb without the key runs every time.
    together([Slow()] * 2)
    assert Heartbeat.objects.count() == 3


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_duplicate_that_waits_too_long_is_told_to_come_back(
    together: Callable[[list[Callable[[], Any]]], list[Any]],
) -> None:
    def slow() -> dict[str, Any]:
        def impatient() -> StoredAnswer:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '50ms'")
            return ask(Verb())

        [inner] = together([impatient])
        assert isinstance(inner, KeyInUse)
        return {}

    assert not ask(slow).replayed
    assert not Heartbeat.objects.exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_it_refuses_to_be_part_of_another_transaction() -> None:
    """Answered means committed."""
    with pytest.raises(RuntimeError), transaction.atomic():
        ask(Verb())


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_lock_that_is_not_the_keys_is_no_key_in_use(
    together: Callable[[list[Callable[[], Any]]], list[Any]],
) -> None:
    beat = Heartbeat.objects.create(name="held", at=NOW)

    def touch() -> dict[str, Any]:
        Heartbeat.objects.select_for_update().get(pk=beat.pk)
        return {}

    def impatient() -> StoredAnswer:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        return ask(touch)

    with transaction.atomic():
        Heartbeat.objects.select_for_update().get(pk=beat.pk)
        [answer] = together([impatient])
    assert isinstance(answer, OperationalError)
    assert not IdempotencyKey.objects.exists()
