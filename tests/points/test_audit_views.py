"""The `audit` schema: the agreed names, for a role that can read nothing else."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, transaction

from tests.points.books import keep_books

pytestmark = pytest.mark.django_db

# What an outsider replays the books by; more columns may stand beside them.
AGREED = {
    "brand": "id code",
    "member": "id brand_id phone status merged_into erased_at",
    "staff": "id member_id",
    "account": "id member_id program balance held debt pending",
    "ledger_entry": "id account_id member_id seq kind points balance_after debt_delta source_type source_id"
    " reverses_id hold_id adjustment_id actor_type actor_id reason created_at prev_hash row_hash",
    "lot": "id account_id entry_id original remaining available_from expires_at expired_at",
    "lot_use": "entry_id lot_id points",
    "hold": "id account_id points status captured expires_at settled_at",
    "hold_lot": "hold_id lot_id points",
    "adjustment": "id account_id points requested_by approved_by status needs_approval",
    "idempotency_key": "client key request_hash status body created_at",
    "purchase": "id member_id store_id paid earned purchased_at",
    "purchase_refund": "id purchase_id amount",
    "outbox": "id entry_id topic created_at sent_at",
    "consent": "id member_id purpose given at",
}
OUR_OWN = {"program", "lot_extension", "pending_credit", "proof"}


def rows(sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def views() -> set[str]:
    return {str(row[0]) for row in rows("SELECT viewname FROM pg_views WHERE schemaname = 'audit'")}


def test_the_agreed_views_have_the_agreed_columns() -> None:
    assert views() >= set(AGREED) | OUR_OWN
    for view, columns in AGREED.items():
        found = rows(
            "SELECT column_name FROM information_schema.columns"
            f" WHERE table_schema = 'audit' AND table_name = '{view}'"
        )
        assert set(columns.split()) <= {row[0] for row in found}, view


def test_the_auditor_reads_every_view_and_nothing_else() -> None:
    keep_books()
    tables = {str(row[0]) for row in rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    with transaction.atomic():
        rows("SELECT set_config('role', 'auditor', true)")
        for view in sorted(views()):
            rows(f'SELECT * FROM audit."{view}" LIMIT 1')
        assert rows("SELECT count(*) > 15 FROM audit.ledger_entry") == [(True,)]
        for table in sorted(tables):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                rows(f'SELECT * FROM public."{table}" LIMIT 1')
        for statement in (
            "INSERT INTO audit.lot_use VALUES (1, 1, 1)",
            "UPDATE audit.lot_use SET points = 1",
            "DELETE FROM audit.lot_use",
        ):
            with pytest.raises(ProgrammingError), transaction.atomic():
                rows(statement)
        rows("SELECT set_config('role', 'none', true)")


def test_an_order_says_what_it_earned_less_returns_and_what_staff_undid() -> None:
    books = keep_books()
    assert rows(f"SELECT earned FROM audit.purchase WHERE id = {books.purchase}") == [(70,)]
