"""Ledger entries that files of points make and unmake: a call for each chunk, next to `ledger.credit_many`.

Like there, rows that a rule refuses have no effect and say why, the others are posted, and a repeated call
answers what is there. Each is part of the caller's transaction, locks its accounts by id, and answers one
outcome per row in the given order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.db import connection

from points.postings import Context, DeductOutcome, DeductRow, UndoOutcome, UndoRow
from points.services.ledger import CONTEXT, call, call_rows


def deduct_many(rows: Sequence[DeductRow], *, context: Context) -> list[DeductOutcome]:
    """Take points as `import` entries, out of free points only and each whole or not at all.

    Refusals: `insufficient_points`, `member_not_served`, `key_reused`, `invalid_points`.
    """
    payload = json.dumps(
        [
            {
                "account_id": row.account_id,
                "points": row.points,
                "source_type": row.source_type,
                "source_id": row.source_id,
                "brand_id": row.brand_id,
                "explanation": row.explanation,
                "reason": row.reason,
                "note": row.note,
            }
            for row in rows
        ]
    )
    found = call_rows(
        "SELECT entry_id, points, replayed, refused, available"
        f" FROM points_deduct_many_v2(%s::jsonb, {CONTEXT}) ORDER BY n",
        (payload, *context.values()),
    )
    return [DeductOutcome(*row) for row in found]


def reverse_many(rows: Sequence[UndoRow], *, context: Context) -> list[UndoOutcome]:
    """Take imported credits back, each as far as it is not undone yet and as its program's policy says.

    Refusals: `member_not_served` (erased or merged), `already_reversed`, `not_reversible`.
    """
    payload = json.dumps(
        [
            {
                "entry_id": row.entry_id,
                "source_type": row.source.type,
                "source_id": row.source.id,
                "explanation": row.explanation,
            }
            for row in rows
        ]
    )
    found = call_rows(
        "SELECT entry_id, points, coalesce(left_over, 0), 0, replayed, refused"
        f" FROM points_reverse_many_v1(%s::jsonb, {CONTEXT}) ORDER BY n",
        (payload, *context.values()),
    )
    return [UndoOutcome(*row) for row in found]


def restore_many(rows: Sequence[UndoRow], *, context: Context) -> list[UndoOutcome]:
    """Give imported deductions back to the lots that they came from, debt first, each as a correction of the
    system.

    Refusals: `member_not_served` (erased or merged), `not_reversible`.
    """
    payload = json.dumps([{"entry_id": row.entry_id, "explanation": row.explanation} for row in rows])
    found = call_rows(
        "SELECT entry_id, points, 0, lapsed, replayed, refused"
        f" FROM points_restore_many_v1(%s::jsonb, {CONTEXT}) ORDER BY n",
        (payload, *context.values()),
    )
    return [UndoOutcome(*row) for row in found]


def count_given(*, user_id: int, given: Sequence[tuple[int, int]], context: Context) -> None:
    """Count (account id, points) pairs on the day's limits of whoever gives them without a second person.

    Raises OverLimit, and nothing is counted then.
    """
    accounts, points = [pair[0] for pair in given], [pair[1] for pair in given]
    call(
        f"SELECT points_count_file_v1(%s, %s::bigint[], %s::bigint[], {CONTEXT})",
        (user_id, accounts, points, *context.values()),
    )


def check_pair(*, asker_id: int, approver_id: int, points: int, context: Context) -> None:
    """Raises MutualApproval when these two approve too much for each other, this among it (T18)."""
    call(
        "SELECT points_check_pair_v1(%s, %s, %s, %s)",
        (asker_id, approver_id, points, context.now),
    )


def own_cards(user_ids: Sequence[int]) -> set[int]:
    """The members whose cards are linked to these staff users, and those whom they were merged into."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE walk AS (
                SELECT s.member_id AS id, 0 AS step FROM members_staffcard s WHERE s.user_id = ANY(%s)
                UNION ALL
                SELECT m.merged_into_id, w.step + 1
                FROM walk w JOIN members_member m ON m.id = w.id
                WHERE m.merged_into_id IS NOT NULL AND w.step < 20
            )
            SELECT DISTINCT id FROM walk
            """,
            [list(user_ids)],
        )
        return {row[0] for row in cursor.fetchall()}
