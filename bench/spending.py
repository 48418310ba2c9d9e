"""G4: earn and spend over ten live lots, through the service and as plain SQL."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from functools import partial

from bench import people, pgbench
from bench.earning import EXPIRES, EXPLANATION, NOW, rate
from bench.findings import Finding, interleave
from bench.roles import application_role
from bench.scratch import Lab

LOTS = 10
POINTS = 10
NUMBERS = itertools.count(1)
# The same pair without rules: a lot more, then the ten oldest lots pay what they hold.
PLAIN = f"""\
\\set account random(1, :accounts)
BEGIN;
SELECT balance FROM bench_pair_account WHERE id = :account FOR UPDATE;
WITH entry AS (
    INSERT INTO bench_pair_ledger (account_id, points, created_at) VALUES (:account, {POINTS * LOTS}, now())
    RETURNING id)
INSERT INTO bench_pair_lot (entry_id, account_id, remaining, expires_at)
SELECT id, :account, {POINTS * LOTS}, '2029-01-01' FROM entry;
UPDATE bench_pair_account SET balance = balance + {POINTS * LOTS} WHERE id = :account;
COMMIT;
BEGIN;
SELECT balance FROM bench_pair_account WHERE id = :account FOR UPDATE;
INSERT INTO bench_pair_ledger (account_id, points, created_at) VALUES (:account, -{POINTS * LOTS}, now());
WITH live AS (
    SELECT entry_id, remaining, sum(remaining) OVER (ORDER BY expires_at, entry_id) - remaining AS before
    FROM bench_pair_lot WHERE account_id = :account AND remaining > 0)
UPDATE bench_pair_lot l SET remaining = l.remaining - least(v.remaining, {POINTS * LOTS} - v.before)
FROM live v WHERE l.entry_id = v.entry_id AND v.before < {POINTS * LOTS};
UPDATE bench_pair_account SET balance = balance - {POINTS * LOTS} WHERE id = :account;
COMMIT;
"""
TABLES = """
CREATE TABLE bench_pair_account (id bigint PRIMARY KEY, balance bigint NOT NULL);
CREATE TABLE bench_pair_ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL, points bigint NOT NULL, created_at timestamptz NOT NULL);
CREATE INDEX ON bench_pair_ledger (account_id);
CREATE TABLE bench_pair_lot (entry_id bigint PRIMARY KEY, account_id bigint NOT NULL,
    remaining bigint NOT NULL, expires_at timestamptz NOT NULL);
CREATE INDEX ON bench_pair_lot (account_id, expires_at, entry_id) WHERE remaining > 0;
"""


def create_plain(lab: Lab, accounts: int) -> None:
    """The anchor's tables, every account with ten live lots."""
    with lab.connect() as connection:
        connection.execute(TABLES)
        connection.execute(
            "INSERT INTO bench_pair_account SELECT n, %s FROM generate_series(1, %s) n",
            (POINTS * LOTS, accounts),
        )
        connection.execute(
            "WITH entry AS (INSERT INTO bench_pair_ledger (account_id, points, created_at)"
            " SELECT a, %s, now() FROM generate_series(1, %s) a, generate_series(1, %s)"
            " RETURNING id, account_id)"
            " INSERT INTO bench_pair_lot SELECT id, account_id, %s, '2028-01-01' FROM entry",
            (POINTS, accounts, LOTS, POINTS),
        )
        connection.execute("VACUUM ANALYZE bench_pair_lot")


def fill(accounts: range) -> None:
    """Ten live lots of ten points for every account, by the bulk call."""
    from backoffice.actors import Actor
    from points.services import ledger

    context = ledger.Context(actor=Actor.job("bench"), now=NOW)
    rows = [
        ledger.CreditRow(
            account_id=account, kind="earn", points=POINTS, source_type="purchase",
            source_id=f"fill-{account}-{n}", expires_at=EXPIRES, occurred_at=NOW,
        )
        for account in accounts
        for n in range(LOTS)
    ]  # fmt: skip
    for start in range(0, len(rows), 5_000):
        ledger.credit_many(rows[start : start + 5_000], context=context)


def pair_slice(lab: Lab, accounts: range, dice: random.Random) -> Callable[[], float]:
    """An earn, and a spend that empties the ten lots that the account had before it.

    Each account is used once, so that every spend finds its ten lots.
    """
    from backoffice.actors import Actor
    from points.services import ledger

    context = ledger.Context(actor=Actor.till("S001"), now=NOW, explanation=EXPLANATION)
    waiting = iter(dice.sample(accounts, len(accounts)))

    def pair() -> None:
        account = next(waiting)
        ledger.credit(
            account_id=account, kind="earn", points=POINTS * LOTS, context=context, expires_at=EXPIRES,
            source=ledger.Source("purchase", f"pair-{next(NUMBERS)}"),
        )  # fmt: skip
        ledger.spend(
            account_id=account, points=POINTS * LOTS, context=context,
            source=ledger.Source("redemption", f"pair-{next(NUMBERS)}"),
        )  # fmt: skip

    def measure() -> float:
        with application_role():
            return rate(pair, lab.seconds)

    return measure


def run(lab: Lab) -> list[Finding]:
    count = round(lab.rounds * lab.seconds * 1_200)
    # pgbench draws accounts at random; with this many, few are drawn twice (those are cheaper: one lot).
    plain = 5 * count
    accounts = people.create_accounts(lab, people.create_program("spending"), count)
    fill(accounts)
    create_plain(lab, plain)
    found = interleave(
        {
            "plain": partial(pgbench.run, lab.url, PLAIN, seconds=lab.seconds, accounts=plain),
            "service": pair_slice(lab, accounts, random.Random(4)),
        },
        lab.rounds,
    )
    return [
        Finding("c1", f"earn, and spend over {LOTS} live lots, through the service",
                "the same pair in plain SQL", "pairs/s", found["service"], found["plain"], at_least=0.5),
    ]  # fmt: skip
