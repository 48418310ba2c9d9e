"""What the database's own refusals cost: the same earn with and without triggers, CHECKs and foreign keys."""

from __future__ import annotations

import random
import re
from functools import partial
from pathlib import Path

from bench import people, pgbench
from bench.earning import service_slice
from bench.findings import Finding, interleave
from bench.roles import ROLE
from bench.scratch import Lab, beside

TABLES = ("points_account", "points_entry", "points_lot", "backoffice_outboxmessage")
# Drops what refuses on those tables, and only that; keys and indexes stay.
UNGUARD = """
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT tgrelid::regclass AS tab, tgname AS name FROM pg_trigger
                 WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY(%(tables)s)
    LOOP
        EXECUTE format('DROP TRIGGER %%I ON %%s', found.name, found.tab);
    END LOOP;
    FOR found IN SELECT conrelid::regclass AS tab, conname AS name FROM pg_constraint
                 WHERE contype IN ('c', 'f') AND conrelid::regclass::text = ANY(%(tables)s)
    LOOP
        EXECUTE format('ALTER TABLE %%s DROP CONSTRAINT %%I', found.tab, found.name);
    END LOOP;
END $$
"""
# Where the trigger would move the account, the function itself does.
MOVE = """
    UPDATE points_account SET balance = balance + p_points - pays, debt = debt - pays, seq = a.seq + 1,
        last_hash = points_row_hash_v1(a.last_hash, a.id, p_kind, p_points, p_source_type, p_source_id)
    WHERE id = a.id;
    INSERT INTO backoffice_outboxmessage"""


def trusting_credit() -> str:
    """The text of `points_credit_v1`, moving the account itself."""
    text = (Path(__file__).parent.parent / "points" / "sql" / "credit_v1.sql").read_text(encoding="utf-8")
    match = re.search(r"CREATE FUNCTION points_credit_v1\(.*?END \$\$;", text, re.DOTALL)
    if match is None or match[0].count("\n    INSERT INTO backoffice_outboxmessage") != 1:
        raise AssertionError("points_credit_v1 changed its shape; this variant has to follow")
    body = match[0].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    return body.replace("\n    INSERT INTO backoffice_outboxmessage", MOVE)


def run(lab: Lab) -> list[Finding]:
    accounts = people.create_accounts(lab, people.create_program("refusals"), lab.accounts)
    dice = random.Random(5)
    with beside(lab) as bare:
        with bare.connect() as connection:
            connection.execute(UNGUARD.replace("%(tables)s", f"ARRAY{list(TABLES)}").replace("%%", "%"))
            connection.execute(trusting_credit())
        earn = partial(
            pgbench.run, script=pgbench.EARN, seconds=lab.seconds, role=ROLE,
            first=accounts[0], last=accounts[-1],
        )  # fmt: skip
        found = interleave(
            {
                "guarded": service_slice(lab, accounts, dice),
                "bare": service_slice(bare, accounts, dice),
                "guarded function": lambda: earn(lab.url),
                "bare function": lambda: earn(bare.url),
            },
            lab.rounds,
        )
    return [
        Finding("d1", "earn through the service, refusals on", "the same, refusals off", "/s",
                found["guarded"], found["bare"], at_least=0.85),
        Finding("d2", "the SQL function alone, refusals on", "the same, refusals off", "/s",
                found["guarded function"], found["bare function"]),
    ]  # fmt: skip
