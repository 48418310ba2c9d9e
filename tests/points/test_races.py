"""Where two can meet: real commits from several connections, each beside a control that shows the race."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from backoffice.actors import Actor
from backoffice.choices import Role
from points import policy
from points.choices import HoldStatus
from points.errors import (
    AlreadyReversed,
    BalanceMoved,
    HoldNotOpen,
    InsufficientPoints,
    KeyReused,
    NotWaiting,
    PointsRefusal,
)
from points.models import Account, Adjustment, Entry, StaffDayTotal
from points.services import corrections, expiry, ledger, proofs
from tests.conftest import NOON
from tests.factories.backoffice import UserFactory
from tests.factories.points import TESTER, AccountFactory, ProgramFactory, context, fresh, give, take

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
Together = Callable[[list[Callable[[], Any]]], list[Any]]
DAY = timedelta(days=1)


def kinds(results: list[Any]) -> list[str]:
    return sorted(type(result).__name__ for result in results)


def balance(account: Account) -> int:
    account.refresh_from_db()
    return account.balance


def assert_sound() -> None:
    report = proofs.prove(now=NOON + DAY)
    assert [(check.id, check.offenders) for check in report.checks if not check.ok] == []


def test_parallel_spends_never_overdraw(together: Together) -> None:
    account = AccountFactory()
    give(account, 35)
    results = together([partial(take, account, 10) for _ in range(8)])
    assert kinds(results) == ["InsufficientPoints"] * 5 + ["Posting"] * 3
    assert balance(account) == 5
    assert_sound()


def test_control_a_balance_read_before_the_lock_is_overdrawn(together: Together) -> None:
    """The same burst, reading first and writing afterwards: what the ledger would be without its lock."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE naive_account (id int PRIMARY KEY, balance int)")
        cursor.execute("INSERT INTO naive_account VALUES (1, 35)")
    read = Barrier(8)

    def naive_take() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT balance FROM naive_account")
            seen = cursor.fetchone()[0]
            read.wait(timeout=10)
            if seen < 10:
                return False
            cursor.execute("UPDATE naive_account SET balance = %s", [seen - 10])
            return True

    results = together([naive_take] * 8)
    with connection.cursor() as cursor:
        cursor.execute("SELECT balance FROM naive_account")
        left = cursor.fetchone()[0]
        cursor.execute("DROP TABLE naive_account")
    assert results.count(True) == 8 and left == 25  # 80 points went out, 10 were paid


def test_one_key_from_many_hands_has_one_effect(together: Together) -> None:
    account, source = AccountFactory(), fresh()
    results = together([partial(give, account, 10, source=source) for _ in range(8)])
    assert kinds(results) == ["Posting"] * 8
    assert sum(not posting.replayed for posting in results) == 1
    assert len({posting.entry_id for posting in results}) == 1
    assert balance(account) == 10


def test_one_key_for_two_different_numbers(together: Together) -> None:
    account, source = AccountFactory(), fresh()
    results = together([partial(give, account, points, source=source) for points in (10, 20, 30)])
    assert kinds(results) == ["KeyReused", "KeyReused", "Posting"]
    assert isinstance(next(r for r in results if isinstance(r, KeyReused)), PointsRefusal)
    assert Entry.objects.count() == 1


def test_many_members_and_one_hot_account_without_deadlock(together: Together) -> None:
    program = ProgramFactory()
    accounts = [AccountFactory(program=program) for _ in range(4)]
    for account in accounts:
        give(account, 100)

    def ring(start: int) -> list[ledger.Posting]:
        return ledger.transfer(
            from_account_id=accounts[start].pk,
            to_account_id=accounts[(start + 1) % 4].pk,
            points=10,
            source=fresh("ring"),
            context=context(),
        )

    results = together([partial(ring, n % 4) for n in range(12)])
    assert kinds(results) == ["list"] * 12
    assert sum(balance(account) for account in accounts) == 400
    assert_sound()


def test_two_undo_buttons_one_refund(together: Together) -> None:
    account = AccountFactory()
    give(account, 200)
    spent = take(account, 200)
    clerks = [UserFactory(role=Role.CLERK) for _ in range(4)]

    def undo(n: int) -> corrections.UndoResult:
        return corrections.undo_entry(
            entry_id=spent.entry_id or 0,
            points=200,
            reason="wrong_redemption",
            note="",
            key=f"clerk-{n}",
            actor=Actor.staff(clerks[n]),
            now=NOON,
        )

    results = together([partial(undo, n) for n in range(4)])
    assert kinds(results) == ["AlreadyReversed"] * 3 + ["UndoResult"]
    assert all(r.details == {"left": 0} for r in results if isinstance(r, AlreadyReversed))
    assert balance(account) == 200
    assert_sound()


def test_two_clerks_who_looked_at_the_same_state(together: Together) -> None:
    account = AccountFactory()
    give(account, 100)
    clerks = [UserFactory(role=Role.CLERK) for _ in range(3)]

    def correct(n: int) -> corrections.CorrectionResult:
        return corrections.correct(
            account_id=account.pk,
            points=50,
            reason="goodwill",
            note="",
            key=f"k{n}",
            expected_seq=1,
            actor=Actor.staff(clerks[n]),
            now=NOON,
        )

    results = together([partial(correct, n) for n in range(3)])
    assert kinds(results) == ["BalanceMoved", "BalanceMoved", "CorrectionResult"]
    assert any(isinstance(result, BalanceMoved) for result in results) and balance(account) == 150
    assert Adjustment.objects.count() == 1


def test_a_double_click_on_give_points_has_one_effect(together: Together) -> None:
    account, user = AccountFactory(), UserFactory(role=Role.CLERK)

    def correct() -> corrections.CorrectionResult:
        return corrections.correct(
            account_id=account.pk,
            points=50,
            reason="goodwill",
            note="",
            key="the same",
            actor=Actor.staff(user),
            now=NOON,
        )

    results = together([correct] * 6)
    assert kinds(results) == ["CorrectionResult"] * 6
    assert sum(not result.replayed for result in results) == 1
    assert balance(account) == 50 and StaffDayTotal.objects.get().given == 50


def test_twenty_parallel_corrections_keep_to_the_daily_limit(together: Together) -> None:
    user = UserFactory(role=Role.CLERK)
    accounts = [AccountFactory() for _ in range(10)]

    def correct(n: int) -> corrections.CorrectionResult:
        return corrections.correct(
            account_id=accounts[n].pk,
            points=999,
            reason="goodwill",
            note="",
            key=f"k{n}",
            actor=Actor.staff(user),
            now=NOON,
        )

    results = together([partial(correct, n) for n in range(10)])
    assert sorted(r.status for r in results) == ["applied"] * 5 + ["pending"] * 5
    assert StaffDayTotal.objects.get().given == 4_995 <= policy.DAILY_GIVEN


def test_who_came_second_with_the_earlier_clock_leaves_sound_books() -> None:
    """Clocks are read before the lock. The number says the order; times may differ by the wait for it."""
    account = AccountFactory()
    late, early = NOON + timedelta(seconds=30), NOON
    give(account, 100, expires_at=NOON + 9 * DAY, now=late)
    held = ledger.hold(
        account_id=account.pk, points=20, source=fresh(), expires_at=NOON + DAY, context=context(now=late)
    )
    spent = take(account, 50, now=early)
    ledger.release(hold_id=held.hold_id, status=HoldStatus.VOIDED, context=context(now=early))
    assert [e.seq for e in Entry.objects.order_by("created_at")] == [2, 1]
    assert (spent.seq, spent.balance) == (2, 50)
    assert_sound()


def test_two_approvers_one_effect(together: Together) -> None:
    account = AccountFactory()
    bosses = [UserFactory(role=Role.MANAGER) for _ in range(3)]
    waiting = corrections.correct(
        account_id=account.pk,
        points=2_000,
        reason="goodwill",
        note="",
        key="k",
        actor=Actor.staff(UserFactory(role=Role.CLERK)),
        now=NOON,
    )

    def approve(n: int) -> corrections.CorrectionResult:
        return corrections.approve(
            adjustment_id=waiting.adjustment_id, actor=Actor.staff(bosses[n]), now=NOON
        )

    results = together([partial(approve, n) for n in range(3)])
    assert kinds(results) == ["CorrectionResult", "NotWaiting", "NotWaiting"]
    assert any(isinstance(result, NotWaiting) for result in results) and balance(account) == 2_000


def test_a_hold_is_captured_or_released_but_not_both(together: Together) -> None:
    account = AccountFactory()
    give(account, 50)
    held = ledger.hold(
        account_id=account.pk, points=50, source=fresh("cart"), expires_at=NOON + DAY, context=context()
    )
    results = together(
        [
            partial(ledger.capture, hold_id=held.hold_id, points=50, source=fresh(), context=context()),
            partial(ledger.capture, hold_id=held.hold_id, points=50, source=fresh(), context=context()),
            partial(ledger.release, hold_id=held.hold_id, status=HoldStatus.VOIDED, context=context()),
        ]
    )
    assert sum(isinstance(result, HoldNotOpen) for result in results) == 2
    account.refresh_from_db()
    assert account.held == 0 and account.balance in (0, 50)
    assert_sound()


def test_expiry_and_spending_never_use_a_point_twice(together: Together) -> None:
    accounts = [AccountFactory() for _ in range(4)]
    for account in accounts:
        give(account, 100, expires_at=NOON + DAY)
    instant = NOON + DAY - timedelta(seconds=1)

    def run() -> list[expiry.Batch]:
        return list(expiry.expire_all(as_of=NOON + DAY, actor=TESTER, now=NOON + DAY, accounts=2))

    spends = [partial(take, account, 60, now=instant) for account in accounts]
    results = together([*spends, run, run])
    assert all(isinstance(r, ledger.Posting | InsufficientPoints | list) for r in results)
    assert [balance(account) for account in accounts] == [0] * 4
    assert_sound()
