"""Server, schema, roles, scheduler: what only the database knows. Raises DatabaseError if it goes away."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from config import health
from config.doctor.findings import Finding

OLDEST_SERVER = 150000
DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")
APP_ROLE, AUDIT_ROLE = "shuke_app", "auditor"
# What requests must never be able to rewrite, wherever such tables exist.
APPEND_ONLY_TABLES = ("points_entry",)
# What requests call, so no triggers. Of points_spend_v1, _v2 that is the newest: older ones may be revoked.
NEWEST_FUNCTIONS = """
    SELECT proname FROM (
        SELECT DISTINCT ON (regexp_replace(proname, '_v[0-9]+$', '')) oid, proname FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prosecdef AND prorettype <> 'trigger'::regtype
          AND proname LIKE 'points\\_%%'
        ORDER BY regexp_replace(proname, '_v[0-9]+$', ''), substring(proname FROM '[0-9]+$')::int DESC
    ) AS newest"""
LEDGER_TABLES = ("points_account", "points_entry", "points_lot", "points_lotuse", "points_hold")


def _rows(query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())


def _show(name: str) -> str:
    return str(_rows("SELECT current_setting(%s)", (name,))[0][0])


def server() -> Iterator[Finding]:
    """PostgreSQL 15 or later."""
    number, text = int(_show("server_version_num")), _show("server_version")
    if number < OLDEST_SERVER:
        yield Finding("PROBLEM", "server", f"PostgreSQL {text}", "upgrade to PostgreSQL 15 or later")
    else:
        yield Finding("ok", "server", f"PostgreSQL {text}")


def durability() -> Iterator[Finding]:
    """Settings without which an acknowledged point can vanish in a crash."""
    off = [name for name in DURABILITY if _show(name) == "off"]
    if off:
        yield Finding("PROBLEM", "durability", f"off: {', '.join(off)}", "ALTER SYSTEM SET them on")
    else:
        yield Finding("ok", "durability", f"{', '.join(DURABILITY)} on")


def checksums() -> Iterator[Finding]:
    """Page checksums, so that a failing disk is noticed and not believed."""
    if _show("data_checksums") == "on":
        yield Finding("ok", "checksums", "on")
    else:
        yield Finding("warning", "checksums", "off", "stop the server and run pg_checksums --enable")


def migrations() -> Iterator[Finding]:
    """The schema is the code's."""
    pending = health.unapplied_migrations()
    if pending:
        text = f"{len(pending)} not applied, first: {pending[0]}"
        yield Finding("PROBLEM", "migrations", text, "manage.py migrate, as the owner of the database")
    else:
        yield Finding("ok", "migrations", "all applied")


def roles() -> Iterator[Finding]:
    """The roles that requests and the auditor drop to."""
    found = {name for (name,) in _rows("SELECT rolname FROM pg_roles")}
    for name in (APP_ROLE, AUDIT_ROLE):
        if name in found:
            yield Finding("ok", f"role {name}", "exists")
        else:
            yield Finding(
                "PROBLEM", f"role {name}", "missing", "manage.py migrate, by one who may create roles"
            )


def app_role() -> Iterator[Finding]:
    """The role of requests owns nothing, is no superuser and cannot rewrite the ledger."""
    rows = _rows("SELECT oid, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = %s", (APP_ROLE,))
    if not rows:
        return
    oid, superuser, bypass = rows[0]
    owned = _rows("SELECT count(*) FROM pg_class WHERE relowner = %s", (oid,))[0][0]
    if superuser or bypass or owned:
        text = "is a superuser" if superuser or bypass else f"owns {owned} relations"
        yield Finding(
            "PROBLEM", "app role", text, f"give them to the owner; ALTER ROLE {APP_ROLE} NOSUPERUSER"
        )
    else:
        yield Finding("ok", "app role", "owns nothing")
    for table in APPEND_ONLY_TABLES:
        if _rows("SELECT to_regclass(%s)", (table,))[0][0] is None:
            continue
        update = _rows("SELECT has_any_column_privilege(%s, %s, 'UPDATE')", (APP_ROLE, table))[0][0]
        delete = _rows("SELECT has_table_privilege(%s, %s, 'DELETE, TRUNCATE')", (APP_ROLE, table))[0][0]
        if update or delete:
            mend = f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {APP_ROLE}"
            yield Finding("PROBLEM", table, "requests could rewrite it", mend)
        else:
            yield Finding("ok", table, "append only")


def session_user() -> Iterator[Finding]:
    """Whoever signs in owns nothing: the role that requests drop to is left again by RESET ROLE."""
    name, superuser = _rows("SELECT rolname, rolsuper FROM pg_roles WHERE rolname = session_user")[0]
    owner = _rows(
        "SELECT count(*) FROM pg_class WHERE relname = ANY(%s) AND relkind = 'r'"
        " AND relnamespace = 'public'::regnamespace AND pg_has_role(session_user, relowner, 'MEMBER')",
        (list(LEDGER_TABLES),),
    )[0][0]
    if not superuser and not owner:
        yield Finding("ok", "session user", f"{name} owns nothing of the ledger")
        return
    text = f"{name} is a superuser" if superuser else f"{name} owns {owner} ledger tables"
    mend = "manage.py sync_database_roles --login NAME as the owner, and sign in as NAME"
    production = str(settings.SETTINGS_MODULE).endswith("production")
    yield Finding("PROBLEM" if production else "warning", "session user", text, mend)


def ledger_rights() -> Iterator[Finding]:
    """What requests need of the ledger: to read accounts, and to call the functions that write."""
    if not _rows("SELECT 1 FROM pg_roles WHERE rolname = %s", (APP_ROLE,)):
        return
    if _rows("SELECT to_regclass('points_account')")[0][0] is None:
        return
    missing = []
    if not _rows("SELECT has_table_privilege(%s, 'points_account', 'SELECT')", (APP_ROLE,))[0][0]:
        missing.append("SELECT on points_account")
    functions = _rows(NEWEST_FUNCTIONS + " WHERE NOT has_function_privilege(%s, oid, 'EXECUTE')", (APP_ROLE,))
    if functions:
        missing.append(f"EXECUTE on {len(functions)} functions, first: {functions[0][0]}")
    if missing:
        mend = "manage.py sync_database_roles, as the owner of the tables"
        yield Finding("PROBLEM", "ledger rights", f"{APP_ROLE} lacks {'; '.join(missing)}", mend)
    else:
        yield Finding("ok", "ledger rights", f"{APP_ROLE} reads accounts and calls the functions")


def scheduler() -> Iterator[Finding]:
    """When the scheduler last wrote its row."""
    state = health.heartbeat_state(timezone.now())
    if state == "fresh":
        yield Finding("ok", "scheduler", "alive")
    else:
        mend = "start `celery -A config.celery beat` and a worker"
        yield Finding("PROBLEM", "scheduler", f"heartbeat {state}", mend)


EXAMINATIONS = {
    "server": server,
    "durability": durability,
    "checksums": checksums,
    "migrations": migrations,
    "roles": roles,
    "app role": app_role,
    "session user": session_user,
    "ledger rights": ledger_rights,
    "scheduler": scheduler,
}
