"""Limits where many press at once: exact to the point, each beside what happens without the lock."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from backoffice.actors import Actor
from backoffice.choices import Role
from backoffice.models import User
from points.errors import GraceOvertaken, HoldNotOpen, KeyReused, MutualApproval
from points.models import (
    Account,
    Adjustment,
    CorrectionLimit,
    Entry,
    Hold,
    ReceiverDayTotal,
    StaffDayTotal,
    StoreDayTotal,
)
from points.postings import Source
from points.services import corrections, expiry, holds, ledger, proofs
from tests.conftest import NOON
from tests.factories.backoffice import StoreFactory, UserFactory
from tests.factories.members import MemberFactory
from tests.factories.points import TESTER, AccountFactory, ProgramFactory, context, give, take

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
Together = Callable[[list[Callable[[], Any]]], list[Any]]
MANY = 20


def ask(user: User, account: Account, points: int, key: str) -> corrections.CorrectionResult:
    return corrections.correct(
        account_id=account.pk,
        points=points,
        reason="goodwill",
        note="",
        key=key,
        actor=Actor.staff(user),
        now=NOON,
    )


def undo(user: User, entry_id: int, key: str) -> corrections.UndoResult:
    return corrections.undo_entry(
        entry_id=entry_id,
        points=None,
        reason="wrong_redemption",
        note="",
        key=key,
        actor=Actor.staff(user),
        now=NOON,
    )


def statuses(results: list[Any]) -> list[str]:
    return sorted(r.status if hasattr(r, "status") else repr(r) for r in results)


def assert_sound() -> None:
    report = proofs.prove(now=NOON)
    assert [(check.id, check.offenders) for check in report.checks if not check.ok] == []


def test_twenty_corrections_of_one_clerk(together: Together) -> None:
    user = UserFactory(role=Role.CLERK)
    accounts = [AccountFactory() for _ in range(MANY)]
    results = together([partial(ask, user, accounts[n], 999, f"k{n}") for n in range(MANY)])
    assert statuses(results) == ["applied"] * 5 + ["pending"] * (MANY - 5)
    assert StaffDayTotal.objects.get().given == 4_995
    assert_sound()


def test_twenty_clerks_and_one_receiver(together: Together) -> None:
    users, account = [UserFactory(role=Role.CLERK) for _ in range(MANY)], AccountFactory()
    results = together([partial(ask, users[n], account, 999, f"k{n}") for n in range(MANY)])
    assert statuses(results) == ["applied"] * 5 + ["pending"] * (MANY - 5)
    assert ReceiverDayTotal.objects.get().given == 4_995
    account.refresh_from_db()
    assert account.balance == 4_995
    assert_sound()


def test_twenty_clerks_and_the_accounts_of_one_member(together: Together) -> None:
    """He has one limit a day, whichever of his accounts is given to."""
    member = MemberFactory()
    accounts = [AccountFactory(member=member, program=ProgramFactory()) for _ in range(4)]
    users = [UserFactory(role=Role.CLERK) for _ in range(MANY)]
    results = together([partial(ask, users[n], accounts[n % 4], 999, f"k{n}") for n in range(MANY)])
    assert statuses(results) == ["applied"] * 5 + ["pending"] * (MANY - 5)
    assert sum(total.given for total in ReceiverDayTotal.objects.all()) == 4_995
    assert_sound()


def test_control_without_his_lock_the_accounts_of_one_member_do_not_see_each_other(
    together: Together,
) -> None:
    """The same sums, counted without the lock of the person: each account is full by itself."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('points_count_given_v1'::regproc)")
        real = cursor.fetchone()[0]
        lock = "PERFORM pg_advisory_xact_lock(hashtextextended('points.receiver:' || person, 0));"
        assert lock in real
        # Wait after the sum, so that every one of them has read before any commits.
        looked = "IF total > p_receiver THEN"
        cursor.execute(real.replace(lock, "").replace(looked, f"PERFORM pg_sleep(1); {looked}", 1))
    try:
        member = MemberFactory()
        accounts = [AccountFactory(member=member, program=ProgramFactory()) for _ in range(8)]
        users = [UserFactory(role=Role.CLERK) for _ in range(8)]
        results = together([partial(ask, users[n], accounts[n], 999, f"k{n}") for n in range(8)])
    finally:
        with connection.cursor() as cursor:
            cursor.execute(real)
    assert statuses(results) == ["applied"] * 8
    assert sum(total.given for total in ReceiverDayTotal.objects.all()) == 7_992 > 5_000


def test_twenty_clerks_undo_what_one_member_redeemed(together: Together) -> None:
    account = AccountFactory()
    give(account, 999 * MANY)
    spent = [take(account, 999) for _ in range(MANY)]
    users = [UserFactory(role=Role.CLERK) for _ in range(MANY)]
    results = together([partial(undo, users[n], spent[n].entry_id or 0, f"u{n}") for n in range(MANY)])
    assert statuses(results) == ["applied"] * 5 + ["pending"] * (MANY - 5)
    assert ReceiverDayTotal.objects.get().given == 4_995
    account.refresh_from_db()
    assert account.balance == 4_995
    assert_sound()


def test_one_undo_pressed_many_times_counts_once(together: Together) -> None:
    """One form, sent again and again: the lock of its key lets one through to the counters."""
    account, user = AccountFactory(), UserFactory(role=Role.CLERK)
    give(account, 4_000)
    spent = take(account, 4_000).entry_id or 0
    results = together([partial(undo, user, spent, "one") for _ in range(6)])
    assert statuses(results) == ["applied"] * 6
    assert len({result.posting.entry_id for result in results}) == 1
    assert StaffDayTotal.objects.get().given == 4_000
    assert_sound()


def test_twenty_clerks_of_one_store(together: Together) -> None:
    CorrectionLimit.objects.create(role="", per_store_day=5_000)
    store = StoreFactory()
    users = [UserFactory(role=Role.CLERK, stores=[store]) for _ in range(MANY)]
    accounts = [AccountFactory() for _ in range(MANY)]
    results = together([partial(ask, users[n], accounts[n], 999, f"k{n}") for n in range(MANY)])
    assert statuses(results) == ["applied"] * 5 + ["pending"] * (MANY - 5)
    assert StoreDayTotal.objects.get(store=store).given == 4_995
    # What waits has counted nowhere.
    assert StaffDayTotal.objects.count() == 5


def test_clerks_of_several_stores_wait_for_each_other_and_never_in_a_circle(together: Together) -> None:
    stores = [StoreFactory() for _ in range(3)]
    users = [UserFactory(role=Role.CLERK, stores=stores[n % 3 :] + stores[: n % 3]) for n in range(9)]
    account = AccountFactory()
    results = together([partial(ask, users[n], account, 100, f"k{n}") for n in range(9)])
    assert statuses(results) == ["applied"] * 9
    assert [total.given for total in StoreDayTotal.objects.all()] == [900] * 3


def test_control_a_sum_that_is_read_first_is_overrun(together: Together) -> None:
    """SUM, compare, insert: what the limit would be without a counter under a lock."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE naive_gift (points int)")
    read = Barrier(MANY)

    def naive() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(sum(points), 0) FROM naive_gift")
            given = cursor.fetchone()[0]
            read.wait(timeout=10)
            if given + 999 > 5_000:
                return False
            cursor.execute("INSERT INTO naive_gift VALUES (999)")
            return True

    results = together([naive] * MANY)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE naive_gift")
    assert results.count(True) == MANY


def test_parallel_approvals_of_one_request_book_it_once(together: Together) -> None:
    account = AccountFactory()
    waiting = ask(UserFactory(role=Role.CLERK), account, 4_000, "k")
    bosses = [UserFactory(role=Role.MANAGER) for _ in range(6)]

    def approve(n: int) -> corrections.CorrectionResult:
        return corrections.approve(
            adjustment_id=waiting.adjustment_id, actor=Actor.staff(bosses[n]), now=NOON
        )

    results = together([partial(approve, n) for n in range(6)])
    kinds = sorted(type(result).__name__ for result in results)
    assert kinds == ["CorrectionResult"] + ["NotWaiting"] * 5
    account.refresh_from_db()
    assert account.balance == 4_000


def test_two_who_approve_each_other_at_the_same_moment(together: Together) -> None:
    """Neither has approved anything yet when both press: only the lock of the pair keeps one of them out."""
    pairs = [(UserFactory(role=Role.MANAGER), UserFactory(role=Role.MANAGER)) for _ in range(4)]
    calls = []
    for number, (first, second) in enumerate(pairs):
        mine = ask(first, AccountFactory(), 3_500, f"a{number}").adjustment_id
        theirs = ask(second, AccountFactory(), 3_500, f"b{number}").adjustment_id
        calls.append(partial(corrections.approve, adjustment_id=mine, actor=Actor.staff(second), now=NOON))
        calls.append(partial(corrections.approve, adjustment_id=theirs, actor=Actor.staff(first), now=NOON))
    results = together(calls)
    for number in range(len(pairs)):
        both = results[2 * number : 2 * number + 2]
        assert sum(isinstance(result, MutualApproval) for result in both) == 1, both
    assert Adjustment.objects.filter(status="applied").count() == len(pairs)
    assert_sound()


def test_one_source_held_on_two_accounts_at_once_is_refused_by_name(together: Together) -> None:
    accounts = [AccountFactory() for _ in range(4)]
    for account in accounts:
        give(account, 50)

    def hold(n: int) -> ledger.HoldState:
        return ledger.hold(
            account_id=accounts[n].pk,
            points=20,
            source=Source("cart", "one"),
            expires_at=NOON.replace(day=20),
            context=context(),
        )

    results = together([partial(hold, n) for n in range(4)])
    kinds = sorted(type(result).__name__ for result in results)
    assert kinds == ["HoldState"] + [KeyReused.__name__] * 3
    assert Hold.objects.count() == 1
    assert_sound()


def test_two_clerks_release_one_hold(together: Together) -> None:
    account = AccountFactory()
    give(account, 50)
    held = ledger.hold(
        account_id=account.pk,
        points=20,
        source=Source("cart", "two"),
        expires_at=NOON.replace(day=20),
        context=context(),
    )
    bosses = [UserFactory(role=Role.MANAGER) for _ in range(4)]

    def release(n: int) -> holds.Released:
        return holds.release_by_staff(
            hold_id=held.hold_id, reason="other", note="", actor=Actor.staff(bosses[n]), now=NOON
        )

    results = together([partial(release, n) for n in range(4)])
    kinds = sorted(type(result).__name__ for result in results)
    assert kinds == [HoldNotOpen.__name__] * 3 + ["Released"]
    account.refresh_from_db()
    assert (account.balance, account.held) == (50, 0)


def test_grace_is_approved_while_the_goods_come_back(together: Together) -> None:
    """Whoever is first, the member keeps nothing: either the grace goes with the goods, or it is refused."""
    calls: list[Callable[[], Any]] = []
    accounts = [AccountFactory() for _ in range(4)]
    for number, account in enumerate(accounts):
        earned = give(account, 2_000, expires_at=NOON - timedelta(days=1), now=NOON - timedelta(days=5))
        list(expiry.expire_all(as_of=NOON, actor=TESTER, now=NOON))
        lapse = Entry.objects.get(account=account, kind="expire")
        asked = corrections.grace(
            entry_id=lapse.pk,
            days=7,
            note="",
            key=f"g{number}",
            actor=Actor.staff(UserFactory(role=Role.MANAGER)),
            now=NOON,
        )
        second = Actor.staff(UserFactory(role=Role.MANAGER))
        calls.append(partial(corrections.approve, adjustment_id=asked.adjustment_id, actor=second, now=NOON))
        calls.append(
            partial(
                ledger.reverse_credit,
                entry_id=earned.entry_id or 0,
                points=2_000,
                source=Source("return", str(number)),
                context=context(),
            )
        )
    results = together(calls)
    errors = [result for result in results if isinstance(result, Exception)]
    assert all(isinstance(error, GraceOvertaken) for error in errors), errors
    for account in accounts:
        account.refresh_from_db()
        assert (account.balance, account.debt) == (0, 0)
    assert_sound()


def test_control_grace_that_is_not_judged_again_gives_what_went_back(together: Together) -> None:
    """Without the look under the account's lock the member keeps what went back with the goods."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('points_adjust_v4'::regproc)")
        real = cursor.fetchone()[0]
        judged = "IF r.points > lapse_left THEN"
        assert judged in real
        cursor.execute(real.replace(judged, "IF false THEN"))
    try:
        account = AccountFactory()
        earned = give(account, 2_000, expires_at=NOON - timedelta(days=1), now=NOON - timedelta(days=5))
        list(expiry.expire_all(as_of=NOON, actor=TESTER, now=NOON))
        asked = ask_grace(UserFactory(role=Role.MANAGER), Entry.objects.get(kind="expire"), "g")
        ledger.reverse_credit(
            entry_id=earned.entry_id or 0, points=2_000, source=Source("return", "1"), context=context()
        )
        boss = Actor.staff(UserFactory(role=Role.MANAGER))
        corrections.approve(adjustment_id=asked.adjustment_id, actor=boss, now=NOON)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(real)
    account.refresh_from_db()
    assert account.balance == 2_000


def test_control_grace_that_is_judged_before_the_lock_gives_what_goes_back_meanwhile(
    together: Together,
) -> None:
    """The same look, and then the account's lock: the goods come back in between."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('points_adjust_v4'::regproc)")
        real = cursor.fetchone()[0]
        look = "lapse_left := points_lapse_left_v1(r.lapse_id);"
        lock = "a := points_lock_v1(r.account_id, c);\n    IF r.undoes_id IS NOT NULL THEN"
        assert real.count(look) == real.count(lock) == 1
        naive = real.replace(look, "").replace(lock, f"{look} PERFORM pg_sleep(1); {lock}")
        cursor.execute(naive)
    try:
        account = AccountFactory()
        earned = give(account, 2_000, expires_at=NOON - timedelta(days=1), now=NOON - timedelta(days=5))
        list(expiry.expire_all(as_of=NOON, actor=TESTER, now=NOON))
        asked = ask_grace(UserFactory(role=Role.MANAGER), Entry.objects.get(kind="expire"), "g")
        boss = Actor.staff(UserFactory(role=Role.MANAGER))

        def bring_back() -> None:
            looked_at()
            ledger.reverse_credit(
                entry_id=earned.entry_id or 0, points=2_000, source=Source("return", "1"), context=context()
            )

        answers = together(
            [
                partial(corrections.approve, adjustment_id=asked.adjustment_id, actor=boss, now=NOON),
                bring_back,
            ]
        )
    finally:
        with connection.cursor() as cursor:
            cursor.execute(real)
    assert not [answer for answer in answers if isinstance(answer, Exception)], answers
    account.refresh_from_db()
    assert account.balance == 2_000


def looked_at() -> None:
    """Until somebody has looked, and sleeps between the look and the lock."""
    until = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute(
                "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
            )
            if cursor.fetchone() is not None:
                return
    raise AssertionError("nobody has looked")


def refused_grace(account: Account) -> Entry:
    """A lapse for which grace was asked once and refused."""
    give(account, 2_000, expires_at=NOON - timedelta(days=1), now=NOON - timedelta(days=5))
    list(expiry.expire_all(as_of=NOON, actor=TESTER, now=NOON))
    lapse = Entry.objects.get(account=account, kind="expire")
    asked = ask_grace(UserFactory(role=Role.MANAGER), lapse, "refused")
    corrections.reject(
        adjustment_id=asked.adjustment_id,
        note="",
        actor=Actor.staff(UserFactory(role=Role.MANAGER)),
        now=NOON,
    )
    return lapse


def ask_grace(user: User, lapse: Entry, key: str) -> corrections.CorrectionResult:
    actor = Actor.staff(user)
    return corrections.grace(entry_id=lapse.pk, days=7, note="", key=key, actor=actor, now=NOON)


def test_many_ask_again_for_grace_that_was_refused(together: Together) -> None:
    """One new request, however many press; and one effect, however many approve it."""
    account = AccountFactory()
    lapse = refused_grace(account)
    bosses = [UserFactory(role=Role.MANAGER) for _ in range(8)]
    results = together([partial(ask_grace, bosses[n], lapse, f"again{n}") for n in range(8)])
    assert statuses(results) == ["pending"] * 8
    assert len({result.adjustment_id for result in results}) == 1
    waiting = results[0].adjustment_id
    seconds = [Actor.staff(UserFactory(role=Role.MANAGER)) for _ in range(4)]
    approve = corrections.approve
    done = together([partial(approve, adjustment_id=waiting, actor=one, now=NOON) for one in seconds])
    assert sorted(type(result).__name__ for result in done) == ["CorrectionResult"] + ["NotWaiting"] * 3
    account.refresh_from_db()
    assert account.balance == 2_000
    assert_sound()


def test_control_without_the_index_every_key_is_a_grace_of_its_own(together: Together) -> None:
    lapse = refused_grace(AccountFactory())
    bosses = [UserFactory(role=Role.MANAGER) for _ in range(8)]
    looked = Barrier(8)

    def naive_grace(user: User) -> bool:
        """Look whether somebody asked, then ask."""
        if Adjustment.objects.filter(lapse=lapse).exclude(status="rejected").exists():
            return False
        looked.wait(timeout=10)
        Adjustment.objects.create(
            account_id=lapse.account_id,
            points=5,
            reason="grace",
            key=f"naive-{user.pk}",
            status="pending",
            lapse=lapse,
            requested_by=user,
            created_at=NOON,
        )
        return True

    refused = together([partial(naive_grace, user) for user in bosses])
    assert sum(result is True for result in refused) == 1
    looked.reset()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_indexdef('one_grace_per_lapse'::regclass)")
        index = cursor.fetchone()[0]
        cursor.execute("DROP INDEX one_grace_per_lapse")
        forget_requests(cursor)
    try:
        results = together([partial(naive_grace, user) for user in bosses])
    finally:
        with connection.cursor() as cursor:
            forget_requests(cursor)
            cursor.execute(index)
    assert results == [True] * 8


def forget_requests(cursor: Any) -> None:
    """Past the guard that keeps decided requests."""
    cursor.execute("ALTER TABLE points_adjustment DISABLE TRIGGER adjustment_guard")
    cursor.execute("DELETE FROM points_adjustment")
    cursor.execute("ALTER TABLE points_adjustment ENABLE TRIGGER adjustment_guard")
