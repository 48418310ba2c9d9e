"""What a person is told that he may still give today is what the ledger will let him give."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.translation import override

from backoffice.choices import Reach
from members.models import Member
from points.admin.correction_forms import bounds_of
from points.choices import AdjustmentStatus
from points.reporting.allowance import Allowance, Room, allowance
from tests.conftest import NOON
from tests.factories.backoffice import StoreFactory
from tests.factories.members import MemberFactory
from tests.factories.points import AccountFactory
from tests.points.test_limits import allow, ask, clerk

pytestmark = pytest.mark.django_db


def test_what_is_left_shrinks_with_what_was_given_today() -> None:
    allow("clerk", per_request=300, per_receiver_day=500, per_clerk_day=800, per_store_day=1000)
    here, there = StoreFactory(name="信義店"), StoreFactory(name="公館店")
    mine = clerk(reach=Reach.STORES, stores=[here])
    his = clerk(reach=Reach.STORES, stores=[here, there])
    account, other = AccountFactory(), AccountFactory()
    fresh = allowance(user=mine, account_id=account.pk, now=NOON)
    assert fresh == Allowance(300, Room(500, 500), Room(800, 800), Room(1000, 1000), "信義店")
    ask(mine, account, 200)
    ask(his, account, 100)
    ask(mine, account, -50)
    ask(mine, other, 300)
    left = allowance(user=mine, account_id=account.pk, now=NOON)
    assert left == Allowance(300, Room(500, 200), Room(800, 300), Room(1000, 400), "信義店")
    assert left.now == 200
    # Of two stores the one with less room is told.
    assert allowance(user=his, account_id=other.pk, now=NOON).store == Room(1000, 400)
    # Another day begins anew, at midnight in Taipei.
    assert allowance(user=mine, account_id=account.pk, now=NOON + timedelta(days=1)) == fresh


def test_exactly_what_is_left_is_given_at_once_and_one_more_waits() -> None:
    allow("clerk", per_request=900, per_receiver_day=700)
    user, account = clerk(), AccountFactory()
    ask(user, account, 450)
    left = allowance(user=user, account_id=account.pk, now=NOON)
    assert (left.now, left.shop) == (250, "")
    assert ask(user, account, left.now + 1).status == AdjustmentStatus.PENDING
    assert ask(user, account, left.now).status == AdjustmentStatus.APPLIED
    assert allowance(user=user, account_id=account.pk, now=NOON).now == 0


def test_a_person_is_all_his_accounts_and_those_merged_into_him() -> None:
    member, gone = MemberFactory(), MemberFactory()
    first, second = AccountFactory(member=member), AccountFactory(member=member)
    old, user = AccountFactory(member=gone), clerk()
    ask(user, first, 100)
    ask(user, old, 50)
    Member.objects.filter(pk=gone.pk).update(status="merged", merged_into=member)
    assert allowance(user=user, account_id=second.pk, now=NOON).member.left == 5000 - 150


def test_a_limit_that_was_tightened_below_what_was_given_leaves_nothing() -> None:
    user, account = clerk(), AccountFactory()
    ask(user, account, 600)
    allow("clerk", per_clerk_day=500)
    left = allowance(user=user, account_id=account.pk, now=NOON)
    assert (left.person, left.now) == (Room(500, 0), 0)
    with override("en"):
        told = bounds_of(left)
        assert [used_up for _label, _value, used_up in told.figures] == [False, False, True, False]
        assert "Nothing is left for today" in str(told.beyond)
