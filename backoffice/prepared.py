"""Statements that a till waits for: bound and prepared by the server, without an object of the ORM.

Django writes the values into the text, so that the server parses and plans each call anew; and building a
query
costs more than carrying it out. The models stay what they are: whoever needs an object makes it of the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Model
from django.db.models.base import ModelState
from psycopg.pq import Format

Row = tuple[Any, ...]
TIMESTAMPTZ_OID: int = psycopg.adapters.types["timestamptz"].oid


class _KeptCursor(CursorWrapper):
    """Django's cursor around one that stays open for the next statement: there is one for each connection."""

    def __exit__(self, *_exception: object) -> None:
        return None


def cursor_on(database: BaseDatabaseWrapper) -> CursorWrapper:
    """Django's cursor around one that binds on the server (`prepare_threshold` in the settings).

    Statements begin with SELECT: before any other the history of a request puts a statement of its own. All
    rows are fetched before the next statement, which takes the same cursor.
    """
    database.close_if_health_check_failed()
    database.ensure_connection()
    line: Any = database.connection
    if database.queries_logged:
        return database._prepare_cursor(_bound_cursor(line))  # type: ignore[attr-defined]
    kept: _KeptCursor | None = getattr(line, "_shuke_kept_cursor", None)
    if kept is None:
        database.validate_thread_sharing()
        kept = line._shuke_kept_cursor = _KeptCursor(_bound_cursor(line), database)
    return kept


def _bound_cursor(line: Any) -> psycopg.Cursor[Row]:
    """A cursor whose times are read by the driver's own loader: Django's costs ten times as much, and makes
    the same of them while the connection speaks UTC.
    """
    cursor = psycopg.Cursor(line)
    quick = psycopg.adapters.get_loader(TIMESTAMPTZ_OID, Format.TEXT)
    if quick is not None and line.info.parameter_status("TimeZone") == "UTC":
        cursor.adapters.register_loader(TIMESTAMPTZ_OID, quick)
    return cursor


def rows(sql: str, values: Sequence[Any]) -> list[Row]:
    """All rows of a SELECT."""
    # Looked up once: each access through `connection` asks which thread this is.
    with cursor_on(connections[DEFAULT_DB_ALIAS]) as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def first(sql: str, values: Sequence[Any]) -> Row | None:
    """The first row of a SELECT, None without."""
    found = rows(sql, values)
    return found[0] if found else None


def opening(sql: str, values: Sequence[Any]) -> Row | None:
    """`first`, for the read that a request begins with: it shows by itself whether the connection is alive.

    A connection that the server has closed meanwhile is made anew and the read repeated, so that nobody has
    to
    ask it before each request.
    """
    # Its stubs do not know the health check.
    database: Any = connections[DEFAULT_DB_ALIAS]
    if database.connection is None or database.in_atomic_block or database.health_check_done:
        return first(sql, values)
    database.health_check_done = True
    try:
        return first(sql, values)
    except (OperationalError, InterfaceError):
        if database.is_usable():
            raise
        database.close()
        return first(sql, values)


def columns(model: type[Model], alias: str) -> str:
    """The columns of a model as it is loaded, for a SELECT whose rows `made` turns into objects."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


def made(model: type[Model], values: Sequence[Any]) -> Any:
    """The object of a row in the order of `columns`, as `from_db` makes it, without its signals: nobody
    listens to them, and four objects a request cost a fifth of a look at a balance.
    """
    return made_of(model, names(model), values)


def made_of(model: type[Model], fields: Sequence[str], values: Sequence[Any]) -> Any:
    """`made` of these fields alone, by the names of their attributes; the others are read when asked for."""
    row = model.__new__(model)
    row._state = ModelState()
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    row.__dict__.update(zip(fields, values, strict=True))
    return row


@cache
def names(model: type[Model]) -> list[str]:
    """What the columns are called on the object."""
    fields = model._meta.concrete_fields
    assert not any(hasattr(field, "from_db_value") for field in fields), (
        f"{model.__name__} converts its values"
    )
    return [field.attname for field in fields]
