"""pgbench as the anchor: the least that PostgreSQL must do to book points, and our function called by it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench.errors import CannotMeasure
from bench.scratch import Lab

# Five statements: what a points transaction needs at the very least.
MINIMAL = """\
\\set account random(1, :accounts)
\\set points random(1, 100)
BEGIN;
SELECT balance FROM bench_minimal_account WHERE id = :account FOR UPDATE;
INSERT INTO bench_minimal_ledger (account_id, points, created_at) VALUES (:account, :points, now());
UPDATE bench_minimal_account SET balance = balance + :points WHERE id = :account;
COMMIT;
"""
CONTEXT = (
    "ROW('pos','S001','','',NULL,NULL,'{\"base\":\"1280.00\",\"rule\":\"base\"}'::jsonb,now(),now(),NULL)"
    "::points_context"
)
# The whole earn: key, lock, checks, hash, entry, lot, outbox.
EARN = f"""\
\\set account random(:first, :last)
\\set points random(1, 100)
\\set receipt random(1, 1000000000000000)
SELECT * FROM points_credit_v1(:account, 'earn', :points, 'purchase', :client_id || '-' || :receipt,
    '2029-01-01', NULL, {CONTEXT});
"""
TPS = re.compile(r"tps = ([0-9.]+) \(without initial connection time\)")
FAILED = re.compile(r"number of failed transactions: ([0-9]+)")


def create_minimal(lab: Lab) -> None:
    """The anchor's two tables: a balance, and a ledger with a primary key and one index. Made once a run."""
    with lab.connect() as connection:
        known = connection.execute("SELECT to_regclass('bench_minimal_account') IS NOT NULL").fetchone()
        if known and known[0]:
            return
        connection.execute(
            "CREATE TABLE bench_minimal_account (id bigint PRIMARY KEY, balance bigint NOT NULL)"
        )
        connection.execute(
            "CREATE TABLE bench_minimal_ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
            " account_id bigint NOT NULL, points bigint NOT NULL, created_at timestamptz NOT NULL)"
        )
        connection.execute("CREATE INDEX ON bench_minimal_ledger (account_id)")
        connection.execute(
            "INSERT INTO bench_minimal_account SELECT n, 0 FROM generate_series(1, %s) n", (lab.accounts,)
        )
        connection.execute("VACUUM ANALYZE bench_minimal_account")


def program() -> str:
    """Path of pgbench: on PATH, or beside the system server's programs. Raises CannotMeasure."""
    found = shutil.which("pgbench")
    if found is None:
        others = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
        found = str(others[-1]) if others else None
    if found is None:
        raise CannotMeasure("pgbench is not installed (Debian: postgresql-contrib)")
    return found


def run(
    url: str, script: str, *, seconds: float, clients: int = 1, role: str = "", **variables: int
) -> float:
    """Transactions per second of `script`. Raises CannotMeasure when a transaction failed."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [
            program(), "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)),
            "-T", str(max(1, round(seconds))), "-f", file.name,
            *(f"-D{name}={value}" for name, value in variables.items()), url,
        ]  # fmt: skip
        environment = {**os.environ, "PGOPTIONS": f"-c role={role}"} if role else None
        answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    rate, failed = TPS.search(answer.stdout), FAILED.search(answer.stdout)
    # pgbench 15 ends with code 0 although a client aborted on an error.
    if answer.returncode or rate is None or "aborted" in answer.stderr or (failed and failed[1] != "0"):
        raise CannotMeasure(f"pgbench: {answer.stderr.strip() or answer.stdout.strip()}")
    return float(rate[1])
