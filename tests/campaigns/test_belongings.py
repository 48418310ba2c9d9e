"""A merge takes waiting awards and small change along, before the ledger moves the points."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import transaction

from backoffice.models import Store
from campaigns.models import Award, Carry
from campaigns.services import belongings, confirming
from members.models import Member
from members.sockets import lifecycles
from points.errors import MemberNotServed, PointsWaiting
from points.models import Account, PendingCredit, Program
from points.services import membership
from tests.factories.backoffice import StoreFactory
from tests.factories.campaigns import NOON, bring_back, settle
from tests.factories.members import MemberFactory
from tests.factories.points import TESTER, ProgramFactory

pytestmark = pytest.mark.django_db
NT = Decimal


@pytest.fixture
def store() -> Store:
    return StoreFactory()


def merge(duplicate: Member, survivor: Member) -> None:
    """What a merge does with what hangs on the members, in the order of the lifecycles."""
    for lifecycle in lifecycles():
        if lifecycle.absorb and lifecycle.key in ("campaigns", "points"):
            lifecycle.absorb(duplicate=duplicate, survivor=survivor, actor=TESTER, now=NOON)
    Member.objects.filter(pk=duplicate.pk).update(status="merged", merged_into=survivor)


def waiting_program() -> Program:
    return ProgramFactory(pending_days=7)


def test_waiting_points_wait_on_for_the_survivor_and_are_confirmed_there(store: Store) -> None:
    program, old, new = waiting_program(), MemberFactory(), MemberFactory()
    settled = settle(store, old, "100")
    before = PendingCredit.objects.get()
    merge(old, new)
    award = Award.objects.get(purchase=settled.purchase_id)
    mine = Account.objects.get(member=new, program=program)
    assert (award.account_id, award.status, mine.pending) == (mine.pk, "pending", 100)
    assert award.pending is not None and award.pending.confirm_at == before.confirm_at
    assert Account.objects.get(member=old).pending == 0
    later = before.confirm_at
    assert confirming.confirm_due(actor=TESTER, now=later) == 1
    mine.refresh_from_db()
    assert (mine.balance, mine.pending) == (100, 0)
    assert confirming.confirm_due(actor=TESTER, now=later) == 0


def test_what_waits_after_a_partial_return_is_what_moves(store: Store) -> None:
    waiting_program()
    old, new = MemberFactory(), MemberFactory()
    settled = settle(store, old, "100")
    bring_back(settled.purchase_id, "30")
    merge(old, new)
    assert Account.objects.get(member=new).pending == 70
    bring_back(settled.purchase_id, "70")
    assert Account.objects.get(member=new).pending == 0
    assert Award.objects.get().status == "cancelled"


def test_small_change_is_added_to_the_survivors(store: Store) -> None:
    program = ProgramFactory(earn_amount=NT("50"), carry_over=True)
    old, new = MemberFactory(), MemberFactory()
    settle(store, old, "30")
    settle(store, new, "15")
    merge(old, new)
    mine = Account.objects.get(member=new, program=program)
    assert Carry.objects.get(account=mine).amount == NT("45.00")
    assert Carry.objects.get(account__member=old).amount == NT("0.00")
    assert settle(store, new, "5").rewards[0].points == 1


def test_the_ledger_alone_still_refuses_while_anything_waits(store: Store) -> None:
    waiting_program()
    old, new = MemberFactory(), MemberFactory()
    settle(store, old, "100")
    with pytest.raises(PointsWaiting), transaction.atomic():
        membership.absorb(duplicate_id=old.pk, survivor_id=new.pk, actor=TESTER, now=NOON)
    order = [lifecycle.key for lifecycle in lifecycles()]
    assert order.index("campaigns") < order.index("points")


def test_a_frozen_survivor_is_given_nothing_and_nothing_moves(store: Store) -> None:
    waiting_program()
    old, new = MemberFactory(), MemberFactory(frozen=True)
    settle(store, old, "100")
    with pytest.raises(MemberNotServed):
        belongings.absorb(duplicate_id=old.pk, survivor_id=new.pk, actor=TESTER, now=NOON)
    assert Account.objects.get(member=old).pending == 100
