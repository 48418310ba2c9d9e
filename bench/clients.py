"""G2, G3: eight clients at once, each on his own account and all on one."""

from __future__ import annotations

import multiprocessing
import random
import time
import uuid
from functools import partial
from multiprocessing.synchronize import Barrier as BarrierType
from typing import Any

import psycopg

from bench import people, pgbench
from bench.findings import Finding, interleave
from bench.roles import ROLE
from bench.scratch import Lab

CLIENTS = 8
CREDIT = (
    f"SELECT * FROM points_credit_v1(%s, 'earn', %s, 'purchase', %s, '2029-01-01', NULL, {pgbench.CONTEXT})"
)


def _client(url: str, accounts: range, seconds: float, start: BarrierType, answers: Any) -> None:
    dice, name, number = random.Random(), uuid.uuid4().hex, 0
    with psycopg.connect(url, autocommit=True, prepare_threshold=1) as connection:
        connection.execute(f"SET ROLE {ROLE}")
        connection.execute(CREDIT, (accounts[0], 1, f"{name}-warm"))
        start.wait()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            number += 1
            connection.execute(CREDIT, (dice.choice(accounts), dice.randint(1, 100), f"{name}-{number}"))
    answers.put(number)


def processes_rate(lab: Lab, accounts: range, clients: int) -> float:
    """Earns a second of `clients` Python processes; a client that fails (a deadlock, say) raises here."""
    context = multiprocessing.get_context("spawn")
    start, answers = context.Barrier(clients), context.Queue()
    workers = [
        context.Process(target=_client, args=(lab.url, accounts, lab.seconds, start, answers))
        for _ in range(clients)
    ]
    for worker in workers:
        worker.start()
    done = 0
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise RuntimeError(f"a client ended with {worker.exitcode}")
    for _ in workers:
        done += answers.get()
    return done / lab.seconds


def deadlocks(lab: Lab) -> int:
    with lab.connect() as connection:
        row = connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    return int(row[0]) if row else 0


def run(lab: Lab) -> list[Finding]:
    program = people.create_program("clients")
    accounts = people.create_accounts(lab, program, lab.accounts)
    hot, other = accounts[:1], accounts[1:2]
    minimal = partial(
        pgbench.run, lab.url, pgbench.MINIMAL, seconds=lab.seconds, clients=CLIENTS, accounts=lab.accounts
    )
    earn = partial(pgbench.run, lab.url, pgbench.EARN, seconds=lab.seconds, role=ROLE)
    pgbench.create_minimal(lab)
    before = deadlocks(lab)
    found = interleave(
        {
            "minimal": minimal,
            "spread": partial(earn, clients=CLIENTS, first=accounts[0], last=accounts[-1]),
            "python": partial(processes_rate, lab, accounts, CLIENTS),
            "one": partial(earn, clients=1, first=other[0], last=other[-1]),
            "hot": partial(earn, clients=CLIENTS, first=hot[0], last=hot[-1]),
        },
        lab.rounds,
    )
    locked = deadlocks(lab) - before
    return [
        Finding("b1", f"earn function, {CLIENTS} clients, different accounts",
                f"pgbench, 5 statements, {CLIENTS} clients", "/s", found["spread"], found["minimal"],
                at_least=0.7),
        Finding("b2", f"earn function, {CLIENTS} clients, one hot account", "the same, 1 client", "/s",
                found["hot"], found["one"], at_least=0.7, note=f"{locked} deadlocks"),
        Finding("b3", f"earn function from {CLIENTS} Python processes",
                f"pgbench, 5 statements, {CLIENTS} clients", "/s", found["python"], found["minimal"]),
    ]  # fmt: skip
