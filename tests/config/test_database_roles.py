"""The login of web and worker: what it may do, and that nothing leads it back to the owner."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

pytestmark = pytest.mark.django_db
LOGIN = "shuke_test_login"


def rights(role: str, table: str) -> tuple[bool, bool]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege(%(r)s, %(t)s, 'select'), has_table_privilege(%(r)s, %(t)s, 'insert')",
            {"r": role, "t": table},
        )
        return cursor.fetchone()


def test_the_login_reads_the_ledger_and_writes_only_what_is_no_ledger(settings: Any) -> None:
    settings.APP_DATABASE_PASSWORD = "x" * 20
    call_command("sync_database_roles", login=LOGIN)
    call_command("sync_database_roles", login=LOGIN)  # renewing it is no error
    assert rights(LOGIN, "points_entry") == (True, False)
    assert rights(LOGIN, "members_member") == (True, True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = %s", [LOGIN])
        assert cursor.fetchone() == (False, False)
        cursor.execute("SELECT pg_has_role(%s, current_user, 'member')", [LOGIN])
        assert cursor.fetchone() == (False,)


def test_lost_rights_come_back() -> None:
    with connection.cursor() as cursor:
        cursor.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM shuke_app")
    assert rights("shuke_app", "points_account") == (False, False)
    call_command("sync_database_roles")
    assert rights("shuke_app", "points_account") == (True, False)


def test_a_short_password_is_refused(settings: Any) -> None:
    settings.APP_DATABASE_PASSWORD = "short"
    with pytest.raises(CommandError, match="16 characters"):
        call_command("sync_database_roles", login=LOGIN)
