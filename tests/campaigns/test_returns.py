"""Goods that come back: exact shares, the stored award, waiting points, spent points, small change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import translation

from backoffice.actors import Actor
from campaigns.errors import NoSuchPurchase
from campaigns.explaining import sentences
from campaigns.models import Award, AwardReturn, Carry
from campaigns.services.confirming import confirm_due
from members.errors import ReturnExceedsPayment
from members.models import Member, PurchaseReturn
from members.purchase_data import LineData, ReceiptKey, ReturnLineData
from points.choices import DebtPolicy
from points.models import Account, Entry, PendingCredit
from points.services import ledger
from tests.factories.backoffice import StoreFactory
from tests.factories.campaigns import NOON, bring_back, settle
from tests.factories.members import MemberFactory
from tests.factories.points import ProgramFactory, context, give, take

JOB = Actor.job("test")
pytestmark = pytest.mark.django_db


def account(member: Any) -> Account:
    return Account.objects.get(member=member)


def test_three_partial_returns_take_exactly_what_was_granted() -> None:
    ProgramFactory(earn_amount=3)
    member = MemberFactory()
    bought = settle(StoreFactory(), member, "100").purchase_id  # 33 points
    taken = [bring_back(bought, part).taken[0].taken for part in ("33.33", "33.33", "33.34")]
    assert taken == [10, 11, 12]
    assert (account(member).balance, Award.objects.get().returned) == (0, 33)
    reversals = Entry.objects.filter(kind="reverse_earn")
    assert reversals.count() == 3
    assert all(entry.reverses_id == Award.objects.get().entry_id for entry in reversals)


def test_the_rule_of_the_day_of_sale_counts() -> None:
    program, member = ProgramFactory(), MemberFactory()
    bought = settle(StoreFactory(), member, "50").purchase_id
    program.earn_points, program.version = 2, 2
    program.save()
    assert bring_back(bought, "50").taken[0].taken == 50
    assert account(member).balance == 0
    assert AwardReturn.objects.get().explanation["version"] == 1


def test_a_return_told_again_answers_the_stored_one() -> None:
    ProgramFactory()
    member = MemberFactory()
    bought = settle(StoreFactory(), member, "100").purchase_id
    first = bring_back(bought, "40", return_no="T1")
    again = bring_back(bought, "40", return_no="T1")
    assert (again.replayed, again.taken, again.return_id) == (True, first.taken, first.return_id)
    assert account(member).balance == 60


def test_lines_say_how_much_came_back() -> None:
    ProgramFactory()
    member = MemberFactory()
    lines = (LineData(1, Decimal(60), Decimal(2)), LineData(2, Decimal(40)))
    bought = settle(StoreFactory(), member, "100", lines=lines).purchase_id
    back = bring_back(bought, None, lines=[ReturnLineData(1, Decimal(1), Decimal(30))])
    assert (back.taken[0].taken, PurchaseReturn.objects.get().amount) == (30, 30)


def test_more_than_was_paid_is_refused_and_nothing_taken() -> None:
    ProgramFactory()
    member = MemberFactory()
    bought = settle(StoreFactory(), member, "100").purchase_id
    bring_back(bought, "60")
    with pytest.raises(ReturnExceedsPayment):
        bring_back(bought, "40.01")
    assert (account(member).balance, PurchaseReturn.objects.count()) == (40, 1)


def test_an_unknown_receipt_is_refused() -> None:
    ProgramFactory()
    bought = settle(StoreFactory(), MemberFactory(), "100").purchase_id
    with pytest.raises(NoSuchPurchase):
        bring_back(bought, "10", receipt=ReceiptKey("pos", "nobody"))


def test_a_purchase_without_a_member_is_returned_without_points() -> None:
    ProgramFactory()
    bought = settle(StoreFactory(), None, "100").purchase_id
    assert bring_back(bought, "100").taken == ()


# --- Waiting points (S87) -----------------------------------------------------------------------------------
def test_a_return_while_points_wait_never_touches_the_balance() -> None:
    program, member = ProgramFactory(pending_days=7), MemberFactory()
    bought = settle(StoreFactory(), member, "100").purchase_id
    assert bring_back(bought, "100").taken[0].taken == 100
    assert not Entry.objects.exists()
    assert Award.objects.get().status == "cancelled"
    assert PendingCredit.objects.get().status == "cancelled"
    assert account(member).pending == 0
    assert confirm_due(actor=JOB, now=NOON + timedelta(days=9)) == 0
    assert program.accounts.get().balance == 0


def test_a_part_returned_while_waiting_and_the_rest_afterwards() -> None:
    ProgramFactory(pending_days=7)
    member = MemberFactory()
    bought = settle(StoreFactory(), member, "100").purchase_id
    bring_back(bought, "30")
    confirm_due(actor=JOB, now=NOON + timedelta(days=9))
    assert account(member).balance == 70
    assert bring_back(bought, "70").taken[0].taken == 70
    assert (account(member).balance, Award.objects.get().returned) == (0, 100)


def test_points_confirmed_by_another_hand_are_found_in_the_ledger() -> None:
    ProgramFactory(pending_days=7)
    member = MemberFactory()
    bought = settle(StoreFactory(), member, "100").purchase_id
    ledger.confirm_pending(pending_id=PendingCredit.objects.get().pk, context=context())
    assert bring_back(bought, "100").taken[0].taken == 100
    assert (account(member).balance, Award.objects.get().status) == (0, "posted")


# --- Points that are spent already --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("policy", "taken", "debt", "withhold"),
    [
        (DebtPolicy.DEBT, 120, 90, "0.00"),
        (DebtPolicy.CLAMP, 30, 0, "0.00"),
        (DebtPolicy.REDUCE_REFUND, 30, 0, "3.00"),
    ],
)
def test_spent_points_follow_the_policy(policy: str, taken: int, debt: int, withhold: str) -> None:
    ProgramFactory(debt_policy=policy)
    member = MemberFactory()
    bought = settle(StoreFactory(), member, "120").purchase_id
    take(account(member), 90)
    back = bring_back(bought, "120")
    (part,) = back.taken
    assert (part.asked, part.taken, part.debt) == (120, taken, debt)
    assert back.withhold == Decimal(withhold)
    now = account(member)
    assert (now.balance, now.debt) == (0, debt)
    assert any("90" in line for line in sentences(AwardReturn.objects.get().explanation))


def test_when_nothing_can_be_taken_there_is_no_entry_but_a_reason() -> None:
    ProgramFactory(debt_policy=DebtPolicy.CLAMP)
    member = MemberFactory()
    bought = settle(StoreFactory(), member, "100").purchase_id
    take(account(member), 100)
    assert bring_back(bought, "50").taken[0].taken == 0
    row = AwardReturn.objects.get()
    assert (row.asked, row.points, row.entry_id) == (50, 0, None)
    # What was let go once is not asked for again.
    give(account(member), 500, source=ledger.Source("gift", "1"))
    assert bring_back(bought, "50").taken[0].taken == 50
    assert account(member).balance == 450


def test_what_staff_have_undone_is_not_taken_twice() -> None:
    ProgramFactory()
    member = MemberFactory()
    bought = settle(StoreFactory(), member, "100").purchase_id
    ledger.reverse_credit(
        entry_id=Award.objects.get().entry_id,
        points=80,
        source=ledger.Source("undo", "1"),
        context=context(),
    )
    assert bring_back(bought, "100").taken[0].taken == 20
    assert (account(member).balance, account(member).debt) == (0, 0)
    assert AwardReturn.objects.get().explanation["undone"] == 80
    with translation.override("en"):
        words = sentences(AwardReturn.objects.get().explanation)
    assert "80 points had been undone before by staff." in words
    assert not any("let go" in line for line in words)


def test_a_merged_member_s_return_is_paid_by_whom_he_has_become() -> None:
    program, old, survivor = ProgramFactory(), MemberFactory(), MemberFactory()
    bought = settle(StoreFactory(), old, "100").purchase_id
    target = ledger.open_account(member_id=survivor.pk, program_id=program.pk, now=NOON)
    ledger.transfer(
        from_account_id=account(old).pk,
        to_account_id=target,
        points=None,
        source=ledger.Source("merge", "1"),
        context=context(),
    )
    Member.objects.filter(pk=old.pk).update(status="merged", merged_into=survivor, phone="")
    assert bring_back(bought, "30").taken[0].taken == 30
    assert (account(old).balance, account(old).debt) == (0, 0)
    assert (account(survivor).balance, account(survivor).debt) == (70, 0)


# --- Small change (N23) -------------------------------------------------------------------------------------
def test_the_star_goes_with_the_30_that_made_it() -> None:
    ProgramFactory(earn_amount=50, carry_over=True)
    store, member = StoreFactory(), MemberFactory()
    first = settle(store, member, "30").purchase_id
    settle(store, member, "20")
    assert account(member).balance == 1
    back = bring_back(first, "30")
    assert (account(member).balance, Carry.objects.get().amount) == (0, 20)
    assert [part.taken for part in back.taken] == [0, 1]
    for row in AwardReturn.objects.all():
        assert sentences(row.explanation)


def test_small_change_pays_first() -> None:
    ProgramFactory(earn_amount=50, carry_over=True)
    store, member = StoreFactory(), MemberFactory()
    bought = settle(store, member, "90").purchase_id  # 1 star, 40 wait
    bring_back(bought, "40")
    assert (account(member).balance, Carry.objects.get().amount) == (1, 0)
    bring_back(bought, "10")
    assert (account(member).balance, Carry.objects.get().amount) == (0, 40)


def test_a_purchase_that_came_back_whole_keeps_no_star() -> None:
    ProgramFactory(earn_amount=50, carry_over=True)
    store, member = StoreFactory(), MemberFactory()
    settle(store, member, "30")
    bought = settle(store, member, "20").purchase_id  # the star hangs on this receipt
    settle(store, member, "30")
    bring_back(bought, "20")
    award = Award.objects.get(purchase=bought)
    assert award.points - award.returned == 0
    # 60 were paid: more than a unit waits until the next purchase turns it into the star.
    assert (account(member).balance, Carry.objects.get().amount) == (0, 60)
    settle(store, member, "1")
    assert (account(member).balance, Carry.objects.get().amount) == (1, 11)


# --- The books ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE campaigns_award SET points = points + 1",
        "UPDATE campaigns_award SET returned = 0 WHERE returned > 0",
        "UPDATE campaigns_award SET explanation = '{}'",
        "UPDATE campaigns_award SET status = 'cancelled'",
        "DELETE FROM campaigns_award",
        "UPDATE campaigns_awardreturn SET points = 0",
        "DELETE FROM campaigns_awardreturn",
    ],
)
def test_what_was_granted_and_taken_is_history(change: str) -> None:
    ProgramFactory()
    bought = settle(StoreFactory(), MemberFactory(), "100").purchase_id
    bring_back(bought, "50")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_returns_at_once_are_exact(together: Callable[..., list[Any]]) -> None:
    ProgramFactory(earn_amount=3)
    member = MemberFactory()
    bought = settle(StoreFactory(), member, "100").purchase_id
    answers = together(
        [lambda part=part: bring_back(bought, part) for part in ("25", "25", "25", "25", "10")]
    )
    refused = [answer for answer in answers if isinstance(answer, ReturnExceedsPayment)]
    assert len(refused) == 1
    total = sum(answer.taken[0].taken for answer in answers if answer not in refused)
    returned = PurchaseReturn.objects.values_list("amount", flat=True)
    assert total == (33 if sum(returned) == 100 else 33 * 85 // 100)
    assert account(member).balance == 33 - total
    assert Award.objects.get().returned == total


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_return_and_the_confirmation_at_once_agree(together: Callable[..., list[Any]]) -> None:
    ProgramFactory(pending_days=1)
    member = MemberFactory()
    bought = settle(StoreFactory(), member, "100").purchase_id
    later = NOON + timedelta(days=5)
    answers = together([lambda: bring_back(bought, "100"), lambda: confirm_due(actor=JOB, now=later)])
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    now = account(member)
    assert (now.balance, now.debt, now.pending, Award.objects.get().returned) == (0, 0, 0, 100)
