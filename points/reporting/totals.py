"""Flows of a program: daily totals for what is added up, the ledger itself for the few entries after that.

Together they are the ledger, at every moment: the totals name the last entry that they hold (`Fold`), and
what is younger is found by its id. `audit_ledger` proves the totals (I54, I55).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Sum

from points import policy
from points.choices import EntryKind, PendingStatus
from points.models import Fold, PendingCredit, Program
from points.rules import worth

ISSUING = (
    EntryKind.EARN.value,
    EntryKind.BONUS.value,
    EntryKind.IMPORT.value,
    EntryKind.REVERSE_EARN.value,
)
REDEEMING = (EntryKind.SPEND.value, EntryKind.REFUND_SPEND.value)
# Columns of the totals that flows can be told apart by.
MONTH, DAY, ISSUER, STORE, KIND = "month", "day", "issuer", "store", "kind"
GROUPS = {
    MONTH: "date_trunc('month', m.day)::date",
    DAY: "m.day",
    ISSUER: "m.issuer_id",
    STORE: "m.store_id",
    KIND: "m.kind",
    "": "NULL::int",
}
EPOCH = date(1970, 1, 1)

# Both halves know the mark that was read before, so a run in between counts nothing twice.
MOVED = """
    SELECT t.day, t.store_id, t.issuer_id, t.kind, t.points, t.debt, t.entries
    FROM points_daytotal t
    WHERE t.program_id = %(program)s AND t.day >= %(first)s AND t.day < %(after)s AND t.fold_id <= %(fold)s
    UNION ALL
    SELECT (e.created_at AT TIME ZONE %(zone)s)::date, e.store_id, l.brand_id, e.kind, e.points, e.debt_delta,
           1
    FROM points_entry e
    JOIN points_account a ON a.id = e.account_id
    LEFT JOIN points_lot l ON l.entry_id = CASE e.kind WHEN 'reverse_earn' THEN e.reverses_id ELSE e.id END
    WHERE e.id > %(last)s AND a.program_id = %(program)s
      AND e.created_at >= %(start)s AND e.created_at < %(end)s
"""
# The columns of a `Flow` after its key.
SUMS = """
    coalesce(sum(m.points) FILTER (WHERE m.kind = ANY(%(issuing)s)), 0),
    coalesce(-sum(m.points) FILTER (WHERE m.kind = ANY(%(redeeming)s)), 0),
    coalesce(-sum(m.points) FILTER (WHERE m.kind = 'expire'), 0),
    coalesce(sum(m.points) FILTER (WHERE m.kind IN ('adjust', 'transfer')), 0),
    coalesce(sum(m.debt), 0), coalesce(sum(m.entries), 0)
"""
SETTLED = """
    SELECT t.issuer_id, t.store_id, t.points
    FROM points_settlementtotal t
    WHERE t.program_id = %(program)s AND t.day >= %(first)s AND t.day < %(after)s AND t.fold_id <= %(fold)s
    UNION ALL
    SELECT l.brand_id, e.store_id, u.points
    FROM points_entry e
    JOIN points_account a ON a.id = e.account_id
    JOIN points_lotuse u ON u.entry_id = e.id
    JOIN points_lot l ON l.entry_id = u.lot_id
    WHERE e.id > %(last)s AND a.program_id = %(program)s AND e.kind = ANY(%(redeeming)s)
      AND e.created_at >= %(start)s AND e.created_at < %(end)s
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to which run and entry the totals are read; younger entries come from the ledger."""

    fold_id: int
    last_entry: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Points that moved, all counted upwards as their name says; `corrected` may be negative.

    `key` is what the flows were told apart by: a date, an id, a kind; None for all of them together. `debt`
    is what members came to owe more: points that were taken and that nobody had.
    """

    key: Any
    issued: int
    redeemed: int
    lapsed: int
    corrected: int
    debt: int
    entries: int

    @property
    def net(self) -> int:
        return self.issued - self.redeemed - self.lapsed + self.corrected

    @property
    def grown(self) -> int:
        """By how much more members own afterwards."""
        return self.net + self.debt


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What members own of a program at the end of a day: points, their worth in NT$, and what they owe.

    `pending` are the points that wait for their confirmation now, outside of the ledger.
    """

    points: int
    worth: Decimal
    debt: int
    pending: int


@dataclass(frozen=True, slots=True)
class SettlementRow:
    """Points that one brand issued and another let a member spend, with their worth in NT$ (S98)."""

    issuer_id: int | None
    redeemer_id: int | None
    points: int
    worth: Decimal


def mark() -> Mark:
    found = Fold.objects.order_by("-id").values_list("pk", "last_entry").first()
    return Mark(*found) if found else Mark(0, 0)


def local_midnight(day: date) -> datetime:
    """The first instant of a day of the books."""
    return datetime.combine(day, time.min, policy.ZONE)


def today(now: datetime) -> date:
    """The day of the books at `now`."""
    return now.astimezone(policy.ZONE).date()


def flows(
    *,
    program: Program,
    first: date,
    after: date,
    by: str = "",
    stores: Collection[int] | None = None,
    at: Mark | None = None,
) -> list[Flow]:
    """What moved in [first, after), days of the books, by month, day, issuer, store or kind, in that order.

    `stores` narrows to entries booked at these stores: the others, and those of no store, are left out.
    """
    values = span_values(program, first, after, at) | {
        "issuing": list(ISSUING),
        "redeeming": list(REDEEMING),
        "stores": None if stores is None else list(stores),
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT {GROUPS[by]} AS key, {SUMS} FROM ({MOVED}) m
            WHERE %(stores)s::bigint[] IS NULL OR m.store_id = ANY(%(stores)s)
            GROUP BY 1 ORDER BY 1
            """,
            values,
        )
        return [Flow(row[0], *(int(value) for value in row[1:])) for row in cursor.fetchall()]


def total(
    *,
    program: Program,
    first: date,
    after: date,
    stores: Collection[int] | None = None,
    at: Mark | None = None,
) -> Flow:
    """All that moved in [first, after), as one flow."""
    found = flows(program=program, first=first, after=after, stores=stores, at=at)
    return found[0] if found else Flow(None, 0, 0, 0, 0, 0, 0)


def outstanding_after(*, program: Program, after: date, at: Mark | None = None) -> Outstanding:
    """What members owned just before the day `after` began; tomorrow's date asks for now.

    The sum of all entries is balances less debts (I52), and the entries say which part became debt.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(sum(m.points), 0), coalesce(sum(m.debt), 0) FROM ({MOVED}) m",
            span_values(program, EPOCH, after, at),
        )
        net, debt = (int(value) for value in cursor.fetchone())
    waiting = PendingCredit.objects.filter(account__program=program, status=PendingStatus.OPEN)
    pending = waiting.aggregate(points=Sum("points"))["points"] or 0
    return Outstanding(net + debt, worth(program, net + debt), debt, int(pending))


def settlement(*, program: Program, first: date, after: date, at: Mark | None = None) -> list[SettlementRow]:
    """Who issued what was redeemed where in [first, after); undone redemptions are taken out again.

    An issuer of None is the group itself, a redeemer of None an entry that names no store.
    """
    values = span_values(program, first, after, at) | {"redeeming": list(REDEEMING)}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT s.issuer_id, b.brand_id, sum(s.points)
            FROM ({SETTLED}) s LEFT JOIN backoffice_store b ON b.id = s.store_id
            GROUP BY 1, 2 HAVING sum(s.points) <> 0 ORDER BY 1 NULLS FIRST, 2 NULLS FIRST
            """,
            values,
        )
        rows = cursor.fetchall()
    return [
        SettlementRow(issuer, redeemer, int(points), worth(program, int(points)))
        for issuer, redeemer, points in rows
    ]


def span_values(program: Program, first: date, after: date, at: Mark | None) -> dict[str, Any]:
    """What MOVED and SETTLED are asked with."""
    known = at or mark()
    return {
        "program": program.pk,
        "first": first,
        "after": after,
        "start": local_midnight(first),
        "end": local_midnight(after),
        "fold": known.fold_id,
        "last": known.last_entry,
        "zone": str(policy.ZONE),
    }


@dataclass(frozen=True, slots=True)
class Ratio:
    """Issued for each redeemed point over the last `days` days (S100). `limit` None: the program has none."""

    issued: int
    redeemed: int
    days: int
    limit: Decimal | None

    @property
    def value(self) -> Decimal:
        """Nothing redeemed counts as one point."""
        return Decimal(self.issued) / max(self.redeemed, 1)

    @property
    def over(self) -> bool:
        return self.limit is not None and self.issued > self.limit * max(self.redeemed, 1)


RATIO_DAYS = 90


def ratio_first(now: datetime) -> date:
    """The first of the days that the ratio looks at; today is the last."""
    return today(now) + timedelta(days=1 - RATIO_DAYS)


def ratio_of(program: Program, flow: Flow) -> Ratio:
    return Ratio(flow.issued, flow.redeemed, RATIO_DAYS, program.max_issue_ratio)


def issue_ratio(*, program: Program, now: datetime, at: Mark | None = None) -> Ratio:
    """How many points the last 90 days issued for each that they redeemed, today included."""
    after = today(now) + timedelta(days=1)
    return ratio_of(program, total(program=program, first=ratio_first(now), after=after, at=at))
