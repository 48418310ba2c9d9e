"""Cards at cashiers, the watch over a shift, and members by referring store (T13, N4, S13)."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.actors import Actor
from backoffice.choices import Reach, Role
from backoffice.models import Alarm, OutboxMessage, Store
from members.errors import ReceiptDiffers
from members.models import Member, Purchase
from members.purchase_data import PurchaseData
from members.selectors.reports import (
    cards_at_cashiers,
    cards_scanned_too_often,
    joined_per_day,
    joined_per_store,
    referred_per_month,
)
from members.services.bulk_purchases import record_many
from members.services.cashiers import watch_cashiers
from members.services.purchases import record_purchase
from tests.conftest import NOON
from tests.factories.backoffice import StoreFactory, UserFactory
from tests.factories.members import MemberFactory, PurchaseFactory, StaffCardFactory

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
MONTH: dict[str, Any] = {"start": NOON - 30 * DAY, "end": NOON + DAY}
WATCH = Actor.job("members.cashiers")


def bought(store: Store, member: Member | None, cashier: str, at: datetime = NOON, **values: Any) -> Purchase:
    return PurchaseFactory(store=store, member=member, cashier=cashier, purchased_at=at, **values)


def a_month_of_business(store: Store, dice: random.Random) -> None:
    """Two cashiers, sixty customers, a few regulars who come every day to whoever stands there."""
    customers = MemberFactory.create_batch(60)
    rows = []
    for day in range(30):
        shoppers = [*customers[:3], *dice.sample(customers[3:], 9)]
        for member in shoppers:
            at = NOON - day * DAY + timedelta(minutes=dice.randrange(400))
            rows.append(
                PurchaseData(
                    source="pos",
                    receipt_no=f"B{store.pk}-{len(rows)}",
                    store_id=store.pk,
                    member_id=member.pk,
                    purchased_at=at,
                    gross=Decimal(100),
                    paid=Decimal(100),
                    cashier=dice.choice(["K01", "K02"]),
                )
            )  # fmt: skip
    record_many(rows, now=NOON)


class TestCardsAtCashiers:
    @pytest.mark.parametrize("seed", range(3))
    def test_the_planted_cashier_comes_first(self, seed: int) -> None:
        store, dice = StoreFactory(), random.Random(seed)
        a_month_of_business(store, dice)
        own = MemberFactory()
        StaffCardFactory(member=own)
        for day in range(20):
            for number in range(3):
                bought(store, own, "K02", NOON - day * DAY + timedelta(hours=number))
        first = cards_at_cashiers(user=UserFactory(role=Role.AUDITOR), **MONTH)[0]
        assert (first.cashier, first.card_no, first.is_staff_card) == ("K02", own.card_no, True)
        assert (first.orders, first.days, first.most_in_a_day, first.per_day) == (60, 20, 3, 3)
        assert first.paid == Decimal(60_000)
        cards_of_k02 = Purchase.objects.filter(cashier="K02").count()
        assert first.share == Decimal(100 * 60) / cards_of_k02

    def test_a_cashier_with_three_orders_does_not_overtake_him(self) -> None:
        store, own, guest = StoreFactory(), MemberFactory(), MemberFactory()
        for number in range(30):
            bought(store, own, "K01", NOON - number * DAY)
            bought(store, MemberFactory(), "K01", NOON - number * DAY)
        for _ in range(3):
            bought(store, guest, "K09")
        found = cards_at_cashiers(user=UserFactory(role=Role.AUDITOR), **MONTH)
        assert [one.cashier for one in found] == ["K01", "K09"]

    def test_stores_out_of_reach_and_other_periods_are_left_out(self) -> None:
        here, there, card = StoreFactory(), StoreFactory(), MemberFactory()
        for store in (here, there):
            for _ in range(3):
                bought(store, card, "K01")
        bought(here, card, "K01", MONTH["end"])
        bought(here, card, "")
        bought(here, None, "K01")
        manager = UserFactory(role=Role.MANAGER, stores=[here])
        assert [(one.store_id, one.orders) for one in cards_at_cashiers(user=manager, **MONTH)] == [
            (here.pk, 3)
        ]
        assert cards_at_cashiers(user=UserFactory(role=Role.MANAGER, stores=[]), **MONTH) == []


class TestTheWatch:
    def scans(self, count: int, **values: Any) -> tuple[Store, Member]:
        store, card = StoreFactory(), MemberFactory()
        for number in range(count):
            bought(store, card, "K01", NOON + timedelta(minutes=number), **values)
        return store, card

    def test_six_scans_of_one_card_in_a_shift_ring_once(self) -> None:
        store, card = self.scans(6)
        StaffCardFactory(member=card, user=UserFactory(username="owner"))
        later = NOON + timedelta(hours=1)
        [alarm] = watch_cashiers(actor=WATCH, now=later)
        assert (alarm.kind, alarm.subject, alarm.store) == ("members.card_at_cashier", card.card_no, store)
        assert (alarm.facts["times"], alarm.facts["cashier"], alarm.facts["day"]) == (6, "K01", "2026-06-15")
        assert alarm.about is not None and alarm.about.username == "owner"
        bought(store, card, "K01", later)
        watch_cashiers(actor=WATCH, now=later + timedelta(hours=1))
        assert Alarm.objects.count() == OutboxMessage.objects.filter(topic="backoffice.alarm").count() == 1
        for number in range(6):
            bought(store, card, "K01", NOON + DAY + timedelta(minutes=number))
        watch_cashiers(actor=WATCH, now=NOON + DAY + timedelta(hours=1))
        assert Alarm.objects.count() == 2

    def test_five_do_not(self) -> None:
        self.scans(5)
        assert watch_cashiers(actor=WATCH, now=NOON + timedelta(hours=1)) == []
        assert not Alarm.objects.exists()

    def test_two_days_two_cashiers_and_unknown_cashiers_are_no_shift(self) -> None:
        store, card = self.scans(5)
        bought(store, card, "K02")
        midnight = datetime.combine(date(2026, 6, 16), datetime.min.time(), NOON.tzinfo) - timedelta(hours=8)
        bought(store, card, "K01", midnight)
        for _ in range(7):
            bought(store, card, "")
        assert cards_scanned_too_often(start=NOON - DAY, end=NOON + 2 * DAY) == []
        bought(store, card, "K01", midnight - timedelta(microseconds=1))
        assert [one.times for one in cards_scanned_too_often(start=NOON - DAY, end=NOON + 2 * DAY)] == [6]

    def test_receipts_that_come_days_later_are_still_seen(self) -> None:
        self.scans(6)
        assert len(watch_cashiers(actor=WATCH, now=NOON + 3 * DAY)) == 1
        assert watch_cashiers(actor=WATCH, now=NOON + 5 * DAY) == []


class TestTheCashierOnAReceipt:
    def record(self, cashier: str) -> tuple[Purchase, bool]:
        store = Store.objects.first() or StoreFactory()
        return record_purchase(
            source="pos", receipt_no="R1", member=None, store=store, purchased_at=NOON, gross=Decimal(10),
            paid=Decimal(10), now=NOON, cashier=cashier,
        )  # fmt: skip

    def test_he_is_kept(self) -> None:
        purchase, _new = self.record("K01")
        assert Purchase.objects.get(pk=purchase.pk).cashier == "K01"

    def test_a_till_that_learns_to_tell_him_tells_the_same_receipt(self) -> None:
        self.record("")
        assert self.record("K01")[1] is False
        with_him, _new = self.record("")
        assert with_him.cashier == ""

    def test_another_cashier_is_another_story(self) -> None:
        self.record("K01")
        with pytest.raises(ReceiptDiffers):
            self.record("K02")


class TestReferrals:
    def test_members_are_counted_by_month_and_store_within_reach(self) -> None:
        here, there = StoreFactory(), StoreFactory()
        may, june = NOON - 30 * DAY, NOON
        for store, at, count in ((here, may, 2), (here, june, 1), (there, june, 3)):
            MemberFactory.create_batch(count, referring_store=store, joined_at=at)
        MemberFactory(referring_store=here, joined_at=june, erased=True)
        MemberFactory(joined_at=june)
        span: dict[str, Any] = {"start": NOON - 40 * DAY, "end": NOON + DAY}
        group = referred_per_month(user=UserFactory(role=Role.MARKETER), **span)
        assert [(one.month, one.store_id, one.members, one.living) for one in group] == [
            (date(2026, 6, 1), there.pk, 3, 3),
            (date(2026, 6, 1), here.pk, 2, 1),
            (date(2026, 5, 1), here.pk, 2, 2),
        ]
        manager = UserFactory(role=Role.MANAGER, stores=[here])
        assert {one.store_id for one in referred_per_month(user=manager, **span)} == {here.pk}
        assert referred_per_month(user=manager, start=NOON - 90 * DAY, end=may) == []

    def test_days_and_stores_count_those_who_joined_there(self) -> None:
        here = StoreFactory()
        MemberFactory.create_batch(2, joined_store=here, joined_at=NOON)
        MemberFactory(joined_at=NOON)
        span: dict[str, Any] = {"start": NOON - DAY, "end": NOON + DAY}
        assert joined_per_day(user=UserFactory(role=Role.MARKETER), **span) == [(date(2026, 6, 15), 3)]
        manager = UserFactory(role=Role.MANAGER, stores=[here])
        assert joined_per_day(user=manager, **span) == [(date(2026, 6, 15), 2)]
        assert joined_per_store(user=manager, **span) == {here.pk: 2}
        brand = UserFactory(role=Role.MANAGER, reach=Reach.BRAND, brand=StoreFactory().brand)
        assert joined_per_day(user=brand, **span) == []
