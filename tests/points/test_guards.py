"""The database itself refuses, whoever asks: first the application, then even the owner of the tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError, ProgrammingError

from points.models import Account
from points.services import ledger
from tests.conftest import NOON
from tests.factories.points import AccountFactory, context, fresh, give, take

pytestmark = pytest.mark.django_db


def entry(kind: str, points: str, balance_after: str) -> str:
    """An INSERT past the ledger that gets everything right but what the arguments say."""
    return (
        "INSERT INTO points_entry (account_id, member_id, seq, kind, points, balance_after, debt_delta, "
        "source_type, source_id, actor_type, actor_id, reason, note, explanation, occurred_at, created_at, "
        f"prev_hash, row_hash) SELECT a.id, member_id, seq + 1, {kind}, {points}, {balance_after}, 0, 'x', "
        "'y', 'staff', '1', '', '', '{}', now(), now(), last_hash, "
        f"points_row_hash_v1(last_hash, a.id, {kind}, {points}, 'x', 'y') FROM points_account a"
    )


ABUSES = {
    "rewrite an entry": "UPDATE points_entry SET points = 1000000",
    "delete an entry": "DELETE FROM points_entry",
    "truncate the ledger": "TRUNCATE points_entry CASCADE",
    "write a balance": "UPDATE points_account SET balance = balance + 1",
    "write a debt": "UPDATE points_account SET debt = 0, balance = 5",
    "open an account with points": (
        "INSERT INTO points_account (member_id, program_id, balance, opened_at) "
        "SELECT member_id, program_id + 1000, 5, now() FROM points_account"
    ),
    "delete an account": "DELETE FROM points_account",
    "refill a lot": "UPDATE points_lot SET remaining = original",
    "bring a deadline forward": "UPDATE points_lot SET expires_at = now() - interval '9 years'",
    "delete a lot": "DELETE FROM points_lot",
    "invent a lot": (
        "INSERT INTO points_lot (entry_id, account_id, original, remaining, available_from) "
        "SELECT e.id, account_id, 999999, 999999, now() FROM points_entry e WHERE kind = 'spend'"
    ),
    "delete a use": "DELETE FROM points_lotuse",
    "undo a use": "UPDATE points_lotuse SET points = 1",
    "an entry with its own running total": entry("'earn'", "5", "999"),
    "overdraw": entry("'spend'", "-500", "balance - debt - 500"),
    "a wrong sign": entry("'spend'", "5", "balance - debt + 5"),
}


@pytest.fixture
def account() -> Account:
    account = AccountFactory()
    give(account, 100, expires_at=NOON.replace(year=2030))
    take(account, 40)
    return account


@pytest.fixture
def as_application() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE shuke_app")
        yield
        cursor.execute("RESET ROLE")


def books(account: Account) -> tuple[int, int]:
    account.refresh_from_db()
    return account.balance, account.seq


@pytest.mark.parametrize("abuse", ABUSES)
def test_even_the_owner_of_the_tables_is_refused(account: Account, abuse: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(ABUSES[abuse])
    assert books(account) == (60, 2)


@pytest.mark.parametrize("abuse", ABUSES)
def test_the_applications_role_may_not_even_try(account: Account, abuse: str, as_application: None) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(ABUSES[abuse])
    assert books(account) == (60, 2)


def test_the_applications_role_posts_through_the_functions(account: Account, as_application: None) -> None:
    give(account, 10)
    take(account, 20)
    assert books(account) == (50, 4)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE points_entry DISABLE TRIGGER ALL",
        "SELECT points_append_v1(a, NULL, 'earn', 5, 0, 'x', 'y') FROM points_account a",
        "SET session_replication_role = replica",
    ],
)
def test_the_applications_role_cannot_switch_the_guards_off(
    account: Account, as_application: None, statement: str
) -> None:
    with (
        pytest.raises(ProgrammingError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_a_stale_form_cannot_write_a_balance_back(account: Account) -> None:
    stale = Account.objects.get(pk=account.pk)
    give(account, 10)
    with pytest.raises(DatabaseError), transaction.atomic():
        stale.save()
    assert books(account) == (70, 3)


def test_a_settled_hold_stays_settled(account: Account) -> None:
    from points.models import Hold
    from points.services import ledger

    held = ledger.hold(
        account_id=account.pk,
        points=5,
        source=fresh(),
        expires_at=NOON.replace(day=20),
        context=context(),
    )
    ledger.release(hold_id=held.hold_id, status="voided", context=context())
    with pytest.raises(DatabaseError), transaction.atomic():
        Hold.objects.filter(pk=held.hold_id).update(status="open", settled_at=None)


def test_the_auditor_reads_the_books_and_nothing_else(account: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE auditor")
        cursor.execute("SELECT balance FROM audit.account")
        assert cursor.fetchone() == (60,)
        with pytest.raises(ProgrammingError), transaction.atomic():
            cursor.execute("SELECT balance FROM points_account")
        cursor.execute("RESET ROLE")


def test_no_function_of_the_owner_touches_a_temporary_table() -> None:
    """A caller could put one of his own in its way, with a trigger that runs with the owner's rights."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE prosecdef AND prosrc ~* 'temp(orary)? +table'")
        assert cursor.fetchall() == []


@pytest.mark.parametrize(
    "forged",
    [
        "'applied', false, NULL, NULL",
        "'approved', false, NULL, NULL",
        "'approved', false, (SELECT min(id) FROM backoffice_user), NULL",
    ],
)
def test_a_forged_correction_mints_nothing(account: Account, as_application: None, forged: str) -> None:
    from tests.factories.backoffice import UserFactory

    UserFactory()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO points_adjustment (account_id, points, reason, note, key, created_at, status, "
            "needs_approval, requested_by_id, approved_by_id) "
            f"VALUES (%s, 5000, 'goodwill', '', 'forged', now(), {forged}) RETURNING id",
            [account.pk],
        )
        cursor.execute(
            f"SELECT * FROM points_adjust_v1(%s, NULL, {ledger.CONTEXT})",
            [cursor.fetchone()[0], *context().values()],
        )
    assert books(account) == (60, 2)
