"""G7: lapsed lots expired in batches that can be killed, against one statement with the same effects."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import psycopg

from bench import people
from bench.findings import Finding
from bench.scratch import Lab, beside, pointed_at

LOTS_PER_ACCOUNT = 2
FILL_ACCOUNTS = 2_500
FIRST_DEADLINE = datetime(2026, 1, 1, tzinfo=UTC)
COHORT = timedelta(days=30)
LONGEST_LOCK_SECONDS = 1.0
CONTEXT = "ROW('job','bench','','',NULL,NULL,'{}'::jsonb,now(),now(),NULL)::points_context"
FILL = f"""
SELECT count(*) FROM points_credit_many_v1((
    SELECT jsonb_agg(jsonb_build_object(
        'account_id', a.id, 'kind', 'earn', 'points', 10, 'source_type', 'purchase',
        'source_id', 'cohort-' || %(cohort)s::text || '-' || a.id || '-' || n, 'occurred_at', now(),
        'expires_at', %(deadline)s::timestamptz, 'explanation', '{{}}'::jsonb))
    FROM points_account a, generate_series(1, {LOTS_PER_ACCOUNT}) n
    WHERE a.id BETWEEN %(first)s AND %(last)s), {CONTEXT})
"""
AT_ONCE = f"SELECT lots FROM points_expire_v1(0, 2000000000, %s, %s, false, {CONTEXT})"


def deadline(cohort: int) -> datetime:
    return FIRST_DEADLINE + cohort * COHORT


def fill(lab: Lab, accounts: range) -> None:
    """For every round a cohort: two lots an account that lapse together."""
    with lab.connect() as connection:
        for cohort in range(lab.rounds):
            for start in range(accounts[0], accounts[-1] + 1, FILL_ACCOUNTS):
                connection.execute(
                    FILL,
                    {
                        "cohort": cohort,
                        "deadline": deadline(cohort),
                        "first": start,
                        "last": min(start + FILL_ACCOUNTS - 1, accounts[-1]),
                    },
                )
        connection.execute("VACUUM ANALYZE points_account, points_entry, points_lot")


def in_batches(as_of: datetime) -> tuple[float, float, int]:
    """(seconds for everything, seconds of the longest batch, lots) by the service."""
    from backoffice.actors import Actor
    from points.services.expiry import expire_batch

    actor, after, longest, lots = Actor.job("bench"), 0, 0.0, 0
    began = time.perf_counter()
    while True:
        start = time.perf_counter()
        batch = expire_batch(as_of=as_of, after=after, actor=actor, now=as_of)
        longest = max(longest, time.perf_counter() - start)
        if batch is None:
            return time.perf_counter() - began, longest, lots
        after, lots = batch.last_account, lots + batch.lots


def at_once(connection: psycopg.Connection[tuple], as_of: datetime) -> tuple[float, int]:
    began = time.perf_counter()
    row = connection.execute(AT_ONCE, (as_of, f"run:{as_of.isoformat()}")).fetchone()
    return time.perf_counter() - began, int(row[0]) if row else 0


def run(lab: Lab) -> list[Finding]:
    lots = 100_000 if lab.quick else 1_000_000
    accounts = people.create_accounts(lab, people.create_program("expiry"), lots // LOTS_PER_ACCOUNT)
    fill(lab, accounts)
    ours: list[float] = []
    locks: list[float] = []
    anchor: list[float] = []
    with beside(lab) as other, other.connect() as connection:
        for cohort in range(lab.rounds):
            as_of = deadline(cohort)
            for turn in (0, 1) if cohort % 2 else (1, 0):
                if turn:
                    with pointed_at(lab):
                        seconds, longest, done = in_batches(as_of)
                    ours.append(seconds)
                    locks.append(longest)
                else:
                    seconds, done = at_once(connection, as_of)
                    anchor.append(seconds)
                if done != lots:
                    raise AssertionError(f"{done} lots expired, {lots} were due")
    return [
        Finding("e1", f"expiry of {lots:,} lots in batches", "one statement", "s", ours, anchor, at_most=1.3),
        Finding("e2", "the longest batch, which is the longest lock", "1 s", "s", locks,
                [LONGEST_LOCK_SECONDS] * len(locks), at_most=1),
    ]  # fmt: skip
