"""Fixtures that every test may use. Time is an argument: `noon` is the usual one."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.postgresql.operations import DatabaseOperations
from django.utils import translation

NOON = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)  # 12:00 in Taipei
# Far above the longest test on a slow machine: whoever waits longer waits for ever.
LONGEST_TEST_SECONDS = 900


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Every wait has an end: then the test fails where it stands, and so does whatever waits behind it."""
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_TEST_SECONDS, 30)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _give_up(*_signal: object) -> None:
    raise TimeoutError(f"this test has taken longer than {LONGEST_TEST_SECONDS} seconds")


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
def _tests_with_real_commits_leave_nothing_behind() -> Iterator[None]:
    """Such tests end with a TRUNCATE of all tables, which the triggers of append-only ones refuse, and which
    takes a new file for each table and index. Here only tables with rows are emptied, by a DELETE.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "execute_sql_flush", _empty_all_tables)
        yield


# Above this a TRUNCATE is quicker, and leaves no dead rows for the next test to read over.
MANY_BYTES = 4_000_000


def _empty_all_tables(self: DatabaseOperations, sql_list: list[str]) -> None:
    database = self.connection
    names = database.introspection.django_table_names(only_existing=True, include_views=False)
    looks = " UNION ALL ".join(
        f"SELECT '{name}', pg_relation_size('{name}') > {MANY_BYTES} WHERE EXISTS (SELECT FROM \"{name}\")"
        for name in sorted(names)
    )
    with transaction.atomic(using=database.alias), database.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(looks)
        for name, is_large in cursor.fetchall():
            # CASCADE: tables that point here have to be named as well, and are to be emptied in any case.
            cursor.execute(f'TRUNCATE "{name}" CASCADE' if is_large else f'DELETE FROM "{name}"')
