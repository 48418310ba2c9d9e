"""The one writer of the ledger: typed calls of the versioned SQL functions in `points/sql/`.

Each call is one round trip that locks the account, looks for the known key, checks, appends the entry with
its lots, uses and outbox message, and answers. Inside `transaction.atomic()` it is part of that transaction;
outside it is a transaction of its own. All times are aware datetimes, all points whole numbers.

A repeated call with the same source answers the stored posting with `replayed=True` and writes nothing; the
same source with other points raises KeyReused. Every function raises a `points.errors.PointsRefusal` when a
rule says no (each docstring names them), and nothing was written then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.utils import Error as DatabaseError

from backoffice.prepared import cursor_on
from points.choices import DebtPolicy
from points.errors import InvalidPoints, refusal_of
from points.postings import (
    Context,
    CreditOutcome,
    CreditRow,
    HoldState,
    Posting,
    Refund,
    ReverseRow,
    Source,
)

__all__ = [
    "Context",
    "CreditOutcome",
    "CreditRow",
    "HoldState",
    "Posting",
    "Refund",
    "ReverseRow",
    "Source",
    "add_pending",
    "adjust",
    "capture",
    "confirm_pending",
    "credit",
    "credit_many",
    "hold",
    "open_account",
    "open_accounts",
    "reduce_pending",
    "refund_spend",
    "release",
    "reverse_credit",
    "reverse_credits",
    "spend",
    "transfer",
]

MAX_POINTS = 9_999_999
CONTEXT = "ROW(%s,%s,%s,%s,%s,%s,%s::jsonb,%s,%s,%s)::points_context"

# One array for each argument and for each field of the context; the function is called in the rows' order.
REVERSE_MANY = """
SELECT p.* FROM unnest(
    %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::text[], %s::bigint[], %s::bigint[], %s::jsonb[], %s::timestamptz[], %s::timestamptz[], %s::bigint[]
) WITH ORDINALITY AS r(
    entry, points, policy, source_type, source_id, actor_type, actor_id, reason, note, store_id, brand_id,
    explanation, occurred_at, now, expected_seq, n
)
CROSS JOIN LATERAL points_reverse_credit_v1(
    r.entry, r.points, r.policy, r.source_type, r.source_id, ROW(
        r.actor_type, r.actor_id, r.reason, r.note, r.store_id, r.brand_id, r.explanation, r.occurred_at,
        r.now, r.expected_seq
    )::points_context
) p
ORDER BY r.n
"""


def call(sql: str, params: Sequence[Any], *, fenced: bool = True) -> tuple[Any, ...]:
    """Run one SQL function and answer its row. Raises the PointsRefusal that its SQLSTATE names."""
    return call_rows(sql, params, fenced=fenced)[0]


def call_rows(sql: str, params: Sequence[Any], *, fenced: bool = True) -> list[tuple[Any, ...]]:
    """Like `call`, for functions that answer several rows.

    Inside a transaction a savepoint keeps a refusal from spoiling what the caller wrote before; without it
    (`fenced=False`) a refusal ends the transaction or the caller's own savepoint.
    """
    # Looked up once: each access through `connection` asks which thread this is.
    database = connections[DEFAULT_DB_ALIAS]
    try:
        if database.in_atomic_block and fenced:
            with transaction.atomic(), cursor_on(database) as cursor:
                cursor.execute(sql, params)
                return cursor.fetchall()
        with cursor_on(database) as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall()
    except DatabaseError as error:
        refused = refusal_of(error)
        if refused is None:
            # As it is: its cause says what the database meant, and whether it was only busy.
            raise
        raise refused from error


def _check(points: int) -> None:
    # bool is an int in Python, and a point is not a truth value.
    if type(points) is not int or not 0 < points <= MAX_POINTS:
        raise InvalidPoints(value=points)


def open_account(*, member_id: int, program_id: int, now: datetime) -> int:
    """The id of the member's account in a program, opened when there is none yet."""
    # Refuses nothing, so there is nothing to be fenced off.
    return int(call("SELECT points_open_v1(%s, %s, %s)", (member_id, program_id, now), fenced=False)[0])


def open_accounts(*, pairs: Iterable[tuple[int, int]], now: datetime) -> dict[tuple[int, int], int]:
    """`open_account` for many (member id, program id) pairs in one round trip; opened in the order given."""
    wanted = list(dict.fromkeys(pairs))
    members, programs = [pair[0] for pair in wanted], [pair[1] for pair in wanted]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT points_open_v1(u.member, u.program, %s)"
            " FROM unnest(%s::bigint[], %s::bigint[]) WITH ORDINALITY AS u(member, program, n) ORDER BY u.n",
            (now, members, programs),
        )
        return dict(zip(wanted, (int(row[0]) for row in cursor.fetchall()), strict=True))


def credit(
    *,
    account_id: int,
    kind: str,
    points: int,
    source: Source,
    context: Context,
    expires_at: datetime | None = None,
    slide_to: datetime | None = None,
) -> Posting:
    """Give points: `earn`, `bonus` or `import`. Debt is paid first, the rest becomes a lot.

    `slide_to` moves the deadlines of the account's live lots (sliding programs).
    Raises InvalidPoints, MemberNotServed, KeyReused, BalanceMoved, NoSuchAccount.
    """
    _check(points)
    return Posting(
        *call(
            f"SELECT * FROM points_credit_v1(%s,%s,%s,%s,%s,%s,%s,{CONTEXT})",
            (account_id, kind, points, source.type, source.id, expires_at, slide_to, *context.values()),
        )
    )


def credit_many(rows: Sequence[CreditRow], *, context: Context) -> list[CreditOutcome]:
    """Give many credits in one call, with the effects that `credit` would have row by row, in this order.

    Rows that a rule refuses have no effect and say why; the others are posted. Memory grows with the rows:
    callers send chunks (5,000 is a good size). Raises ValueError for rows of sliding programs: each of their
    credits moves the deadlines of those before it, so they go one by one through `credit`.
    """
    if any(row.slide_to is not None for row in rows):
        raise ValueError("credits of sliding programs are posted one by one")
    payload = json.dumps(
        [
            {
                "account_id": row.account_id,
                "kind": row.kind,
                "points": row.points,
                "source_type": row.source_type,
                "source_id": row.source_id,
                "expires_at": row.expires_at.isoformat() if row.expires_at else None,
                "occurred_at": row.occurred_at.isoformat(),
                "store_id": row.store_id,
                "brand_id": row.brand_id,
                "explanation": row.explanation,
                "reason": row.reason,
                "note": row.note,
            }
            for row in rows
        ]
    )
    rows_out = call_rows(
        "SELECT entry_id, points, replayed, refused "
        f"FROM points_credit_many_v2(%s::jsonb, {CONTEXT}) ORDER BY n",
        (payload, *context.values()),
    )
    return [CreditOutcome(*row) for row in rows_out]


def spend(
    *,
    account_id: int,
    points: int,
    source: Source,
    context: Context,
    slide_to: datetime | None = None,
) -> Posting:
    """Take points, first to expire first; never from held or lapsed ones.

    Raises InsufficientPoints, SpendingBlocked, NotSpendable, PhoneNotVerified, MemberNotServed, KeyReused,
    BalanceMoved.
    """
    _check(points)
    return Posting(
        *call(
            f"SELECT * FROM points_spend_v2(%s,%s,%s,%s,%s,{CONTEXT})",
            (account_id, points, source.type, source.id, slide_to, *context.values()),
        )
    )


def hold(
    *, account_id: int, points: int, source: Source, expires_at: datetime, context: Context
) -> HoldState:
    """Set points aside until `expires_at`. Raises like `spend`, and HoldTooLong beyond the program's days.

    A hold that would end at once is invalid.
    """
    _check(points)
    return HoldState(
        *call(
            f"SELECT * FROM points_hold_v2(%s,%s,%s,%s,%s,{CONTEXT})",
            (account_id, points, source.type, source.id, expires_at, *context.values()),
        )
    )


def capture(
    *, hold_id: int, points: int, source: Source, context: Context, slide_to: datetime | None = None
) -> Posting:
    """Spend (a part of) a hold; the rest is free again. Lots that lapsed while held still pay.

    `slide_to` moves the deadlines of the account's live lots (sliding programs), as `spend` does.
    Raises HoldNotOpen, HoldTooSmall, MemberNotServed, KeyReused, NoSuchAccount.
    """
    _check(points)
    return Posting(
        *call(
            f"SELECT * FROM points_capture_v2(%s,%s,%s,%s,%s,{CONTEXT})",
            (hold_id, points, source.type, source.id, slide_to, *context.values()),
        )
    )


def release(*, hold_id: int, status: str, context: Context) -> bool:
    """End a hold without spending: `voided` by hand or `expired` by time. False when it already had ended so.

    Raises HoldNotOpen when it ended otherwise, or when its time is not over yet.
    """
    return bool(call(f"SELECT points_release_v1(%s,%s,{CONTEXT})", (hold_id, status, *context.values()))[0])


def reverse_credit(
    *, entry_id: int, points: int, policy: str = DebtPolicy.DEBT, source: Source, context: Context
) -> Posting:
    """Take back `points` of an `earn`, `bonus` or `import` entry; spent ones become debt or stay (`policy`).

    Raises AlreadyReversed, NotReversible, NoSuchEntry, BalanceMoved.
    """
    _check(points)
    return Posting(
        *call(
            f"SELECT * FROM points_reverse_credit_v1(%s,%s,%s,%s,%s,{CONTEXT})",
            (entry_id, points, policy, source.type, source.id, *context.values()),
        )
    )


def reverse_credits(rows: Sequence[ReverseRow]) -> list[Posting]:
    """`reverse_credit` for many entries in one round trip, in the order given: all of them or, raising like
    it, none.
    """
    if not rows:
        return []
    for row in rows:
        _check(row.points)
    contexts = [row.context.values() for row in rows]
    columns = [
        [row.entry_id for row in rows],
        [row.points for row in rows],
        [str(row.policy) for row in rows],
        [row.source.type for row in rows],
        [row.source.id for row in rows],
        *(list(values) for values in zip(*contexts, strict=True)),
    ]
    return [Posting(*found) for found in call_rows(REVERSE_MANY, columns)]


def refund_spend(*, entry_id: int, points: int, source: Source, context: Context) -> Refund:
    """Give back `points` of a `spend` entry to the lots they came from, with their old deadlines.

    Raises AlreadyReversed, NotReversible, NoSuchEntry, KeyReused, BalanceMoved.
    """
    _check(points)
    row = call(
        "SELECT (r.posting).*, r.lapsed, r.lapse_entry_id "
        f"FROM (SELECT * FROM points_refund_spend_v1(%s,%s,%s,%s,{CONTEXT})) r",
        (entry_id, points, source.type, source.id, *context.values()),
    )
    return Refund(Posting(*row[:8]), row[8], row[9])


def adjust(*, adjustment_id: int, expires_at: datetime | None, context: Context) -> Posting:
    """Apply an approved correction (`points.services.corrections` asks; this books within the limits).

    Raises NotApproved, OverLimit, OwnCard, RequestersCard, MutualApproval, GraceOvertaken, AlreadyReversed,
    InsufficientPoints, MemberNotServed, BalanceMoved.
    """
    return Posting(
        *call(
            f"SELECT * FROM points_adjust_v4(%s,%s,{CONTEXT})",
            (adjustment_id, expires_at, *context.values()),
        )
    )


def transfer(
    *,
    from_account_id: int,
    to_account_id: int,
    points: int | None,
    source: Source,
    context: Context,
) -> list[Posting]:
    """Move points lot by lot, deadlines kept; `points=None` moves everything, debt too (a merge).

    Raises InsufficientPoints, SpendingBlocked, PhoneNotVerified, MemberNotServed, NoSuchAccount, PointsHeld
    and PointsWaiting (merge only).
    """
    if points is not None:
        _check(points)
    rows = call_rows(
        f"SELECT * FROM points_transfer_v1(%s,%s,%s,%s,%s,%s,{CONTEXT})",
        (from_account_id, to_account_id, points, source.type, source.id, points is None, *context.values()),
    )
    return [Posting(*row) for row in rows]


def add_pending(
    *,
    account_id: int,
    kind: str,
    points: int,
    source: Source,
    confirm_at: datetime,
    context: Context,
) -> int:
    """Let points wait until `confirm_at`, outside the ledger. Answers the id of the waiting credit.

    Raises InvalidPoints, MemberNotServed, KeyReused.
    """
    _check(points)
    return int(
        call(
            f"SELECT points_pend_v1(%s,%s,%s,%s,%s,%s,{CONTEXT})",
            (account_id, kind, points, source.type, source.id, confirm_at, *context.values()),
        )[0]
    )


def reduce_pending(*, pending_id: int, points: int, context: Context) -> int:
    """Take waiting points away; the last ones cancel the credit. Answers what is left.

    Raises PendingNotOpen, AlreadyReversed. Not safe to repeat by itself: the caller owns the key.
    """
    _check(points)
    return int(
        call(f"SELECT points_reduce_pending_v1(%s,%s,{CONTEXT})", (pending_id, points, *context.values()))[0]
    )


def confirm_pending(
    *,
    pending_id: int,
    context: Context,
    expires_at: datetime | None = None,
    slide_to: datetime | None = None,
) -> Posting:
    """Turn waiting points into an entry. Raises PendingNotOpen, MemberNotServed."""
    return Posting(
        *call(
            f"SELECT * FROM points_confirm_pending_v1(%s,%s,%s,{CONTEXT})",
            (pending_id, expires_at, slide_to, *context.values()),
        )
    )
