"""Advisory locks by name, of the transaction and never of the session: a pooler may hand on the session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def one_at_a_time(name: str) -> Iterator[bool]:
    """A transaction that says whether it is the only one of this name.

    >>> with one_at_a_time("relay_outbox") as mine:  # doctest: +SKIP
    ...     if mine:
    ...         work()

    Yields False at once when another session works under the name; nobody waits. The lock ends with the
    outermost transaction, so give it a short one: a long job takes it for the step that queues the work.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        yield bool(cursor.fetchone()[0])


def wait_for(name: str, *, shared: bool = False) -> None:
    """Take the lock of that name until the surrounding transaction ends; wait for whoever holds it. `shared`
    ones stand each other's presence, and wait for the others only.

    Raises RuntimeError outside a transaction, where the lock would be gone before it is of use.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("wait_for needs a transaction that the lock can live in")
    with connection.cursor() as cursor:
        kind = "_shared" if shared else ""
        cursor.execute(f"SELECT pg_advisory_xact_lock{kind}(hashtextextended(%s, 0))", [name])
