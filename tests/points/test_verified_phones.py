"""Paper-form members (S29b): without a verified phone points are earned, not spent, held or given."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backoffice.actors import Actor
from backoffice.choices import Role
from members.models import Member
from members.services.phone_numbers import change_phone, verify_phone
from points.errors import MemberNotServed, PhoneNotVerified
from points.models import Account, Entry, Hold, Program
from points.services import bills, corrections, ledger
from tests.conftest import NOON
from tests.factories.backoffice import UserFactory
from tests.factories.members import MemberFactory
from tests.factories.points import TESTER, AccountFactory, ProgramFactory, context, fresh, give, take

pytestmark = pytest.mark.django_db


def account(*, verified: bool = False, asks: bool = True) -> Account:
    member = MemberFactory(source="paper", phone_verified_at=NOON if verified else None)
    return AccountFactory(member=member, program=ProgramFactory(spend_needs_verified_phone=asks))


def hold(account: Account) -> ledger.HoldState:
    return ledger.hold(
        account_id=account.pk,
        points=10,
        source=fresh("cart"),
        expires_at=NOON.replace(day=16),
        context=context(),
    )


def test_a_program_asks_for_it_unless_it_says_otherwise() -> None:
    assert Program().spend_needs_verified_phone is True


def test_an_unverified_member_earns_and_neither_spends_holds_nor_gives_away() -> None:
    mine, other = account(), None
    other = AccountFactory(program=mine.program)
    give(mine, 100)
    with pytest.raises(PhoneNotVerified, match="Verify it"):
        take(mine, 10)
    with pytest.raises(PhoneNotVerified):
        hold(mine)
    with pytest.raises(PhoneNotVerified):
        bills.pay(account_id=mine.pk, amount=Decimal(100), points=60, source=fresh(), actor=TESTER, now=NOON)
    with pytest.raises(PhoneNotVerified):
        ledger.transfer(
            from_account_id=mine.pk, to_account_id=other.pk, points=10, source=fresh(), context=context()
        )
    mine.refresh_from_db()
    assert (mine.balance, mine.held, mine.seq) == (100, 0, 1)
    assert not Hold.objects.exists() and Entry.objects.count() == 1


def test_the_code_by_text_message_opens_the_points_and_a_new_phone_closes_them() -> None:
    mine = account()
    give(mine, 100)
    verify_phone(member=mine.member, phone=mine.member.phone, actor=TESTER, now=NOON)
    assert take(mine, 10).balance == 90
    change_phone(member=mine.member, phone="0987654321", reason="new", actor=TESTER, now=NOON)
    with pytest.raises(PhoneNotVerified):
        take(mine, 10)


def test_control_a_verified_member_and_a_program_that_does_not_ask() -> None:
    for mine in (account(verified=True), account(asks=False)):
        give(mine, 100)
        assert take(mine, 10).balance == 90
        assert hold(mine).held == 10


def test_staff_still_correct_and_a_merge_still_moves_his_points() -> None:
    mine = account()
    give(mine, 100)
    clerk = UserFactory(role=Role.CLERK)
    done = corrections.correct(
        account_id=mine.pk,
        points=-30,
        reason="wrong_earn",
        note="",
        key="k",
        actor=Actor.staff(clerk),
        now=NOON,
    )
    assert done.posting is not None and done.posting.balance == 70
    survivor = AccountFactory(program=mine.program)
    ledger.transfer(
        from_account_id=mine.pk, to_account_id=survivor.pk, points=None, source=fresh(), context=context()
    )
    survivor.refresh_from_db()
    assert survivor.balance == 70


def test_what_was_spent_before_answers_again_and_a_frozen_member_hears_that_first() -> None:
    mine, source = account(verified=True), fresh()
    give(mine, 100)
    take(mine, 10, source=source)
    Member.objects.update(phone_verified_at=None)
    assert take(mine, 10, source=source).replayed
    Member.objects.filter(pk=mine.member_id).update(status="frozen")
    with pytest.raises(MemberNotServed):
        take(mine, 10)
