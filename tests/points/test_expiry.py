"""Deadlines and the run that empties lapsed lots."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backoffice.models import Job, OutboxMessage
from points import rules
from points.choices import ExpiryPolicy
from points.errors import BillOutOfRange, NotYetDue
from points.models import Account, Entry, Lot
from points.services import expiry, holds, ledger
from tests.conftest import NOON
from tests.factories.points import TESTER, AccountFactory, ProgramFactory, context, fresh, give, take

DAY = timedelta(days=1)
TAIPEI_MIDNIGHT = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)


def deadline(moment: datetime, policy: str, value: int, grace: int = 0) -> date | None:
    program = ProgramFactory.build(expiry_policy=policy, expiry_value=value, expiry_grace_days=grace)
    return rules.last_usable_day(program, moment)


@pytest.mark.parametrize(
    ("moment", "policy", "value", "grace", "last_day"),
    [
        # One second before and at Taipei's midnight: another day.
        (TAIPEI_MIDNIGHT - timedelta(seconds=1), ExpiryPolicy.DAYS, 1, 0, date(2026, 6, 16)),
        (TAIPEI_MIDNIGHT, ExpiryPolicy.DAYS, 1, 0, date(2026, 6, 17)),
        # The end of a month, and of a shorter one.
        (datetime(2026, 1, 31, 4, tzinfo=UTC), ExpiryPolicy.MONTHS, 1, 0, date(2026, 2, 28)),
        (datetime(2028, 1, 31, 4, tzinfo=UTC), ExpiryPolicy.MONTHS, 1, 0, date(2028, 2, 29)),
        (datetime(2028, 2, 29, 4, tzinfo=UTC), ExpiryPolicy.MONTHS, 12, 0, date(2029, 2, 28)),
        (datetime(2026, 1, 31, 4, tzinfo=UTC), ExpiryPolicy.MONTH_END, 1, 0, date(2026, 2, 28)),
        (datetime(2026, 1, 1, 4, tzinfo=UTC), ExpiryPolicy.MONTH_END, 13, 0, date(2027, 2, 28)),
        # 31 December 15:59:59Z is still this year in Taipei, one second later it is not.
        (datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC), ExpiryPolicy.YEAR_BUCKET, 1, 0, date(2027, 12, 31)),
        (datetime(2026, 12, 31, 16, 0, 0, tzinfo=UTC), ExpiryPolicy.YEAR_BUCKET, 1, 0, date(2028, 12, 31)),
        (NOON, ExpiryPolicy.YEAR_BUCKET, 0, 31, date(2027, 1, 31)),
        (NOON, ExpiryPolicy.NEVER, 5, 5, None),
    ],
)
def test_last_usable_days(
    moment: datetime, policy: str, value: int, grace: int, last_day: date | None
) -> None:
    assert deadline(moment, policy, value, grace) == last_day


def test_a_deadline_is_the_first_instant_that_is_too_late() -> None:
    program = ProgramFactory.build(expiry_policy=ExpiryPolicy.DAYS, expiry_value=0)
    assert rules.expiry_of(program, NOON) == TAIPEI_MIDNIGHT


def test_a_bill_takes_points_in_steps_and_says_the_range() -> None:
    program = ProgramFactory.build(spend_step=60, min_spend=60, max_share_percent=50)
    from decimal import Decimal

    bill = rules.quote(program, Decimal("10.00"), available=400)
    assert (bill.least, bill.most, bill.worth_of_most) == (
        60,
        120,
        Decimal("4.00"),
    )  # 5.00 is 150, in steps 120
    with pytest.raises(BillOutOfRange):
        rules.check_bill(program, Decimal("10.00"), 400, 180)
    with pytest.raises(BillOutOfRange):
        rules.check_bill(program, Decimal("10.00"), 400, 61)
    whole = ProgramFactory.build(spend_step=1)
    assert rules.points_first(whole, Decimal("10.00"), 120) == (120, Decimal("6.00"))
    assert rules.cash_first(whole, Decimal("10.00"), Decimal("8.00"), 400) == 60
    with pytest.raises(BillOutOfRange):
        rules.cash_first(whole, Decimal("10.00"), Decimal("8.00"), 59)
    assert rules.effective_return(
        ProgramFactory.build(earn_amount=Decimal("5000"), earn_points=1, cash_points=1, cash_amount=1)
    ) == Decimal("0.02")


def balance(account: Account) -> int:
    account.refresh_from_db()
    return account.balance


@pytest.mark.django_db
class TestRun:
    def test_empties_lapsed_lots_and_nothing_else(self) -> None:
        account = AccountFactory()
        soon = give(account, 100, expires_at=NOON + DAY)
        give(account, 50, expires_at=NOON + 2 * DAY)
        take(account, 30)
        batches = list(expiry.expire_all(as_of=NOON + DAY, actor=TESTER, now=NOON + DAY))
        assert [(b.accounts, b.lots, b.points) for b in batches] == [(1, 1, 70)]
        assert balance(account) == 50
        assert Lot.objects.get(pk=soon.entry_id).expired_at == NOON + DAY
        assert not list(expiry.expire_all(as_of=NOON + DAY, actor=TESTER, now=NOON + DAY))

    def test_not_one_instant_early(self) -> None:
        account = AccountFactory()
        give(account, 100, expires_at=NOON + DAY)
        early = NOON + DAY - timedelta(microseconds=1)
        assert not list(expiry.expire_all(as_of=early, actor=TESTER, now=early))

    def test_a_time_to_come_is_only_for_dry_runs(self, settings: Any) -> None:
        account = AccountFactory()
        give(account, 100, expires_at=NOON + DAY)
        with pytest.raises(NotYetDue):
            expiry.expire_batch(as_of=NOON + DAY, after=0, actor=TESTER, now=NOON)
        settings.SHUKE_DEMO = False
        with pytest.raises(CommandError, match="not come yet"):
            call_command("expire_points", "--as-of", "2099-01-01T00:00:00+00:00")
        assert balance(account) == 100

    def test_held_points_wait_for_the_end_of_their_hold(self) -> None:
        account = AccountFactory()
        give(account, 100, expires_at=NOON + DAY)
        ledger.hold(
            account_id=account.pk, points=60, source=fresh(), expires_at=NOON + 2 * DAY, context=context()
        )
        list(expiry.expire_all(as_of=NOON + DAY, actor=TESTER, now=NOON + DAY))
        assert balance(account) == 60
        later = NOON + 3 * DAY
        assert holds.settle_due(actor=TESTER, now=later) == 1
        list(expiry.expire_all(as_of=later, actor=TESTER, now=later))
        assert balance(account) == 0

    def test_points_freed_after_a_run_lapse_in_the_same_run_repeated(self) -> None:
        account = AccountFactory()
        give(account, 100, expires_at=NOON + DAY)
        held = ledger.hold(
            account_id=account.pk, points=60, source=fresh(), expires_at=NOON + 9 * DAY, context=context()
        )
        list(expiry.expire_all(as_of=NOON + DAY, actor=TESTER, now=NOON + DAY))
        ledger.release(hold_id=held.hold_id, status="voided", context=context(now=NOON + DAY))
        list(expiry.expire_all(as_of=NOON + DAY, actor=TESTER, now=NOON + DAY))
        assert balance(account) == 0

    def test_a_dry_run_and_a_ceiling(self) -> None:
        accounts = [AccountFactory() for _ in range(3)]
        for account in accounts:
            give(account, 100, expires_at=NOON + DAY)
        dry = list(expiry.expire_all(as_of=NOON + DAY, actor=TESTER, now=NOON, dry_run=True, accounts=1))
        assert sum(b.points for b in dry) == 300 and not Entry.objects.filter(kind="expire").exists()
        run = list(expiry.expire_all(as_of=NOON + DAY, actor=TESTER, now=NOON + DAY, ceiling=150, accounts=1))
        assert sum(b.points for b in run) == 200  # one batch over the ceiling at most
        rest = list(expiry.expire_all(as_of=NOON + DAY, actor=TESTER, now=NOON + DAY, accounts=1))
        assert sum(b.points for b in rest) == 100

    def test_the_command_runs_it_as_a_job(self, capsys: pytest.CaptureFixture[str]) -> None:
        account = AccountFactory()
        give(account, 100, expires_at=NOON + DAY)
        call_command("expire_points", "--as-of", (NOON + DAY).isoformat(), "--dry-run")
        assert "100 points of 1 lots would lapse" in capsys.readouterr().out and balance(account) == 100
        call_command("expire_points", "--as-of", (NOON + DAY).isoformat())
        assert "100 points of 1 lots lapsed" in capsys.readouterr().out and balance(account) == 0
        assert Job.objects.get(kind="points.expire").state == "done"


@pytest.mark.django_db
class TestNotice:
    """N10: a lot may not expire unless its notice was sent that many days before."""

    def account(self) -> Account:
        account = AccountFactory(program=ProgramFactory(notice_days=7))
        give(account, 100, expires_at=TAIPEI_MIDNIGHT + 10 * DAY)
        return account

    def test_without_the_notice_job_nothing_lapses_and_the_run_says_why(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        account = self.account()
        as_of = TAIPEI_MIDNIGHT + 10 * DAY
        call_command("expire_points", "--as-of", as_of.isoformat())
        said = capsys.readouterr().out
        assert "0 points" in said and "no notice was sent in time" in said and balance(account) == 100
        lot = Lot.objects.get(account=account)
        assert lot.expires_at == as_of + 8 * DAY and lot.extensions.get().reason == "no_notice_sent"

    def test_a_notice_that_was_sent_in_time_lets_it_lapse(self) -> None:
        account = self.account()
        assert expiry.announce(as_of=TAIPEI_MIDNIGHT + DAY, now=NOON) == 0  # too early to tell
        told_at = TAIPEI_MIDNIGHT + 2 * DAY
        assert expiry.announce(as_of=told_at, now=told_at) == 1
        assert expiry.announce(as_of=told_at, now=told_at) == 0
        OutboxMessage.objects.filter(topic="points.expiry_notice").update(sent_at=told_at)
        due = TAIPEI_MIDNIGHT + 10 * DAY
        list(expiry.expire_all(as_of=due, actor=TESTER, now=due))
        assert balance(account) == 0

    def test_a_notice_that_was_written_but_never_sent_does_not_count(self) -> None:
        account = self.account()
        expiry.announce(as_of=TAIPEI_MIDNIGHT + 2 * DAY, now=NOON)
        due = TAIPEI_MIDNIGHT + 10 * DAY
        list(expiry.expire_all(as_of=due, actor=TESTER, now=due))
        assert balance(account) == 100

    def test_a_notice_for_another_deadline_is_renewed_and_does_not_count(self) -> None:
        """Sliding programs: activity moved the deadline, so the member was told a day that is not his."""
        program = ProgramFactory(notice_days=7, expiry_policy=ExpiryPolicy.SLIDING, expiry_value=1)
        account = AccountFactory(program=program)
        give(account, 100, expires_at=TAIPEI_MIDNIGHT + 5 * DAY)
        told = TAIPEI_MIDNIGHT
        assert expiry.announce(as_of=told, now=told) == 1
        OutboxMessage.objects.filter(topic="points.expiry_notice").update(sent_at=told)
        moved = TAIPEI_MIDNIGHT + 40 * DAY
        ledger.spend(
            account_id=account.pk, points=10, source=fresh(), slide_to=moved, context=context(now=told)
        )
        assert expiry.announce(as_of=told, now=told) == 0  # no longer near
        list(expiry.expire_all(as_of=moved, actor=TESTER, now=moved))
        assert balance(account) == 90  # nobody told him that day
        lot = Lot.objects.get(account=account)
        again = moved + DAY
        assert expiry.announce(as_of=again, now=again) == 1
        assert expiry.announce(as_of=again, now=again) == 0
        OutboxMessage.objects.filter(topic="points.expiry_notice", sent_at=None).update(sent_at=moved)
        assert [notice.expires_at for notice in lot.notices.order_by("id")] == [
            TAIPEI_MIDNIGHT + 5 * DAY,
            lot.expires_at,
        ]
        assert lot.expires_at is not None
        list(expiry.expire_all(as_of=lot.expires_at, actor=TESTER, now=lot.expires_at))
        assert balance(account) == 0

    def test_points_that_may_be_used_again_pay_debt_first(self) -> None:
        account = self.account()
        lapsed_at = TAIPEI_MIDNIGHT + 10 * DAY
        other = give(account, 40, expires_at=lapsed_at + 90 * DAY)
        take(account, 100)  # the lot that lapses first
        give(account, 70, expires_at=lapsed_at)
        take(account, 40, now=lapsed_at)  # only the other lot still pays
        ledger.reverse_credit(
            entry_id=other.entry_id or 0, points=40, source=fresh(), context=context(now=lapsed_at)
        )
        account.refresh_from_db()
        assert (account.balance, account.debt) == (70, 40)
        list(expiry.expire_all(as_of=lapsed_at, actor=TESTER, now=lapsed_at))
        account.refresh_from_db()
        assert (account.balance, account.debt) == (30, 0)
