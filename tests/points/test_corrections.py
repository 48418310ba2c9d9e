"""Corrections by staff: limits, four eyes, own cards, undone entries, grace."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from backoffice.actors import Actor
from backoffice.choices import Role
from backoffice.errors import OutOfReach
from backoffice.models import AuditEvent, User
from members.models import StaffCard
from points import policy
from points.choices import AdjustmentStatus
from points.errors import (
    AlreadyReversed,
    BalanceMoved,
    GraceOvertaken,
    InsufficientPoints,
    InvalidPoints,
    KeyReused,
    MemberNotServed,
    NotAllowed,
    NotReversible,
    NotWaiting,
    OwnCard,
    OwnRequest,
)
from points.models import Account, Adjustment, CorrectionLimit, Entry, Lot, StaffDayTotal
from points.services import corrections, expiry, ledger, previews
from tests.conftest import NOON
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.members import MemberFactory
from tests.factories.points import (
    TESTER,
    AccountFactory,
    ProgramFactory,
    context,
    fresh,
    give,
    take,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def clerk(**values: Any) -> User:
    return UserFactory(role=Role.CLERK, **values)


def manager(**values: Any) -> User:
    return UserFactory(role=Role.MANAGER, **values)


def correct(user: User, account: Account, points: int, **values: Any) -> corrections.CorrectionResult:
    return corrections.correct(
        **{
            "account_id": account.pk,
            "points": points,
            "reason": "goodwill",
            "note": "a note",
            "key": f"k{Adjustment.objects.count()}",
            "actor": Actor.staff(user),
            "now": NOON,
            **values,
        }
    )


def undo(user: User, entry_id: int | None, **values: Any) -> corrections.UndoResult:
    assert entry_id is not None
    return corrections.undo_entry(
        **{
            "entry_id": entry_id,
            "points": None,
            "reason": "wrong_redemption",
            "note": "a note",
            "key": "undo-1",
            "actor": Actor.staff(user),
            "now": NOON,
            **values,
        }
    )


def balance(account: Account) -> int:
    account.refresh_from_db()
    return account.balance


class TestCorrect:
    def test_gives_with_reason_note_audit_and_the_programs_deadline(self) -> None:
        account = AccountFactory()
        result = correct(clerk(), account, 200)
        entry = Entry.objects.get(pk=result.entry_id)
        assert (balance(account), entry.reason, entry.note) == (200, "goodwill", "a note")
        assert Lot.objects.get(pk=entry.pk).expires_at is not None
        assert AuditEvent.objects.filter(action="points.correct").count() == 1

    def test_a_deduction_is_refused_below_zero(self) -> None:
        account = AccountFactory()
        give(account, 50)
        assert correct(clerk(), account, -50).status == AdjustmentStatus.APPLIED
        with pytest.raises(InsufficientPoints):
            correct(clerk(), account, -1)
        assert Adjustment.objects.count() == 1

    @pytest.mark.parametrize("points", [0, 10_000_000, -10_000_000, True])
    def test_refuses_numbers_that_are_none(self, points: int) -> None:
        with pytest.raises(InvalidPoints):
            correct(clerk(), AccountFactory(), points)

    def test_the_same_key_has_one_effect_and_only_for_the_same_request(self) -> None:
        account, user = AccountFactory(), clerk()
        first = correct(user, account, 20, key="k")
        again = correct(user, account, 20, key="k")
        assert again.replayed and again.entry_id == first.entry_id and balance(account) == 20
        with pytest.raises(KeyReused):
            correct(user, account, 21, key="k")
        assert StaffDayTotal.objects.get(user=user).given == 20

    def test_the_second_clerk_is_told(self) -> None:
        account = AccountFactory()
        correct(clerk(), account, 20, expected_seq=0)
        with pytest.raises(BalanceMoved):
            correct(clerk(), account, 20, expected_seq=0)
        assert balance(account) == 20

    @pytest.mark.parametrize("role", [Role.MARKETER, Role.FINANCE, Role.AUDITOR, Role.ADMINISTRATOR])
    def test_roles_that_may_not(self, role: Role) -> None:
        with pytest.raises(NotAllowed):
            correct(UserFactory(role=role), AccountFactory(), 10)

    def test_another_brands_member_is_out_of_reach(self) -> None:
        account = AccountFactory(member=MemberFactory(brand=BrandFactory()))
        with pytest.raises(OutOfReach):
            correct(clerk(stores=[StoreFactory()]), account, 10)
        with pytest.raises(OutOfReach):
            correct(clerk(stores=[]), AccountFactory(), 10)

    def test_nobody_corrects_his_own_card(self) -> None:
        account, user = AccountFactory(), clerk()
        StaffCard.objects.create(user=user, member=account.member)
        with pytest.raises(OwnCard):
            correct(user, account, 10)
        spent = take(account, 5) if give(account, 5) else None
        with pytest.raises(OwnCard):
            undo(user, spent.entry_id if spent else None)


class TestApproval:
    def test_a_large_one_waits_for_a_second_person(self) -> None:
        account, user, boss = AccountFactory(), manager(), manager()
        waiting = correct(user, account, policy.APPROVAL_ABOVE + 1)
        assert (waiting.status, waiting.posting, balance(account)) == (AdjustmentStatus.PENDING, None, 0)
        with pytest.raises(OwnRequest):
            corrections.approve(adjustment_id=waiting.adjustment_id, actor=Actor.staff(user), now=NOON)
        with pytest.raises(NotAllowed):
            corrections.approve(adjustment_id=waiting.adjustment_id, actor=Actor.staff(clerk()), now=NOON)
        done = corrections.approve(adjustment_id=waiting.adjustment_id, actor=Actor.staff(boss), now=NOON)
        assert (done.status, balance(account)) == (AdjustmentStatus.APPLIED, 1_001)
        with pytest.raises(NotWaiting):
            corrections.approve(adjustment_id=waiting.adjustment_id, actor=Actor.staff(boss), now=NOON)

    def test_the_approver_of_his_own_card_is_refused(self) -> None:
        account, boss = AccountFactory(), manager()
        StaffCard.objects.create(user=boss, member=account.member)
        waiting = correct(clerk(), account, 1_500)
        with pytest.raises(OwnCard):
            corrections.approve(adjustment_id=waiting.adjustment_id, actor=Actor.staff(boss), now=NOON)

    def test_rejected_requests_have_no_effect(self) -> None:
        account = AccountFactory()
        waiting = correct(clerk(), account, 1_500)
        corrections.reject(
            adjustment_id=waiting.adjustment_id, note="no", actor=Actor.staff(manager()), now=NOON
        )
        with pytest.raises(NotWaiting):
            corrections.approve(adjustment_id=waiting.adjustment_id, actor=Actor.staff(manager()), now=NOON)
        assert balance(account) == 0

    def test_many_small_ones_wait_above_the_daily_limit(self) -> None:
        user = clerk()
        states = [correct(user, AccountFactory(), 999, key=f"d{n}").status for n in range(6)]
        assert states == [AdjustmentStatus.APPLIED] * 5 + [AdjustmentStatus.PENDING]
        tomorrow = correct(user, AccountFactory(), 999, key="t", now=NOON + DAY)
        assert tomorrow.status == AdjustmentStatus.APPLIED


class TestUndo:
    def test_a_redemption_goes_back_to_its_lots(self) -> None:
        account = AccountFactory()
        lot = give(account, 300, expires_at=NOON + 9 * DAY)
        spent = take(account, 200)
        result = undo(clerk(), spent.entry_id)
        assert (result.posting.points, balance(account)) == (200, 300)
        assert Lot.objects.get(pk=lot.entry_id).remaining == 300
        again = undo(clerk(), spent.entry_id)
        assert again.posting.replayed and balance(account) == 300
        with pytest.raises(AlreadyReversed):
            undo(clerk(), spent.entry_id, key="undo-2", points=1)

    def test_an_earning_is_taken_back_by_the_programs_policy(self) -> None:
        account = AccountFactory()
        earned = give(account, 100)
        take(account, 100)
        undo(clerk(), earned.entry_id)
        account.refresh_from_db()
        assert (account.balance, account.debt) == (0, 100)

    def test_other_entries_cannot_be_undone(self) -> None:
        account = AccountFactory()
        corrected = correct(clerk(), account, 10)
        with pytest.raises(NotReversible):
            undo(clerk(), corrected.entry_id)

    def test_the_preview_is_the_act_without_its_effect(self) -> None:
        account, user = AccountFactory(), clerk()
        give(account, 300, expires_at=NOON + DAY)
        spent = take(account, 200)
        seen = previews.preview_undo(
            entry_id=spent.entry_id or 0, points=None, actor=Actor.staff(user), now=NOON + 2 * DAY
        )
        assert (seen.points, seen.balance_before, seen.balance_after, seen.lapsing_points) == (
            200,
            100,
            100,
            200,
        )
        assert balance(account) == 100 and Entry.objects.filter(account=account).count() == 2
        assert not AuditEvent.objects.exists()


class TestGrace:
    def lapsed(self) -> tuple[Account, int]:
        account = AccountFactory()
        give(account, 80, expires_at=NOON - DAY, now=NOON - 5 * DAY)
        list(expiry.expire_all(as_of=NOON, actor=TESTER, now=NOON))
        entry = Entry.objects.get(account=account, kind="expire")
        return account, entry.pk

    def test_gives_lapsed_points_once_more_and_only_once(self) -> None:
        account, entry_id = self.lapsed()
        user = manager()
        first = corrections.grace(
            entry_id=entry_id, days=7, note="sorry", key="a", actor=Actor.staff(user), now=NOON
        )
        second = corrections.grace(
            entry_id=entry_id, days=7, note="sorry", key="b", actor=Actor.staff(user), now=NOON
        )
        assert second.replayed and second.entry_id == first.entry_id and balance(account) == 80
        # Seven local days from 15 June: usable through the 22nd in Taipei.
        assert Lot.objects.get(pk=first.entry_id).expires_at.isoformat() == "2026-06-22T16:00:00+00:00"

    def test_refused_grace_may_be_asked_for_again_and_given_once(self) -> None:
        account = AccountFactory()
        give(account, 2_000, expires_at=NOON - DAY, now=NOON - 5 * DAY)
        list(expiry.expire_all(as_of=NOON, actor=TESTER, now=NOON))
        lapse = Entry.objects.get(account=account, kind="expire")
        first, second, boss = manager(), manager(), Actor.staff(manager())

        def ask(user: User, key: str) -> corrections.CorrectionResult:
            actor = Actor.staff(user)
            return corrections.grace(entry_id=lapse.pk, days=7, note="", key=key, actor=actor, now=NOON)

        refused = ask(first, "a")
        corrections.reject(adjustment_id=refused.adjustment_id, note="no", actor=boss, now=NOON)
        # The refused form, sent once more, is still refused; a new one is a new request.
        again = ask(first, "a")
        assert (again.adjustment_id, again.status) == (refused.adjustment_id, AdjustmentStatus.REJECTED)
        asked = ask(first, "b")
        assert asked.status == AdjustmentStatus.PENDING and asked.adjustment_id != refused.adjustment_id
        assert ask(second, "c").adjustment_id == asked.adjustment_id
        corrections.approve(adjustment_id=asked.adjustment_id, actor=boss, now=NOON)
        given = ask(second, "d")
        assert given.replayed and given.adjustment_id == asked.adjustment_id and balance(account) == 2_000
        with pytest.raises(IntegrityError), transaction.atomic():
            Adjustment.objects.create(
                account=account, points=1, reason="grace", key="x", status="approved", lapse=lapse,
                requested_by=first, created_at=NOON,
            )  # fmt: skip

    def test_grace_that_was_asked_for_twice_goes_with_the_goods_too(self) -> None:
        """What was given on the second request is in another lot, and is not taken as lapsed once more."""
        account, lapse_id = self.lapsed()
        give(account, 500)
        earned = Entry.objects.get(account=account, kind="earn", points=80)
        CorrectionLimit.objects.all().delete()
        CorrectionLimit.objects.create(role="", per_request=50)
        for key, verb in (("a", corrections.reject), ("b", corrections.approve)):
            asked = corrections.grace(
                entry_id=lapse_id, days=7, note="", key=key, actor=Actor.staff(manager()), now=NOON
            )
            verb(adjustment_id=asked.adjustment_id, note="", actor=Actor.staff(manager()), now=NOON)
        assert balance(account) == 580
        ledger.reverse_credit(entry_id=earned.pk, points=80, source=fresh("return"), context=context())
        assert balance(account) == 500

    def test_needs_its_permission_and_a_lapse(self) -> None:
        account, entry_id = self.lapsed()
        with pytest.raises(NotAllowed):
            corrections.grace(
                entry_id=entry_id,
                days=7,
                note="",
                key="a",
                actor=Actor.staff(UserFactory(role=Role.FINANCE)),
                now=NOON,
            )
        earned = give(account, 10)
        with pytest.raises(NotReversible):
            corrections.grace(
                entry_id=earned.entry_id or 0,
                days=7,
                note="",
                key="a",
                actor=Actor.staff(manager()),
                now=NOON,
            )

    def test_what_was_given_by_grace_goes_with_the_goods_that_earned_it(self) -> None:
        account = AccountFactory()
        earned = give(account, 80, expires_at=NOON - DAY, now=NOON - 5 * DAY)
        list(expiry.expire_all(as_of=NOON, actor=TESTER, now=NOON))
        lapse = Entry.objects.get(account=account, kind="expire")
        corrections.grace(entry_id=lapse.pk, days=7, note="", key="a", actor=Actor.staff(manager()), now=NOON)
        ledger.reverse_credit(
            entry_id=earned.entry_id or 0, points=80, source=fresh("return"), context=context()
        )
        account.refresh_from_db()
        assert (account.balance, account.debt) == (0, 0)

    def test_a_lapse_that_was_undone_with_its_earning_is_not_granted_again(self) -> None:
        account, entry_id = self.lapsed()
        earned = Entry.objects.get(account=account, kind="earn")
        ledger.reverse_credit(entry_id=earned.pk, points=80, source=fresh("return"), context=context())
        with pytest.raises(NotReversible):
            corrections.grace(
                entry_id=entry_id, days=7, note="", key="a", actor=Actor.staff(manager()), now=NOON
            )

    def test_a_waiting_grace_is_judged_again_when_it_is_approved(self) -> None:
        """Goods came back while the request waited: the points that lapsed have left with them."""
        account = AccountFactory()
        earned = give(account, 2_000, expires_at=NOON - DAY, now=NOON - 5 * DAY)
        list(expiry.expire_all(as_of=NOON, actor=TESTER, now=NOON))
        lapse = Entry.objects.get(account=account, kind="expire")
        asked = corrections.grace(
            entry_id=lapse.pk, days=7, note="", key="a", actor=Actor.staff(manager()), now=NOON
        )
        assert asked.status == AdjustmentStatus.PENDING
        ledger.reverse_credit(
            entry_id=earned.entry_id or 0, points=500, source=fresh("return"), context=context()
        )
        with pytest.raises(GraceOvertaken) as refusal, transaction.atomic():
            corrections.approve(
                adjustment_id=asked.adjustment_id, actor=Actor.staff(manager()), now=NOON + DAY
            )
        assert refusal.value.details == {"left": 1_500}
        assert Adjustment.objects.get(pk=asked.adjustment_id).status == AdjustmentStatus.PENDING
        account.refresh_from_db()
        assert (account.balance, account.debt) == (0, 0)


class TestNotes:
    """Entries and requests stay for ever: a phone in a note would outlive the erasure of its owner."""

    NOTE = "customer ０９１２－３４５－６７８ called"
    KEPT = "customer ***６７８ called"

    def test_a_correction_keeps_no_phone(self) -> None:
        done = correct(clerk(), AccountFactory(), 10, note=self.NOTE)
        assert Adjustment.objects.get(pk=done.adjustment_id).note == self.KEPT
        assert Entry.objects.get(pk=done.entry_id).note == self.KEPT

    def test_an_undone_entry_and_grace_keep_none_either(self) -> None:
        account = AccountFactory()
        give(account, 10)
        undone = undo(clerk(), take(account, 10).entry_id, note=self.NOTE)
        assert Entry.objects.get(pk=undone.posting.entry_id).note == self.KEPT
        give(account, 80, expires_at=NOON - DAY, now=NOON - 5 * DAY)
        list(expiry.expire_all(as_of=NOON, actor=TESTER, now=NOON))
        lapse = Entry.objects.get(account=account, kind="expire")
        granted = corrections.grace(
            entry_id=lapse.pk, days=7, note=self.NOTE, key="a", actor=Actor.staff(manager()), now=NOON
        )
        assert Adjustment.objects.get(pk=granted.adjustment_id).note == self.KEPT


class TestSystemKeys:
    def test_staff_cannot_take_the_keys_of_the_system(self) -> None:
        account = AccountFactory()
        give(account, 80, expires_at=NOON - DAY, now=NOON - 5 * DAY)
        list(expiry.expire_all(as_of=NOON, actor=TESTER, now=NOON))
        lapse = Entry.objects.get(account=account, kind="expire")
        correct(clerk(), account, 1, key=f"grace:{lapse.pk}")
        granted = corrections.grace(
            entry_id=lapse.pk, days=7, note="", key="a", actor=Actor.staff(manager()), now=NOON
        )
        assert granted.posting is not None and balance(account) == 81

    def test_the_numbers_of_the_database_are_those_of_the_policy(self) -> None:
        CorrectionLimit.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM points_limits_v1(%s)", [clerk().pk])
            assert cursor.fetchone() == (
                policy.APPROVAL_ABOVE,
                policy.RECEIVER_GIVEN,
                policy.DAILY_GIVEN,
                policy.STORE_GIVEN,
                policy.MUTUAL_ABOVE,
                policy.MUTUAL_DAYS,
            )


class TestGoneMembers:
    @pytest.mark.parametrize("status", ["erased", "merged"])
    def test_their_entries_are_not_undone(self, status: str) -> None:
        account = AccountFactory()
        give(account, 10)
        spent = take(account, 10)
        gone: dict[str, Any] = {"status": status}
        if status == "erased":
            gone |= {"phone": "", "name": "", "erased_at": NOON}
        else:
            gone["merged_into"] = MemberFactory()
        type(account.member).objects.filter(pk=account.member_id).update(**gone)
        with pytest.raises(MemberNotServed):
            undo(clerk(), spent.entry_id)
        assert balance(account) == 0

    def test_an_undo_that_finds_nothing_says_so(self) -> None:
        account = AccountFactory(program=ProgramFactory(debt_policy="clamp"))
        earned = give(account, 10)
        take(account, 10)
        with pytest.raises(InsufficientPoints):
            undo(clerk(), earned.entry_id)
        assert not AuditEvent.objects.exists()
