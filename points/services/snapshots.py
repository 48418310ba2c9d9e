"""One consistent look at all books, however long it takes, while the shops go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

# Sorts of a whole ledger fit neither into the memory that a request gets nor into its time. The server's own
# compiler costs more on these few statements than it saves.
SETTINGS = """
SET LOCAL statement_timeout = 0;
SET LOCAL work_mem = '128MB';
SET LOCAL jit = off
"""


@contextmanager
def one_snapshot() -> Iterator[Any]:
    """Yield a cursor whose statements all read the same state of the database.

    Without it, a posting between two statements would look like a fault. Inside a transaction of the caller
    it is the caller's own view, which a single session may rely on.
    """
    inside = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if not inside:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(SETTINGS)
        yield cursor
