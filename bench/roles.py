"""The application signs in as the owner of the tables but works as a role that may only call functions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

ROLE = "shuke_app"


@contextmanager
def application_role() -> Iterator[None]:
    """Django's connection under that role, as in production."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {ROLE}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
