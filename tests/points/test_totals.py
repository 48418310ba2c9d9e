"""Daily totals: at every moment the same as the ledger, whatever was added up, late, or still under way."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from backoffice.models import Alarm
from points.choices import EntryKind
from points.models import Account, DayTotal, Entry, Fold, LotUse, Program
from points.reporting import totals
from points.reporting.overview import Span, flows_of, standing
from points.services import ledger, routine
from points.services.proofs import prove, prove_and_store
from points.services.totals import due, fold
from tests.conftest import NOON
from tests.factories.backoffice import BrandFactory, StoreFactory
from tests.factories.points import AccountFactory, ProgramFactory, context, fresh, give, take
from tests.points.acts import History
from tests.points.books import tamper

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
TODAY = date(2026, 6, 15)
ALWAYS = {"first": date(2020, 1, 1), "after": date(2030, 1, 1)}


def by_hand(program: Program) -> Counter[tuple[date, str]]:
    """Points per Taipei day and kind, entry by entry."""
    found: Counter[tuple[date, str]] = Counter()
    for entry in Entry.objects.filter(account__program=program):
        found[totals.today(entry.created_at), entry.kind] += entry.points
    return found


def by_totals(program: Program) -> Counter[tuple[date, str]]:
    found: Counter[tuple[date, str]] = Counter()
    for day in {day for day, _kind in by_hand(program)}:
        for flow in totals.flows(program=program, first=day, after=day + DAY, by=totals.KIND):
            found[day, flow.key] += flow.net
    return found


@pytest.mark.parametrize("seed", range(4))
def test_random_lives_come_to_the_same_whenever_they_are_added_up(seed: int) -> None:
    history, dice = History(seed), random.Random(seed)
    program = history.accounts[0].program
    for _ in range(120):
        history.act()
        if dice.random() < 0.08:
            fold(now=history.at, step=dice.choice([1, 7, 1000]))
    assert Fold.objects.count() > 1
    assert by_totals(program) == by_hand(program)
    owned = totals.outstanding_after(program=program, after=date(2030, 1, 1))
    accounts = Account.objects.filter(program=program)
    assert owned.points == sum(account.balance for account in accounts)
    assert owned.debt == sum(account.debt for account in accounts)
    assert [check.id for check in prove(now=history.at, only=["I54", "I55"]).checks if not check.ok] == []


@pytest.mark.parametrize("folded", [False, True])
def test_several_spans_in_one_round_trip_are_what_they_are_one_by_one(folded: bool) -> None:
    history = History(5)
    program = history.accounts[0].program
    Program.objects.filter(pk=program.pk).update(is_default=True)
    for number in range(60):
        history.act()
        if folded and number == 40:
            fold(now=history.at)
    after = date(2030, 1, 1)
    spans = [Span(date(2020, 1, 1), after, totals.MONTH), Span(totals.EPOCH, after), Span(TODAY, after)]
    found = standing()
    assert found is not None
    with CaptureQueriesContext(connection) as captured:
        months, (ever,), (lately,) = flows_of(program=program, spans=spans, at=found.mark)
    assert len(captured) == 1
    span = {"program": program, "at": totals.mark()}
    assert months == totals.flows(**span, **ALWAYS, by=totals.MONTH)
    assert lately == totals.total(**span, first=TODAY, after=after)
    owned = totals.outstanding_after(**span, after=after)
    assert (ever.grown, ever.debt, found.pending) == (owned.points, owned.debt, owned.pending)
    assert ever.entries == Entry.objects.filter(account__program=program).count()
    assert (found.program, found.mark) == (program, totals.mark())


def test_days_are_those_of_taipei_and_half_open() -> None:
    account = AccountFactory()
    midnight = totals.local_midnight(TODAY)
    give(account, 1, now=midnight - timedelta(microseconds=1))
    give(account, 10, now=midnight)
    give(account, 100, now=midnight + DAY - timedelta(microseconds=1))
    give(account, 1000, now=midnight + DAY)
    for _ in range(2):
        assert totals.total(program=account.program, first=TODAY, after=TODAY + DAY).issued == 110
        fold(now=NOON)


def test_kinds_add_up_to_what_finance_calls_them() -> None:
    account = AccountFactory()
    earned = give(account, 100)
    spent = take(account, 40)
    ledger.refund_spend(entry_id=spent.entry_id, points=10, source=fresh(), context=context())
    ledger.reverse_credit(entry_id=earned.entry_id, points=20, source=fresh(), context=context())
    flow = totals.total(program=account.program, **ALWAYS)
    assert (flow.issued, flow.redeemed, flow.lapsed, flow.corrected, flow.net) == (80, 30, 0, 0, 50)
    assert flow.entries == 4


def test_months_stores_and_issuers_can_be_told_apart() -> None:
    account, store, brand = AccountFactory(), StoreFactory(), BrandFactory()
    give(account, 5, store_id=store.pk, brand_id=brand.pk)
    give(account, 7, now=NOON + 31 * DAY)
    fold(now=NOON)
    program = account.program
    months = totals.flows(program=program, **ALWAYS, by=totals.MONTH)
    assert [(flow.key, flow.issued) for flow in months] == [(date(2026, 6, 1), 5), (date(2026, 7, 1), 7)]
    assert {f.key: f.issued for f in totals.flows(program=program, **ALWAYS, by=totals.STORE)} == {
        store.pk: 5,
        None: 7,
    }
    assert {f.key: f.issued for f in totals.flows(program=program, **ALWAYS, by=totals.ISSUER)} == {
        brand.pk: 5,
        None: 7,
    }
    assert totals.total(program=program, **ALWAYS, stores=[store.pk]).issued == 5
    assert totals.total(program=program, **ALWAYS, stores=[]).issued == 0


def test_settlement_says_who_issued_what_was_redeemed_where() -> None:
    account = AccountFactory(program=ProgramFactory())
    here, there = StoreFactory(), StoreFactory()
    give(account, 90, store_id=here.pk, brand_id=here.brand_id)
    spent = take(account, 60, store_id=there.pk)
    fold(now=NOON)
    ledger.refund_spend(
        entry_id=spent.entry_id, points=30, source=fresh(), context=context(store_id=there.pk)
    )
    [row] = totals.settlement(program=account.program, **ALWAYS)
    assert (row.issuer_id, row.redeemer_id, row.points, row.worth) == (here.brand_id, there.brand_id, 30, 1)
    fold(now=NOON)
    assert totals.settlement(program=account.program, **ALWAYS) == [row]
    used = LotUse.objects.filter(entry__account=account)
    assert sum(use.points for use in used) == row.points


def test_a_run_between_the_two_looks_counts_nothing_twice() -> None:
    account = AccountFactory()
    give(account, 100)
    before = totals.mark()
    fold(now=NOON)
    give(account, 1)
    assert totals.total(program=account.program, **ALWAYS, at=before).issued == 101
    assert totals.total(program=account.program, **ALWAYS).issued == 101


def test_totals_cannot_be_rewritten_and_a_planted_fault_is_named() -> None:
    account = AccountFactory()
    give(account, 100)
    fold(now=NOON)
    for statement in (
        "UPDATE points_daytotal SET points = 1",
        "DELETE FROM points_fold",
        "TRUNCATE points_settlementtotal",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert prove(now=NOON + DAY, only=["I54"]).faults == 0
    tamper("UPDATE points_daytotal SET points = points + 7")
    [check] = prove(now=NOON + DAY, only=["I54"]).checks
    assert check.offenders[0].subject == f"total 2026-06-15 {account.program.code} earn"
    assert "off by 7 points" in check.offenders[0].detail


def test_a_fault_in_the_settlement_is_named() -> None:
    account = AccountFactory()
    give(account, 100)
    take(account, 10)
    fold(now=NOON)
    tamper("UPDATE points_settlementtotal SET points = 11")
    [check] = prove(now=NOON + DAY, only=["I55"]).checks
    assert "off by 1 points" in check.offenders[0].detail


def test_a_fault_of_the_nightly_proof_rings_an_alarm() -> None:
    give(AccountFactory(), 100)
    prove_and_store(now=NOON + DAY)
    assert not Alarm.objects.exists()
    fold(now=NOON)
    tamper("UPDATE points_daytotal SET points = 7")
    proof = prove_and_store(now=NOON + DAY)
    alarm = Alarm.objects.get(kind="points.books")
    assert (alarm.subject, alarm.facts["proof"]) == ("I54", proof.pk)


def test_the_scheduler_adds_up_once_a_day_or_when_much_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    account = AccountFactory()
    give(account, 1)
    assert due(now=NOON)
    assert routine.fold_totals(now=NOON) == 1
    give(account, 1)
    assert routine.fold_totals(now=NOON + timedelta(hours=2)) == 0
    monkeypatch.setattr("points.services.totals.MANY", 0)
    assert routine.fold_totals(now=NOON + timedelta(hours=2)) == 1
    monkeypatch.undo()
    assert due(now=NOON + DAY)
    assert fold(now=NOON) == 0


@pytest.fixture
def slow_posting() -> Iterator[Any]:
    """Somebody who has posted an entry and commits only when he is told to: `release()`."""
    account = AccountFactory()
    give(account, 1)
    posted, go_on = threading.Event(), threading.Event()

    def post() -> None:
        try:
            with transaction.atomic():
                ledger.credit(
                    account_id=account.pk, kind=EntryKind.BONUS, points=50, source=fresh("slow"),
                    context=context(),
                )  # fmt: skip
                posted.set()
                go_on.wait(timeout=20)
        finally:
            connection.close()

    thread = threading.Thread(target=post)
    thread.start()
    assert posted.wait(timeout=10)

    def release() -> None:
        go_on.set()
        thread.join(timeout=10)

    yield account, release
    release()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
class TestEntriesThatCommitLate:
    def test_a_run_waits_for_them(self, slow_posting: Any) -> None:
        slow, release = slow_posting
        other = AccountFactory(program=slow.program)
        give(other, 7)  # has a higher number, and commits first
        assert fold(now=NOON, patience=0) == 0
        release()
        assert fold(now=NOON) == 3
        assert totals.total(program=slow.program, **ALWAYS).issued == 58
        assert prove(now=NOON + DAY, only=["I54"]).faults == 0

    def test_without_the_wait_they_would_be_lost(self, slow_posting: Any) -> None:
        """The control: a run that does not look who is still posting."""
        slow, release = slow_posting
        give(AccountFactory(program=slow.program), 7)
        last = Entry.objects.order_by("-pk").values_list("pk", flat=True)[0]
        with connection.cursor() as cursor:
            cursor.execute("SELECT points_fold_v1(%s, '0'::xid8, 1000000000, %s)", [last, NOON])
        release()
        assert totals.total(program=slow.program, **ALWAYS).issued == 8
        assert prove(now=NOON + DAY, only=["I54"]).faults == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_add_nothing_twice(together: Any) -> None:
    account = AccountFactory()
    for _ in range(5):
        give(account, 1)
    answers = together([lambda: fold(now=NOON, step=2)] * 3)
    assert sum(answers) == 5
    assert sum(row.points for row in DayTotal.objects.all()) == 5
