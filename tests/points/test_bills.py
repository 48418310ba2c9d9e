"""Points that pay a bill: the paper's example, 60 points for 2.00, in both orders."""

from __future__ import annotations

from decimal import Decimal

import pytest

from points.errors import BillOutOfRange, InsufficientPoints
from points.models import Account, Entry
from points.services import bills
from tests.conftest import NOON
from tests.factories.points import TESTER, AccountFactory, ProgramFactory, fresh, give

pytestmark = pytest.mark.django_db
TEN = Decimal("10.00")


@pytest.fixture
def account() -> Account:
    account = AccountFactory(program=ProgramFactory(cash_points=60, cash_amount=Decimal("2.00")))
    give(account, 120)
    return account


def pay(account: Account, points: int, **values: object) -> bills.BillPaid:
    return bills.pay(
        **{  # type: ignore[arg-type]
            "account_id": account.pk,
            "amount": TEN,
            "points": points,
            "source": fresh("bill"),
            "actor": TESTER,
            "now": NOON,
            **values,
        }
    )


def test_points_first_then_cash(account: Account) -> None:
    offer = bills.offer(account_id=account.pk, amount=TEN)
    assert offer.points_first == (120, Decimal("6.00"))
    paid = pay(account, 120)
    assert (paid.worth, paid.rest, paid.posting.balance) == (Decimal("4.00"), Decimal("6.00"), 0)


def test_the_entry_keeps_points_worth_and_ratio(account: Account) -> None:
    paid = pay(account, 60)
    entry = Entry.objects.get(pk=paid.posting.entry_id)
    assert entry.points == -60
    assert entry.explanation == {
        "rule": "bill",
        "amount": "10.00",
        "worth": "2.00",
        "cash_points": 60,
        "cash_amount": "2.00",
        "rule_version": 1,
    }


def test_cash_first_then_points(account: Account) -> None:
    assert bills.points_for_rest(account_id=account.pk, amount=TEN, cash=Decimal("8.00")) == 60
    with pytest.raises(InsufficientPoints) as refused:
        bills.points_for_rest(account_id=account.pk, amount=TEN, cash=Decimal("4.00"))
    assert refused.value.details == {"needed": 180, "available": 120}


def test_the_member_chooses_any_amount_up_to_the_most(account: Account) -> None:
    assert pay(account, 7).rest == Decimal("9.77")
    with pytest.raises(InsufficientPoints):
        pay(account, 114)
    with pytest.raises(BillOutOfRange):
        pay(account, 301)  # more than the bill
    assert Entry.objects.filter(kind="spend").count() == 1


def test_a_repeated_payment_is_one_payment(account: Account) -> None:
    source = fresh("bill")
    first = pay(account, 60, source=source)
    assert pay(account, 60, source=source).posting.replayed
    account.refresh_from_db()
    assert (first.posting.balance, account.balance) == (60, 60)


def test_a_bill_that_allows_no_points_offers_none() -> None:
    poor = AccountFactory(program=ProgramFactory(min_spend=100))
    give(poor, 99)
    offer = bills.offer(account_id=poor.pk, amount=TEN)
    assert (offer.least, offer.most, offer.points_first) == (100, 0, (0, TEN))
