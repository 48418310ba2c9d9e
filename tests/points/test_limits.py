"""What staff may give by themselves: limits as data, counted where points are booked (I31-I33, T16-T18)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import ProgrammingError

from backoffice.actors import Actor
from backoffice.choices import Role
from backoffice.models import AuditEvent, OutboxMessage, User
from members.models import StaffCard
from points.choices import AdjustmentStatus, LimitKind
from points.errors import (
    InvalidLimits,
    LimitsMoved,
    MutualApproval,
    NotAllowed,
    OtherStore,
    OverLimit,
    OwnCard,
    RequestersCard,
)
from points.models import Account, Adjustment, CorrectionLimit, ReceiverDayTotal, StaffDayTotal, StoreDayTotal
from points.services import corrections, ledger, limits
from tests.conftest import NOON
from tests.factories.backoffice import StoreFactory, UserFactory
from tests.factories.members import MemberFactory
from tests.factories.points import AccountFactory, ProgramFactory, context, give, take

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
APPLIED, PENDING = AdjustmentStatus.APPLIED, AdjustmentStatus.PENDING


def clerk(**values: Any) -> User:
    return UserFactory(role=Role.CLERK, **values)


def boss(**values: Any) -> User:
    return UserFactory(role=Role.MANAGER, **values)


def ask(user: User, account: Account, points: int, **values: Any) -> corrections.CorrectionResult:
    key = f"k{Adjustment.objects.count()}"
    defaults: dict[str, Any] = {"reason": "goodwill", "note": "a note", "key": key, "now": NOON}
    return corrections.correct(
        account_id=account.pk, points=points, actor=Actor.staff(user), **(defaults | values)
    )


def approve(user: User, adjustment_id: int, **values: Any) -> corrections.CorrectionResult:
    return corrections.approve(
        **{"adjustment_id": adjustment_id, "actor": Actor.staff(user), "now": NOON, **values}
    )


def allow(role: str = "", **numbers: int) -> None:
    CorrectionLimit.objects.update_or_create(role=role, defaults=numbers)


def why(result: corrections.CorrectionResult) -> str:
    return Adjustment.objects.get(pk=result.adjustment_id).over_limit


class TestWhatCounts:
    def test_one_receiver_is_given_so_much_a_day_whoever_gives(self) -> None:
        for role in ("", "clerk"):
            allow(role, per_receiver_day=1_500)
        account = AccountFactory()
        results = [ask(clerk(), account, 700) for _ in range(3)]
        assert [r.status for r in results] == [APPLIED, APPLIED, PENDING]
        assert why(results[2]) == LimitKind.RECEIVER
        assert ask(clerk(), AccountFactory(), 700).status == APPLIED
        assert ask(clerk(), account, 700, now=NOON + DAY).status == APPLIED

    def test_the_receiver_is_a_person_with_all_his_accounts(self) -> None:
        for role in ("", "clerk"):
            allow(role, per_receiver_day=1_500)
        member = MemberFactory()
        accounts = [AccountFactory(member=member, program=ProgramFactory()) for _ in range(3)]
        results = [ask(clerk(), account, 700) for account in accounts]
        assert [r.status for r in results] == [APPLIED, APPLIED, PENDING]
        assert why(results[2]) == LimitKind.RECEIVER
        assert sorted(total.given for total in ReceiverDayTotal.objects.all()) == [700, 700]

    def test_a_merge_brings_what_the_other_was_given_today(self) -> None:
        for role in ("", "clerk"):
            allow(role, per_receiver_day=1_500)
        oldest, middle, account = MemberFactory(), MemberFactory(), AccountFactory()
        for gone, into in ((oldest, middle), (middle, account.member)):
            other = AccountFactory(member=gone, program=account.program)
            assert ask(clerk(), other, 500).status == APPLIED
            type(gone).objects.filter(pk=gone.pk).update(status="merged", merged_into=into)
        assert ask(clerk(), account, 501).status == PENDING
        assert ask(clerk(), account, 500).status == APPLIED
        assert ask(clerk(), AccountFactory(), 501).status == APPLIED

    def test_one_store_gives_so_much_a_day_whoever_works_there(self) -> None:
        for role in ("", "clerk"):
            allow(role, per_store_day=1_500)
        store, other = StoreFactory(), StoreFactory()
        results = [ask(clerk(stores=[store]), AccountFactory(), 700) for _ in range(3)]
        assert [r.status for r in results] == [APPLIED, APPLIED, PENDING]
        assert why(results[2]) == LimitKind.STORE
        # Somebody of both stores counts at each: he does not choose the one with room left.
        assert ask(clerk(stores=[store, other]), AccountFactory(), 700).status == PENDING
        assert ask(clerk(stores=[other]), AccountFactory(), 700).status == APPLIED
        # People of the office are a store of their own.
        assert ask(clerk(), AccountFactory(), 700).status == APPLIED
        assert StoreDayTotal.objects.get(store=None).given == 700

    def test_what_waits_or_is_refused_counts_nowhere(self) -> None:
        user, account = clerk(), AccountFactory()
        ask(user, account, 1_001)
        with pytest.raises(PendingBalance), transaction.atomic():
            ask(user, account, 500)
            raise PendingBalance
        assert not StaffDayTotal.objects.exists() and not ReceiverDayTotal.objects.exists()

    def test_deductions_are_not_gifts(self) -> None:
        account = AccountFactory()
        give(account, 9_000)
        user = clerk()
        assert [ask(user, account, -900).status for _ in range(7)] == [APPLIED] * 7
        assert ask(user, account, -1_001).status == PENDING

    def test_approved_points_do_not_count_against_the_clerk(self) -> None:
        user, account = clerk(), AccountFactory()
        waiting = ask(user, account, 4_900)
        approve(boss(), waiting.adjustment_id)
        assert ask(user, account, 900).status == APPLIED
        assert StaffDayTotal.objects.get(user=user).given == 900


class PendingBalance(Exception):
    """Raised by a test to undo what it did."""


class TestWhoseLimits:
    def test_a_role_has_its_own_and_the_others_the_default(self) -> None:
        allow("", per_request=300)
        allow("clerk", per_request=100)
        CorrectionLimit.objects.filter(role__in=["manager", "support"]).delete()
        assert ask(clerk(), AccountFactory(), 101).status == PENDING
        assert ask(boss(), AccountFactory(), 300).status == APPLIED
        assert ask(boss(), AccountFactory(), 301).status == PENDING

    def test_of_two_roles_the_tighter_number_counts(self) -> None:
        from backoffice.services.roles import group_of

        allow("clerk", per_request=100)
        allow("manager", per_request=900)
        both = boss()
        both.groups.add(group_of(Role.CLERK))
        assert ask(both, AccountFactory(), 101).status == PENDING

    def test_the_house_bounds_what_can_be_set(self) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            allow("", per_request=1_001)
        with pytest.raises(IntegrityError), transaction.atomic():
            allow("", per_clerk_day=5_001)


class TestTheFunctionItself:
    """A shell, a script or another client meets the same limits: they are in the function that books."""

    def approved(self, user: User, account: Account, points: int, **values: Any) -> int:
        return Adjustment.objects.create(
            account=account,
            points=points,
            reason="goodwill",
            key=f"shell-{Adjustment.objects.count()}",
            status="approved",
            requested_by=user,
            created_at=NOON,
            **values,
        ).pk

    def book(self, adjustment_id: int) -> ledger.Posting:
        return ledger.adjust(adjustment_id=adjustment_id, expires_at=None, context=context())

    def test_many_small_ones_past_the_service(self) -> None:
        user = clerk()
        for _ in range(5):
            self.book(self.approved(user, AccountFactory(), 999))
        with pytest.raises(OverLimit):
            self.book(self.approved(user, AccountFactory(), 999))

    def test_a_replay_counts_once(self) -> None:
        user = clerk()
        request = self.approved(user, AccountFactory(), 999)
        assert not self.book(request).replayed and self.book(request).replayed
        assert StaffDayTotal.objects.get(user=user).given == 999

    def test_own_card_and_the_approvers_card(self) -> None:
        user, second, account = clerk(), boss(), AccountFactory()
        mine = StaffCard.objects.create(user=user, member=account.member)
        with pytest.raises(OwnCard):
            self.book(self.approved(user, account, 5))
        with pytest.raises(RequestersCard):
            self.book(self.approved(user, account, 5, approved_by=second, needs_approval=True))
        mine.delete()
        StaffCard.objects.create(user=second, member=account.member)
        with pytest.raises(OwnCard):
            self.book(self.approved(user, account, 5, approved_by=second, needs_approval=True))

    def test_the_application_cannot_write_the_counters(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE shuke_app")
            for table in ("staffdaytotal", "receiverdaytotal", "storedaytotal"):
                with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                    cursor.execute(f"UPDATE points_{table} SET given = 0")
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                cursor.execute(
                    f"SELECT * FROM points_adjust_v1(1, NULL, {ledger.CONTEXT})", [*context().values()]
                )
            cursor.execute("RESET ROLE")

    def test_the_application_still_corrects(self) -> None:
        user, account = clerk(), AccountFactory()
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE shuke_app")
            assert ask(user, account, 10).status == APPLIED
            cursor.execute("RESET ROLE")


class TestOwnCardThroughMerges:
    def merged(self, old: Any, new: Any) -> None:
        type(old).objects.filter(pk=old.pk).update(status="merged", merged_into=new)

    def test_the_card_of_whom_he_has_become_is_his_own(self) -> None:
        user, account = clerk(), AccountFactory()
        old, middle = MemberFactory(), MemberFactory()
        StaffCard.objects.create(user=user, member=old)
        self.merged(old, middle)
        self.merged(middle, account.member)
        with pytest.raises(OwnCard):
            ask(user, account, 10)
        second = boss()
        StaffCard.objects.create(user=second, member=MemberFactory())
        self.merged(StaffCard.objects.get(user=second).member, account.member)
        waiting = ask(clerk(), account, 1_500)
        with pytest.raises(OwnCard):
            approve(second, waiting.adjustment_id)

    def test_control_somebody_elses_card_is_not(self) -> None:
        user = clerk()
        StaffCard.objects.create(user=user, member=MemberFactory())
        assert ask(user, AccountFactory(), 10).status == APPLIED

    def test_what_became_his_card_while_the_request_waited(self) -> None:
        user, account = clerk(), AccountFactory()
        waiting = ask(user, account, 1_500)
        StaffCard.objects.create(user=user, member=account.member)
        with pytest.raises(RequestersCard):
            approve(boss(), waiting.adjustment_id)
        assert Adjustment.objects.get(pk=waiting.adjustment_id).status == PENDING
        account.refresh_from_db()
        assert account.balance == 0


class TestMutualApproval:
    def approved_before(self, first: User, second: User, points: int = 3_500) -> None:
        """`second` approved a request of `first`."""
        waiting = ask(first, AccountFactory(), points)
        approve(second, waiting.adjustment_id)

    def test_two_do_not_approve_each_others_large_ones(self) -> None:
        first, second = boss(), boss()
        self.approved_before(first, second)
        waiting = ask(second, AccountFactory(), 3_500)
        with pytest.raises(MutualApproval) as refused:
            approve(first, waiting.adjustment_id)
        assert "3000" in str(refused.value) and "30" in str(refused.value)
        assert Adjustment.objects.get(pk=waiting.adjustment_id).status == PENDING
        assert approve(boss(), waiting.adjustment_id).status == APPLIED

    def test_control_smaller_ones_older_ones_and_the_same_direction(self) -> None:
        first, second = boss(), boss()
        self.approved_before(first, second)
        small = ask(second, AccountFactory(), 2_000)
        assert approve(first, small.adjustment_id).status == APPLIED
        again = ask(first, AccountFactory(), 3_500)
        assert approve(second, again.adjustment_id).status == APPLIED
        later = NOON + 31 * DAY
        waiting = ask(second, AccountFactory(), 3_500, now=later)
        assert approve(first, waiting.adjustment_id, now=later).status == APPLIED

    def test_what_is_asked_for_in_pieces_counts_together(self) -> None:
        first, second = boss(), boss()
        for _piece in range(2):
            self.approved_before(first, second, 2_000)
        self.approved_before(second, first, 2_000)
        waiting = ask(second, AccountFactory(), 2_000)
        with pytest.raises(MutualApproval):
            approve(first, waiting.adjustment_id)
        assert Adjustment.objects.get(pk=waiting.adjustment_id).status == PENDING
        assert approve(boss(), waiting.adjustment_id).status == APPLIED


class TestSetLimits:
    def set(self, user: User, **values: Any) -> CorrectionLimit:
        return limits.set_limits(
            **{
                "role": "clerk",
                "numbers": {"per_request": 200},
                "note": "less",
                "actor": Actor.staff(user),
                "now": NOON,
                **values,
            }
        )

    def test_finance_sets_them_with_a_trail_and_the_next_correction_keeps_to_them(self) -> None:
        finance = UserFactory(role=Role.FINANCE)
        row = self.set(finance)
        event = AuditEvent.objects.get(action="points.limits.tighten")
        assert event.changes == {"per_request": [1000, 200]} and event.reason == "less"
        assert ask(clerk(), AccountFactory(), 201).status == PENDING
        again = self.set(finance)
        assert again.version == row.version and AuditEvent.objects.filter(subject_id=row.pk).count() == 1
        self.set(finance, numbers={"per_request": 500})
        assert AuditEvent.objects.filter(action="points.limits.loosen").count() == 1

    def test_tighter_and_looser_are_told_apart(self) -> None:
        row = CorrectionLimit(role="clerk")
        found = limits.changes(
            limit=row,
            numbers={"per_request": 10, "per_store_day": 99_999, "mutual_days": 5, "per_clerk_day": 5_000},
        )
        assert [(c.field, c.looser) for c in found] == [
            ("per_request", False),
            ("per_store_day", True),
            ("mutual_days", True),
        ]

    def test_refused_above_the_house_and_for_a_stale_look(self) -> None:
        finance = UserFactory(role=Role.FINANCE)
        with pytest.raises(InvalidLimits, match="1,000 points"):
            self.set(finance, numbers={"per_request": 1_001})
        with pytest.raises(LimitsMoved):
            self.set(finance, expected_version=99)

    @pytest.mark.parametrize("role", [Role.CLERK, Role.MANAGER, Role.SUPPORT, Role.MARKETER, Role.AUDITOR])
    def test_nobody_else(self, role: Role) -> None:
        with pytest.raises(NotAllowed):
            self.set(UserFactory(role=role))


class TestTheMemberIsTold:
    def test_of_every_correction_once_and_without_his_name(self) -> None:
        user, account = clerk(), AccountFactory()
        done = ask(user, account, 20, key="k")
        ask(user, account, 20, key="k")
        message = OutboxMessage.objects.get(topic="points.changed")
        assert message.subject_id == done.entry_id
        assert message.payload["points"] == 20 and message.payload["balance"] == 20
        assert account.member.name not in str(message.payload)
        assert account.member.phone not in str(message.payload)

    def test_of_an_undone_redemption_and_not_of_what_waits(self) -> None:
        account = AccountFactory()
        ask(clerk(), account, 2_000)
        assert not OutboxMessage.objects.filter(topic="points.changed").exists()
        give(account, 50)
        spent = take(account, 50)
        corrections.undo_entry(
            entry_id=spent.entry_id or 0,
            points=None,
            reason="wrong_redemption",
            note="",
            key="u",
            actor=Actor.staff(clerk()),
            now=NOON,
        )
        told = OutboxMessage.objects.get(topic="points.changed").payload
        assert (told["kind"], told["points"], told["balance"]) == ("refund_spend", 50, 50)


class TestOtherStores:
    def test_a_redemption_is_undone_where_it_was_or_by_an_approver(self) -> None:
        here, there, account = StoreFactory(), StoreFactory(), AccountFactory()
        give(account, 100)
        spent = take(account, 60, store_id=there.pk)

        def undo(user: User, key: str) -> Any:
            return corrections.undo_entry(
                entry_id=spent.entry_id or 0,
                points=20,
                reason="wrong_redemption",
                note="",
                key=key,
                actor=Actor.staff(user),
                now=NOON,
            )

        with pytest.raises(OtherStore):
            undo(clerk(stores=[here]), "a")
        assert undo(clerk(stores=[there]), "b").posting.points == 20
        assert undo(boss(stores=[here]), "c").posting.points == 20
