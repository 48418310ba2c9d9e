"""The login of web and worker: what it may do, and that nothing leads it back to the owner."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from backoffice.actors import Actor
from backoffice.choices import Role
from backoffice.services import limits
from members.models import Member, RetiredCard
from members.services import looks
from members.services.card_numbers import replace_card
from members.services.erasure import NO_PERSON, erase
from tests.conftest import NOON
from tests.factories.backoffice import UserFactory
from tests.factories.members import MemberFactory

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


@pytest.fixture
def history() -> Member:
    """A member with a history, a replaced card, looks at his page and a counter that was used."""
    clerk = UserFactory()
    member = MemberFactory()
    actor = Actor.staff(clerk)
    replace_card(member=member, expected_card_no=member.card_no, reason="lost", actor=actor, now=NOON)
    looks.count_page(actor=Actor.staff(clerk), now=NOON)
    limits.take(bucket="sms:budget", limit=5, window=timedelta(hours=1), now=NOON)
    return member


REWRITES = {
    "count looks down": "UPDATE members_lookcount SET pages = 0",
    "give looks to somebody else": "UPDATE members_lookcount SET hour = hour - interval '1 hour'",
    "delete looks": "DELETE FROM members_lookcount",
    "rewrite a member's history": "UPDATE members_memberevent SET status = 'frozen'",
    "put a name into the history": "UPDATE members_memberevent SET name = 'somebody else'",
    "blank the history of somebody who is there": "UPDATE members_memberevent SET phone = ''",
    "delete the history of somebody who is there": "DELETE FROM members_memberevent",
    "rewrite a replaced card": "UPDATE members_retiredcard SET reason = ''",
    "delete a replaced card": "DELETE FROM members_retiredcard",
    "unsay what was used": "UPDATE backoffice_limitcounter SET used = 0",
    "count for another limit": "UPDATE backoffice_limitcounter SET bucket = 'x'",
    "count in an older window": "UPDATE backoffice_limitcounter SET window_start = '2020-01-01'",
}


@pytest.mark.parametrize("role", ["the owner", "shuke_app"])
@pytest.mark.parametrize("rewrite", REWRITES)
def test_nobody_rewrites_what_was_counted_and_what_happened(history: Member, rewrite: str, role: str) -> None:
    with connection.cursor() as cursor:
        if role == "shuke_app":
            cursor.execute("SET ROLE shuke_app")
        with pytest.raises(DatabaseError), transaction.atomic():
            cursor.execute(REWRITES[rewrite])
        cursor.execute("RESET ROLE")


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("members_lookcount", {"pages", "unmaskings"}),
        ("members_retiredcard", set()),
        ("backoffice_limitcounter", {"window_start", "used", "times"}),
        ("members_memberevent", {*NO_PERSON, "card_no"}),
    ],
)
def test_the_application_may_change_these_columns_and_no_others(table: str, columns: set[str]) -> None:
    call_command("sync_database_roles")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped AND has_column_privilege('shuke_app', attrelid, attnum, 'UPDATE')",
            [table],
        )
        assert {row[0] for row in cursor.fetchall()} == columns


def test_the_application_still_counts_and_erases(history: Member) -> None:
    manager = UserFactory(role=Role.MANAGER)
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE shuke_app")
        assert looks.count_unmasking(actor=Actor.staff(manager), now=NOON) == 1
        assert looks.count_unmasking(actor=Actor.staff(manager), now=NOON) == 2
        later = NOON + timedelta(hours=1)
        window: dict[str, Any] = {"bucket": "sms:budget", "limit": 5, "window": timedelta(hours=1)}
        assert [limits.take(now=moment, **window) for moment in (NOON, later)] == [2, 1]
        erase(member=history, reason="asked", actor=Actor.staff(manager), now=NOON)
        cursor.execute("RESET ROLE")
    assert not RetiredCard.objects.exists()
    events = apps.get_model("members", "MemberEvent").objects.filter(pgh_obj=history)
    assert events.count() > 1 and not events.exclude(phone="", name="", card_no="").exists()


def test_the_history_of_an_erased_member_may_go(history: Member) -> None:
    """An import that is undone forgets whom it brought in by mistake."""
    erase(member=history, reason="asked", actor=Actor.staff(UserFactory(role=Role.MANAGER)), now=NOON)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM members_memberevent")
        assert cursor.rowcount > 1
