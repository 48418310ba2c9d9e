"""What the books say afterwards, against what the tills were told."""

from __future__ import annotations

import time

import psycopg

from bench.chaos.line import Line
from bench.chaos.tills import Log, Till
from bench.chaos.world import World

DRAIN_SECONDS = 90.0


def faults(world: World, line: Line, tills: list[Till], log: Log, hot: str) -> list[str]:
    """Everything that is not as it was acknowledged; empty when all is well."""
    found = list(log.wrong)
    with psycopg.connect(world.url(), autocommit=True) as database:
        found += _receipts(database, log)
        found += _left_over(database)
    for till in tills:
        for customer in till.customers:
            found += _balance(line, customer.card, customer.balance)
    found += _balance(line, hot, sum(till.hot_earned - till.hot_spent for till in tills))
    answer = world.manage("audit_ledger", check=False)
    if answer.returncode:
        found.append(f"audit_ledger: {answer.stdout[-1500:]}{answer.stderr[-500:]}")
    return found


def _balance(line: Line, card: str, expected: int) -> list[str]:
    answer = line.post("/looks", {"card": card}, f"look-{card}-{time.time_ns()}").answer
    balances = answer.told["balances"]
    owned = sum(one["balance"] - one["debt"] for one in balances)
    held = sum(one["held"] for one in balances)
    if (owned, held) == (expected, 0):
        return []
    return [f"card {card}: {owned} points and {held} held, acknowledged were {expected} and 0"]


def _receipts(database: psycopg.Connection[tuple], log: Log) -> list[str]:
    stored = [row[0] for row in database.execute("SELECT receipt_no FROM members_purchase")]
    back = [row[0] for row in database.execute("SELECT return_no FROM members_purchasereturn")]
    found = []
    for name, rows, told in (("receipt", stored, log.receipts), ("return", back, log.returns)):
        lost, more = told - set(rows), set(rows) - told
        found += [f"acknowledged {name} lost: {number}" for number in sorted(lost)[:20]]
        found += [f"{name} without an acknowledgement: {number}" for number in sorted(more)[:20]]
        if len(rows) != len(set(rows)):
            found.append(f"a {name} is stored twice")
    found += [f"a refused receipt is stored: {number}" for number in sorted(log.refused & set(stored))[:20]]
    twice = database.execute(
        "SELECT source_type, source_id, kind, account_id FROM points_entry"
        " GROUP BY 1, 2, 3, 4 HAVING count(*) > 1"
    ).fetchall()
    return found + [f"booked twice: {row}" for row in twice]


def _left_over(database: psycopg.Connection[tuple]) -> list[str]:
    """The outbox drains once a worker and a broker live."""
    until = time.monotonic() + DRAIN_SECONDS
    waiting = 0
    while time.monotonic() < until:
        row = database.execute(
            "SELECT count(*) FROM backoffice_outboxmessage WHERE sent_at IS NULL"
        ).fetchone()
        waiting = int(row[0]) if row else 0
        if not waiting:
            return []
        time.sleep(1)
    return [f"{waiting} messages still lie in the outbox"]
