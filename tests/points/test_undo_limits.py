"""Redemptions undone by hand count on the day's limits like gifts; above them somebody else decides (T17)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from backoffice.actors import Actor
from backoffice.choices import Role
from backoffice.models import AuditEvent, OutboxMessage, User
from members.models import StaffCard
from points.choices import AdjustmentStatus, LimitKind
from points.errors import AlreadyReversed, BalanceMoved, KeyReused, OverLimit, OwnCard, OwnRequest
from points.models import (
    Account,
    Adjustment,
    CorrectionLimit,
    Entry,
    Lot,
    ReceiverDayTotal,
    StaffDayTotal,
    StoreDayTotal,
)
from points.postings import Posting
from points.reporting import staff
from points.services import corrections, desk_entries, ledger, previews, proofs
from tests.conftest import NOON
from tests.factories.backoffice import StoreFactory, UserFactory
from tests.factories.members import MemberFactory
from tests.factories.points import AccountFactory, context, give, take

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
APPLIED, PENDING = AdjustmentStatus.APPLIED, AdjustmentStatus.PENDING


@pytest.fixture(autouse=True)
def _tight_limits() -> None:
    CorrectionLimit.objects.all().delete()
    CorrectionLimit.objects.create(role="", per_clerk_day=1_500, per_receiver_day=2_000, per_store_day=2_500)


def clerk(**values: Any) -> User:
    return UserFactory(role=Role.CLERK, **values)


def boss(**values: Any) -> User:
    return UserFactory(role=Role.MANAGER, **values)


def spent(points: int, account: Account | None = None) -> Posting:
    account = account or AccountFactory()
    give(account, points, expires_at=NOON + 9 * DAY)
    return take(account, points)


def undo(user: User, posting: Posting, key: str = "k", **values: Any) -> corrections.UndoResult:
    usual: dict[str, Any] = {"points": None, "reason": "wrong_redemption", "note": "a note", "now": NOON}
    return corrections.undo_entry(
        entry_id=posting.entry_id or 0, key=key, actor=Actor.staff(user), **(usual | values)
    )


def approve(user: User, result: corrections.UndoResult, **values: Any) -> corrections.CorrectionResult:
    usual: dict[str, Any] = {"adjustment_id": result.adjustment_id, "actor": Actor.staff(user), "now": NOON}
    return corrections.approve(**(usual | values))


def assert_sound(now: Any = NOON) -> None:
    report = proofs.prove(now=now)
    assert [(check.id, check.offenders) for check in report.checks if not check.ok] == []


class TestWhatCounts:
    def test_the_day_of_whoever_undoes_gifts_and_undone_redemptions_together(self) -> None:
        user = clerk()
        assert undo(user, spent(800)).status == APPLIED
        given = corrections.correct(
            account_id=AccountFactory().pk, points=600, reason="goodwill", note="", key="g",
            actor=Actor.staff(user), now=NOON,
        )  # fmt: skip
        assert given.status == APPLIED
        waiting = undo(user, spent(101))
        assert (waiting.status, waiting.posting) == (PENDING, None)
        assert Adjustment.objects.get(pk=waiting.adjustment_id).over_limit == LimitKind.CLERK
        assert StaffDayTotal.objects.get(user=user).given == 1_400
        assert undo(user, spent(101), key="tomorrow", now=NOON + DAY).status == APPLIED
        assert_sound(NOON + DAY)

    def test_the_receivers_day_whoever_undoes(self) -> None:
        account = AccountFactory()
        assert undo(clerk(), spent(1_200, account)).status == APPLIED
        waiting = undo(clerk(), spent(900, account), key="second")
        assert Adjustment.objects.get(pk=waiting.adjustment_id).over_limit == LimitKind.RECEIVER
        assert ReceiverDayTotal.objects.get().given == 1_200

    def test_the_stores_day(self) -> None:
        store = StoreFactory()
        assert [undo(clerk(stores=[store]), spent(1_200)).status for _ in range(2)] == [APPLIED] * 2
        waiting = undo(clerk(stores=[store]), spent(200))
        assert Adjustment.objects.get(pk=waiting.adjustment_id).over_limit == LimitKind.STORE
        assert StoreDayTotal.objects.get(store=store).given == 2_400

    def test_a_second_click_counts_once(self) -> None:
        user, one = clerk(), spent(800)
        first, again = undo(user, one), undo(user, one)
        assert first.posting and again.posting and again.posting.replayed
        assert StaffDayTotal.objects.get(user=user).given == 800

    def test_an_undone_earning_and_a_return_count_nowhere(self) -> None:
        user, account = clerk(), AccountFactory()
        undo(user, give(account, 4_000), reason="wrong_earn")
        one = spent(4_000)
        ledger.refund_spend(
            entry_id=one.entry_id or 0, points=4_000, source=ledger.Source("return", "1"), context=context()
        )
        assert not StaffDayTotal.objects.exists() and not ReceiverDayTotal.objects.exists()


class TestASecondPerson:
    def test_lets_the_points_go_back_to_their_lots(self) -> None:
        account = AccountFactory()
        one = spent(1_800, account)
        user = clerk()
        waiting = undo(user, one)
        account.refresh_from_db()
        assert (waiting.status, account.balance, StaffDayTotal.objects.exists()) == (PENDING, 0, False)
        assert AuditEvent.objects.get().action == "points.undo.request"
        with pytest.raises(OwnRequest):
            approve(boss_of(user), waiting)
        done = approve(boss(), waiting)
        account.refresh_from_db()
        assert (done.status, account.balance, Lot.objects.get().remaining) == (APPLIED, 1_800, 1_800)
        entry = Entry.objects.get(kind="refund_spend")
        assert (entry.reverses_id, entry.reason, entry.note) == (one.entry_id, "wrong_redemption", "a note")
        # What somebody else has looked at counts on no sum.
        assert not StaffDayTotal.objects.exists()
        assert OutboxMessage.objects.filter(topic="points.changed").count() == 1
        auditor = UserFactory(role=Role.AUDITOR)
        span: dict[str, Any] = {"user": auditor, "start": NOON - DAY, "end": NOON + DAY}
        assert [(one.user_id, one.points) for one in staff.undos_by_clerk(**span)] == [(user.pk, 1_800)]
        assert staff.grants_by_clerk(**span) == []
        assert_sound()

    def test_says_what_of_it_has_lapsed_meanwhile(self) -> None:
        waiting = undo(clerk(), spent(1_800))
        approve(boss(), waiting, now=NOON + 20 * DAY)
        told = OutboxMessage.objects.get(topic="points.changed").payload
        assert (told["lapsed"], told["balance"]) == (1_800, 0)

    def test_the_same_key_asks_once(self) -> None:
        user, one = clerk(), spent(1_800)
        first, again = undo(user, one), undo(user, one)
        assert first.adjustment_id == again.adjustment_id and Adjustment.objects.count() == 1
        with pytest.raises(KeyReused):
            undo(user, one, points=1_700)

    def test_what_was_undone_meanwhile_is_not_undone_again(self) -> None:
        one = spent(1_800)
        first, second = undo(clerk(), one), undo(clerk(), one)
        approve(boss(), first)
        with pytest.raises(AlreadyReversed), transaction.atomic():
            approve(boss(), second)
        assert Adjustment.objects.get(pk=second.adjustment_id).status == PENDING
        assert_sound()

    def test_nothing_waits_in_vain(self) -> None:
        account = AccountFactory()
        one = spent(1_800, account)
        with pytest.raises(AlreadyReversed), transaction.atomic():
            undo(clerk(), one, points=1_801)
        with pytest.raises(BalanceMoved), transaction.atomic():
            undo(clerk(), one, expected_seq=1)
        assert not Adjustment.objects.exists()

    def test_the_page_says_that_it_will_wait(self) -> None:
        one = spent(1_800)
        seen = previews.preview_undo(
            entry_id=one.entry_id or 0, points=1_800, actor=Actor.staff(clerk()), now=NOON
        )
        assert (seen.waiting, seen.points, seen.balance_after) == (True, 1_800, 0)
        assert not Adjustment.objects.exists()


def boss_of(user: User) -> User:
    """The clerk himself, with the right to approve."""
    from backoffice.services.roles import group_of

    user.groups.set([group_of(Role.MANAGER)])
    return User.objects.get(pk=user.pk)


class TestTheFunctionItself:
    """A shell or another client meets the same counters: they are in the function that books."""

    def by_hand(self, user: User, one: Posting, key: str = "k") -> ledger.Refund:
        return desk_entries.undo_spend(
            user_id=user.pk, entry_id=one.entry_id or 0, points=-one.points, key=key, context=context()
        )

    def test_many_small_ones(self) -> None:
        user = clerk()
        for number in range(3):
            self.by_hand(user, spent(500), f"k{number}")
        with pytest.raises(OverLimit):
            self.by_hand(user, spent(1), "k3")

    def test_an_own_card_also_through_a_merge(self) -> None:
        user, account = clerk(), AccountFactory()
        old = MemberFactory()
        StaffCard.objects.create(user=user, member=old)
        one = spent(10, account)
        type(old).objects.filter(pk=old.pk).update(status="merged", merged_into=account.member)
        with pytest.raises(OwnCard):
            self.by_hand(user, one)

    def test_a_forged_request_for_another_account(self) -> None:
        one, account = spent(100), AccountFactory()
        forged = Adjustment.objects.create(
            account=account, points=100, reason="other", key="forged", status="approved", created_at=NOON,
            undoes_id=one.entry_id, requested_by=clerk(),
        )  # fmt: skip
        from points.errors import NoSuchEntry

        with pytest.raises(NoSuchEntry):
            ledger.adjust(adjustment_id=forged.pk, expires_at=None, context=context())

    def test_the_application_undoes_and_still_writes_no_counter(self) -> None:
        user, one, large, second = clerk(), spent(100), spent(1_800), boss()
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE shuke_app")
            assert undo(user, one).status == APPLIED
            assert approve(second, undo(user, large)).status == APPLIED
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                cursor.execute(f"SELECT points_adjust_v3(1, NULL, {ledger.CONTEXT})", [*context().values()])
            cursor.execute("RESET ROLE")
