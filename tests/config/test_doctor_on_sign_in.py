"""What `manage.py doctor` says about who signs in: to the database, and to the back office."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from config.doctor import database, machine
from config.doctor.findings import Finding

LOGIN = "shuke_doctor_login"


def one(findings: Iterator[Finding]) -> Finding:
    [finding] = list(findings)
    return finding


@pytest.mark.django_db
@pytest.mark.parametrize(("module", "level"), [("production", "PROBLEM"), ("local", "warning")])
def test_a_superuser_behind_requests_is_a_problem_in_production(
    settings: Any, module: str, level: str
) -> None:
    settings.SETTINGS_MODULE = f"config.settings.{module}"
    finding = one(database.session_user())
    assert finding.level == level and "superuser" in finding.text and "sync_database_roles" in finding.mend


@pytest.mark.django_db
def test_a_login_that_owns_nothing_is_well_and_one_that_inherits_the_tables_is_not(settings: Any) -> None:
    settings.APP_DATABASE_PASSWORD = "x" * 20
    settings.SETTINGS_MODULE = "config.settings.production"
    call_command("sync_database_roles", login=LOGIN, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE shuke_doctor_owner NOLOGIN")
        cursor.execute(f"SET SESSION AUTHORIZATION {LOGIN}")
        try:
            assert one(database.session_user()).level == "ok"
            cursor.execute("RESET SESSION AUTHORIZATION")
            cursor.execute("ALTER TABLE points_lot OWNER TO shuke_doctor_owner")
            cursor.execute(f"GRANT shuke_doctor_owner TO {LOGIN}")
            cursor.execute(f"SET SESSION AUTHORIZATION {LOGIN}")
            finding = one(database.session_user())
        finally:
            cursor.execute("RESET SESSION AUTHORIZATION")
    assert finding.level == "PROBLEM" and "owns 1 ledger tables" in finding.text


@pytest.mark.django_db
def test_lost_rights_of_the_application_are_named() -> None:
    finding = one(database.ledger_rights())
    assert finding.level == "ok", finding
    with connection.cursor() as cursor:
        cursor.execute("REVOKE SELECT ON points_account FROM shuke_app")
        cursor.execute("SELECT 'points_expire_v1'::regproc::oid::regprocedure::text")
        cursor.execute(f"REVOKE EXECUTE ON FUNCTION {cursor.fetchone()[0]} FROM shuke_app")
    finding = one(database.ledger_rights())
    assert finding.level == "PROBLEM"
    assert (
        "SELECT on points_account" in finding.text
        and "EXECUTE on 1 functions, first: points_expire_v1" in finding.text
    )


@pytest.mark.parametrize(
    ("module", "required", "level"),
    [("production", False, "warning"), ("production", True, "ok"), ("local", False, "ok")],
)
def test_production_without_the_second_factor_is_warned(
    settings: Any, module: str, required: bool, level: str
) -> None:
    settings.STAFF_SECOND_FACTOR_REQUIRED = required
    settings.SETTINGS_MODULE = f"config.settings.{module}"
    assert one(machine.sign_in()).level == level
