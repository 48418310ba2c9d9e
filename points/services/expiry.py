"""Expiry: notices first, then lapsed lots, in batches that can be killed and taken up again.

An emptied lot is no longer due, so a repeated batch has no second effect; the next batch starts after the
last account of the one before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from backoffice.actors import Actor
from points.postings import Context
from points.services import ledger

BATCH_ACCOUNTS = 2_000


@dataclass(frozen=True, slots=True)
class Batch:
    """What one batch did, or would do in a dry run. `last_account` is where the next one goes on."""

    last_account: int
    accounts: int
    lots: int
    points: int
    unnoticed_lots: int
    unnoticed_points: int


def run_name(as_of: datetime) -> str:
    return f"run:{as_of.isoformat()}"


def expire_batch(
    *,
    as_of: datetime,
    after: int,
    actor: Actor,
    now: datetime,
    dry_run: bool = False,
    accounts: int = BATCH_ACCOUNTS,
) -> Batch | None:
    """Expire the lapsed lots of the next `accounts` accounts after id `after`; None when there are no more.

    Lots that nobody announced in time (N10) get a new deadline instead; `unnoticed_lots` counts them.
    """
    context = Context(
        actor=actor, now=now, occurred_at=as_of, explanation={"rule": "expiry", "as_of": as_of.isoformat()}
    )
    row = ledger.call(
        f"SELECT * FROM points_expire_v1(%s,%s,%s,%s,%s,{ledger.CONTEXT})",
        (after, accounts, as_of, run_name(as_of), dry_run, *context.values()),
    )
    return Batch(*row) if row[0] is not None else None


def expire_all(
    *,
    as_of: datetime,
    actor: Actor,
    now: datetime,
    dry_run: bool = False,
    ceiling: int | None = None,
    accounts: int = BATCH_ACCOUNTS,
) -> Iterator[Batch]:
    """Batch after batch until nothing is left or `ceiling` points have gone; each is its own transaction.

    The ceiling stops between batches: a run expires at most one batch more than it.
    """
    after, gone = 0, 0
    while batch := expire_batch(
        as_of=as_of, after=after, actor=actor, now=now, dry_run=dry_run, accounts=accounts
    ):
        yield batch
        after, gone = batch.last_account, gone + batch.points
        if ceiling is not None and gone >= ceiling:
            return


@transaction.atomic
def announce(*, as_of: datetime, now: datetime, limit: int = 10_000) -> int:
    """Write notices for lots that lapse within their program's notice days; answers how many.

    One outbox message per lot and deadline, the notice's id its subject; it counts as sent when the relay has
    sent it. A lot whose deadline has moved since (sliding programs) is announced again when it comes near.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS MATERIALIZED (
                SELECT nextval(pg_get_serial_sequence('points_expirynotice', 'id')) AS notice_id,
                       l.entry_id, l.account_id, a.member_id, l.expires_at, l.remaining
                FROM points_program p
                JOIN points_account a ON a.program_id = p.id
                JOIN points_lot l ON l.account_id = a.id
                WHERE p.notice_days > 0 AND l.remaining > 0
                  AND l.expires_at <= %(as_of)s + make_interval(days => p.notice_days + 1)
                  AND NOT EXISTS (SELECT FROM points_expirynotice n
                                  WHERE n.lot_id = l.entry_id AND n.expires_at = l.expires_at)
                ORDER BY l.expires_at, l.entry_id LIMIT %(limit)s
            ), messages AS (
                INSERT INTO backoffice_outboxmessage (topic, subject_id, payload, created_at)
                SELECT 'points.expiry_notice', notice_id,
                       jsonb_build_object('member', member_id, 'account', account_id, 'lot', entry_id,
                                          'points', remaining, 'expires_at', expires_at), %(now)s
                FROM due
                RETURNING id, subject_id
            )
            INSERT INTO points_expirynotice (id, lot_id, message_id, expires_at, created_at)
            SELECT d.notice_id, d.entry_id, m.id, d.expires_at, %(now)s
            FROM due d JOIN messages m ON m.subject_id = d.notice_id
            """,
            {"as_of": as_of, "now": now, "limit": limit},
        )
        return cursor.rowcount
