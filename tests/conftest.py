"""Fixtures that every test may use. Time is an argument: `noon` is the usual one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.utils import translation

NOON = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)  # 12:00 in Taipei


@pytest.fixture
def now() -> datetime:
    return NOON


def all_at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Run the calls in threads that start together; answers results or the exceptions, in order."""
    barrier = Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=10)
            return call()
        except Exception as error:  # noqa: BLE001 - the exception is the answer here
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


@pytest.fixture
def together() -> Iterator[Callable[[list[Callable[[], Any]]], list[Any]]]:
    yield all_at_once


@pytest.fixture(autouse=True)
def _messages_in_english() -> Iterator[None]:
    """A request leaves its language active in its thread: without this, the next test would speak it."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True, scope="session")
def _evidence_may_be_emptied_between_tests() -> Iterator[None]:
    """Tests with real commits end with a TRUNCATE, which the triggers of append-only tables refuse."""
    plain = DatabaseOperations.execute_sql_flush

    def without_triggers(self: DatabaseOperations, sql_list: list[str]) -> None:
        plain(self, ["SET LOCAL session_replication_role = replica", *sql_list])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "execute_sql_flush", without_triggers)
        yield
