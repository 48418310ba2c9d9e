"""Receipts in bulk: the same books as one by one, safe to repeat, nothing for what differs."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from backoffice.errors import OutOfReach
from campaigns.models import Award, Carry
from campaigns.services.bulk_settlement import settle_many
from campaigns.services.settlement import settle_purchase
from members.models import Purchase, PurchaseLine
from members.purchase_data import LineData, PurchaseData
from points.choices import ExpiryPolicy
from points.models import Account, Entry, LotExtension
from points.services import ledger
from tests.factories.backoffice import StoreFactory
from tests.factories.campaigns import NOON, TILL, books, receipt
from tests.factories.members import MemberFactory
from tests.factories.points import ProgramFactory, context, give, take

pytestmark = pytest.mark.django_db

PROGRAMS: list[dict[str, Any]] = [
    {},
    {"earn_amount": 3, "rounding": "half_up", "earn_points": 2},
    {"earn_amount": 50, "carry_over": True},
    {"earn_amount": 7, "pending_days": 5},
    {"expiry_policy": ExpiryPolicy.SLIDING, "expiry_value": 24},
    {"spendable": False, "expiry_policy": ExpiryPolicy.NEVER},
    {"is_active": False},
]


def receipts(store: Any, members: list[Any], seed: int, most: int = 60) -> list[PurchaseData]:
    chance = random.Random(seed)
    return [
        receipt(
            store,
            chance.choice(members),
            Decimal(chance.choice([0, chance.randint(1, 99), chance.randint(100, 50_000)])).scaleb(-2),
            receipt_no=f"{seed}-{number}",
            purchased_at=NOON + timedelta(minutes=chance.randint(-400_000, 0)),
            lines=(LineData(1, Decimal(1), category="茶"),) if number % 3 == 0 else (),
        )
        for number in range(most)
    ]


def world() -> tuple[Any, list[Any], list[Any]]:
    """Every kind of program, members of every standing, and one who owes points."""
    store = StoreFactory()
    programs = [ProgramFactory(brand=store.brand, **values) for values in PROGRAMS]
    members = [None, MemberFactory(), MemberFactory(), MemberFactory(), MemberFactory(frozen=True)]
    accounts = [
        Account.objects.create(member=members[1], program=program, opened_at=NOON)
        for program in (programs[0], programs[-1])
    ]
    gift = give(accounts[0], 500, source=ledger.Source("gift", "1"))
    take(accounts[0], 500)
    ledger.reverse_credit(
        entry_id=gift.entry_id or 0, points=500, source=ledger.Source("gift", "1"), context=context()
    )
    return store, members, programs


def test_the_same_books_as_one_by_one() -> None:
    store, members, programs = world()
    told = receipts(store, members, 7)
    with transaction.atomic():
        for one in told:
            settle_purchase(receipt=one, actor=TILL, now=NOON)
        one_by_one = books(programs)
        lines = PurchaseLine.objects.count()
        transaction.set_rollback(True)
    first = settle_many(told[:25], actor=TILL, now=NOON)
    second = settle_many(told[25:], actor=TILL, now=NOON)
    for single, bulk, values in zip(one_by_one, books(programs), PROGRAMS, strict=True):
        for what in single:
            assert single[what] == bulk[what], (what, values)
    assert (first.recorded, second.recorded, PurchaseLine.objects.count()) == (25, 35, lines)
    assert LotExtension.objects.exists()
    assert any(row["debt_delta"] < 0 for row in one_by_one[0]["entries"])


def test_a_repetition_posts_nothing() -> None:
    store, members = StoreFactory(), [MemberFactory(), None]
    ProgramFactory()
    told = receipts(store, members, 3, most=20)
    first = settle_many(told, actor=TILL, now=NOON)
    before = (Entry.objects.count(), Award.objects.count(), Purchase.objects.count())
    again = settle_many([*told, told[0]], actor=TILL, now=NOON)
    assert (again.recorded, again.known, again.points, again.differing) == (0, 21, 0, {})
    assert (Entry.objects.count(), Award.objects.count(), Purchase.objects.count()) == before
    assert (first.recorded, first.known) == (20, 0)


def test_what_was_settled_by_the_till_is_known() -> None:
    store, member = StoreFactory(), MemberFactory()
    ProgramFactory()
    told = [receipt(store, member, "10") for _ in range(3)]
    settle_purchase(receipt=told[1], actor=TILL, now=NOON)
    result = settle_many(told, actor=TILL, now=NOON)
    assert (result.recorded, result.known, Account.objects.get().balance) == (2, 1, 30)


def test_a_receipt_with_other_content_is_named_and_the_others_are_settled() -> None:
    store, member = StoreFactory(), MemberFactory()
    ProgramFactory()
    told = [receipt(store, member, "10") for _ in range(3)]
    settle_purchase(receipt=told[0], actor=TILL, now=NOON)
    wrong = [replace(told[0], paid=Decimal(99)), *told[1:], replace(told[2], paid=Decimal(7))]
    result = settle_many(wrong, actor=TILL, now=NOON)
    assert result.differing == {told[0].key: "paid", told[2].key: "twice"}
    assert (result.recorded, Account.objects.get().balance) == (2, 30)


def test_an_unknown_store_stops_all_of_it() -> None:
    store = StoreFactory()
    told = [receipt(store, None, "10"), replace(receipt(store, None, "10"), store_id=0)]
    with pytest.raises(OutOfReach):
        settle_many(told, actor=TILL, now=NOON)
    assert not Purchase.objects.exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_file_and_a_till_at_once(together: Callable[..., list[Any]]) -> None:
    store, members = StoreFactory(), [MemberFactory() for _ in range(5)]
    ProgramFactory()
    ProgramFactory(earn_amount=50, carry_over=True)
    told = receipts(store, members, 11, most=80)
    backwards = list(reversed(told))
    answers = together(
        [
            lambda: settle_many(told, actor=TILL, now=NOON),
            lambda: settle_many(backwards, actor=TILL, now=NOON),
            *(lambda one=one: settle_purchase(receipt=one, actor=TILL, now=NOON) for one in told[:6]),
        ]
    )
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert Award.objects.count() == 2 * Purchase.objects.count() == 160
    total = sum(int(one.paid) for one in told)
    assert sum(Account.objects.filter(program__carry_over=False).values_list("balance", flat=True)) == total
    for account in Account.objects.filter(program__carry_over=True):
        paid = sum(one.paid for one in told if one.member_id == account.member_id)
        assert account.balance * 50 + Carry.objects.get(account=account).amount == paid
