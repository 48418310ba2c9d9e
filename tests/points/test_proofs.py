"""The proof of the books: silent on healthy ones, one snapshot, kept for the dashboard, asked by command."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from points.models import Entry, Proof
from points.services.proofs import CheckpointNeeded, UnknownCheck, last_proof, prove, prove_and_store, queries
from points.services.snapshots import one_snapshot
from points.tasks import prove_books
from tests.factories.points import NOON, AccountFactory, fresh, give
from tests.points.acts import History
from tests.points.books import AT, DAY, keep_books, tamper

WRONG_BALANCE = "UPDATE points_account SET balance = balance + 1 WHERE id = {0}"


def faults(now: datetime = AT, **options: Any) -> dict[str, list[str]]:
    checks = prove(now=now, **options).checks
    return {check.id: [one.subject for one in check.offenders] for check in checks if not check.ok}


@pytest.mark.django_db
def test_healthy_books_offend_nothing() -> None:
    keep_books()
    report = prove(now=AT)

    assert faults() == {}
    assert report.entries == Entry.objects.count() > 15
    assert [check.id for check in report.checks] == [name for name in queries() if name != "I08"]


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(6))
def test_random_histories_balance(seed: int) -> None:
    history = History(seed)
    for _act in range(150):
        history.act()
    history.end_hold(0)
    history.expire(0)

    assert faults(now=history.at) == {}


@pytest.mark.django_db
def test_only_the_chosen_checks_run() -> None:
    books = keep_books()
    tamper(WRONG_BALANCE.format(books.a))

    assert faults(only=["I05"]) == {}
    assert faults(only=["I05", "I01"]) == {"I01": [f"account {books.a}"]}
    with pytest.raises(UnknownCheck):
        prove(now=AT, only=["I99"])


@pytest.mark.django_db
def test_all_offenders_are_counted_but_only_some_are_named() -> None:
    books = keep_books()
    tamper("UPDATE points_entry SET kind = 'magic'")
    check = prove(now=AT, only=["I05"], most_offenders=2).checks[0]

    assert len(check.offenders) == 2
    assert check.faults == Entry.objects.count()
    assert books.a


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_the_proof_sees_one_moment_while_the_shops_go_on() -> None:
    """Control: without the snapshot, the second look sees the posting that came between."""
    account = AccountFactory()
    count = "SELECT count(*) FROM audit.ledger_entry"

    def post() -> None:
        give(account, 5, source=fresh("gift"))
        connection.close()

    def looks(cursor: Any) -> list[int]:
        seen = []
        for _look in range(2):
            cursor.execute(count)
            seen.append(cursor.fetchone()[0])
            with ThreadPoolExecutor(1) as pool:
                pool.submit(post).result(timeout=30)
        return seen

    with one_snapshot() as cursor:
        assert looks(cursor) == [0, 0]
    with connection.cursor() as cursor:
        assert looks(cursor) == [2, 3]


# --- kept for the dashboard --------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_nightly_proof_is_kept() -> None:
    books = keep_books()
    assert last_proof() is None

    prove_books()
    clean = last_proof()
    assert clean is not None
    assert (clean.entries, clean.checks) == (Entry.objects.count(), len(queries()) - 1)

    tamper(WRONG_BALANCE.format(books.a))
    proof = prove_and_store(now=AT)
    assert last_proof() == proof
    assert proof.faults == 4  # balance, lots, and both sums of the conservation
    assert [found["id"] for found in proof.findings] == ["I01", "I11", "I52"]
    assert proof.findings[0]["offenders"][0]["subject"] == f"account {books.a}"


@pytest.mark.django_db
def test_a_kept_proof_names_at_most_a_hundred() -> None:
    account = AccountFactory()
    for _entry in range(101):
        give(account, 1, source=fresh("gift"))
    tamper("UPDATE points_entry SET kind = 'magic'")
    proof = prove_and_store(now=AT)
    finding = next(found for found in proof.findings if found["id"] == "I05")

    assert (len(finding["offenders"]), finding["faults"]) == (100, 101)


# --- the command -------------------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[str, int]:
    out = StringIO()
    try:
        call_command("audit_ledger", *arguments, stdout=out)
    except SystemExit as left:
        return out.getvalue(), int(str(left.code))
    return out.getvalue(), 0


@pytest.mark.django_db
def test_the_command_answers_json_and_leaves_with_one() -> None:
    books = keep_books()
    text, code = run("--json", "--now", AT.isoformat())
    assert (json.loads(text)["faults"], code) == (0, 0)

    tamper(WRONG_BALANCE.format(books.a))
    text, code = run("--json", "--only", "I01,I05", "--now", AT.isoformat())
    answer = json.loads(text)
    assert code == 1
    assert (answer["at"], answer["faults"]) == (AT.isoformat(), 1)
    assert {check["id"]: check["ok"] for check in answer["checks"]} == {"I01": False, "I05": True}
    offender = answer["checks"][0]["offenders"][0]
    assert offender["subject"] == f"account {books.a}"
    assert "entries add up to" in offender["detail"]
    assert Proof.objects.count() == 0


@pytest.mark.django_db
def test_the_command_speaks_to_people_and_stores_when_told() -> None:
    books = keep_books()
    tamper(WRONG_BALANCE.format(books.a))
    text, code = run("--store", "--now", AT.isoformat())

    assert code == 1
    assert f"account {books.a}: balance" in text
    assert last_proof() is not None


@pytest.mark.django_db
def test_the_command_judges_deadlines_by_the_time_that_it_is_told() -> None:
    books = keep_books()
    text, code = run("--json", "--only", "I23", "--now", (AT + 3 * DAY).isoformat())

    assert code == 1
    assert json.loads(text)["checks"][0]["offenders"][0]["subject"] == f"hold {books.open_hold}"


@pytest.mark.django_db
def test_the_command_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    for arguments in (
        ["--only", "I99"],
        ["--only", "I08"],
        ["--now", "noon"],
        ["--against", str(wrong)],
        ["--against", str(tmp_path / "none.csv")],
    ):
        with pytest.raises(CommandError):
            run(*arguments)


# --- the checkpoint (I08) ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_checkpoint_stays_ten_minutes_behind_and_later_entries_do_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.csv"
    account, late = AccountFactory(), AccountFactory()
    give(account, 5, source=fresh("gift"))
    give(late, 5, source=fresh("gift"), now=NOON + timedelta(minutes=5))
    text, _code = run("--checkpoint", str(file), "--now", (NOON + timedelta(minutes=10)).isoformat())
    give(account, 7, source=fresh("gift"))

    assert "1 account" in text
    assert [line.split(",")[:2] for line in file.read_text().splitlines()[1:]] == [[str(account.pk), "1"]]
    assert faults(against=file) == {}
    assert "I08" in [check.id for check in prove(now=AT, only=["I05"], against=file).checks]
    with pytest.raises(CheckpointNeeded):
        prove(now=AT, only=["I08"])


# The whole chain is written anew, so that no other check sees anything.
REWRITE = """
DO $$
DECLARE
    e record;
    before bytea := decode(repeat('00', 32), 'hex');
BEGIN
    FOR e IN SELECT * FROM points_entry WHERE account_id = {account} ORDER BY seq LOOP
        UPDATE points_entry SET prev_hash = before, row_hash = points_row_hash_v1(
            before, account_id, kind, points, source_type, source_id)
        WHERE id = e.id RETURNING row_hash INTO before;
    END LOOP;
    UPDATE points_account SET last_hash = before WHERE id = {account};
END $$
"""


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fault",
    [
        "UPDATE points_entry SET source_id = 'x' WHERE account_id = {account} AND seq = 1;" + REWRITE,
        "UPDATE points_entry SET created_at = '2020-01-01' WHERE account_id = {account} AND seq = 1",
        "UPDATE points_entry SET actor_id = 'somebody' WHERE account_id = {account} AND seq = 2",
    ],
    ids=["the chain written anew", "moved in time", "another actor"],
)
def test_only_the_checkpoint_sees_a_forger_with_all_rights(tmp_path: Path, fault: str) -> None:
    file = tmp_path / "checkpoint.csv"
    account, other = AccountFactory(), AccountFactory()
    for one in (account, account, account, other):
        give(one, 5, source=fresh("gift"))
    run("--checkpoint", str(file), "--now", AT.isoformat())
    tamper(fault.format(account=account.pk))

    assert faults() == {}
    assert faults(against=file) == {"I08": [f"account {account.pk}"]}


@pytest.mark.django_db
def test_the_checkpoint_sees_a_history_that_was_cut(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.csv"
    account = AccountFactory()
    give(account, 5, source=fresh("gift"))
    run("--checkpoint", str(file), "--now", AT.isoformat())
    tamper(
        "DELETE FROM points_lot; DELETE FROM points_entry; DELETE FROM backoffice_outboxmessage;"
        "UPDATE points_account SET balance = 0, seq = 0, last_hash = decode(repeat('00', 32), 'hex')"
    )

    assert faults(against=file) == {"I08": [f"account {account.pk}"]}
