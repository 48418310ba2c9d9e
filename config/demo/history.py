"""Fifteen months of a small shop, week by week, through the same services as every other day."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Q

from backoffice.actors import Actor
from backoffice.models import Store, User
from campaigns.services.bulk_settlement import settle_many
from campaigns.services.returns import settle_return
from config.demo import names
from config.demo.people import People, Person, known_person
from config.demo.shop import SEEDER, Shop
from members.choices import Channel, ConsentPurpose, OrderType
from members.models import Member, Purchase
from members.purchase_data import LineData, PurchaseData, ReceiptKey
from members.services.cashiers import watch_cashiers
from members.services.consents import ConsentAnswer
from members.services.enrolment import enrol
from members.services.phone_numbers import verify_phone
from points.choices import EntryKind, ReasonCode
from points.models import Account, Entry
from points.services import bills, corrections, ledger
from points.services.expiry import expire_all
from points.services.programs import save_program

WEEKS = 65
WEEK = timedelta(days=7)
# Of a receipt's two entries some fall away (below a unit), and some are spends: measured, per receipt.
ENTRIES_PER_RECEIPT = 2.3
TERMS_VERSION = "2025-08"
KNOWN_RECEIPTS = (Decimal("6900.00"), Decimal("4290.00"), Decimal("3360.00"))
KNOWN_REDEMPTION = 200
UNVERIFIED_EVERY = 25


class History:
    """One run. The clock is counted up week by week from `now - WEEKS`; nothing looks at the real one."""

    def __init__(self, shop: Shop, dice: random.Random, now: datetime) -> None:
        self._shop, self._dice, self._now = shop, dice, now
        self._people = People(dice)
        self._members: list[Member] = []
        self._receipts = 0
        self._support = Actor.staff(User.objects.get(username="support"))

    def live(self, *, members: int, entries: int) -> None:
        """Write about `entries` entries of `members` members, the last ones just before `now`."""
        receipts = round(entries / ENTRIES_PER_RECEIPT)
        for week in range(WEEKS):
            end = self._now - WEEK * (WEEKS - 1 - week)
            last = week == WEEKS - 1
            self._join(-(-members * (week + 1) // WEEKS) - len(self._members), end - WEEK)
            if last:
                self._let_growth_wait(end - WEEK)
            # A shop grows: the last weeks sell three times what the first ones do.
            share = (1 + 2 * week / WEEKS) / (2 * WEEKS)
            self._sell(round(receipts * share), end)
            self._redeem(round(receipts * share * 0.28), end)
            if week % 6 == 5:
                self._bring_back(end)
            if week % 8 == 7:
                self._correct(end)
            if week % 4 == 3 or last:
                for _batch in expire_all(as_of=end, actor=SEEDER, now=end):
                    pass
        self._same_card()
        self._last_day()

    def _join(self, count: int, now: datetime) -> None:
        for _ in range(count):
            person = self._people.draw() if self._members else known_person()
            self._members.append(self._enrol(person, now + self._within(WEEK)))

    def _enrol(self, person: Person, now: datetime) -> Member:
        """A new member; all but every 25th have typed the code of their text message by now."""
        store = self._shop.stores[person.store]
        answers = [ConsentAnswer(ConsentPurpose.TERMS, True, TERMS_VERSION)]
        if person.marketing:
            answers.append(ConsentAnswer(ConsentPurpose.MARKETING_SMS, True, TERMS_VERSION))
        member = enrol(
            phone=person.phone, source=person.channel, store=store, actor=SEEDER,
            referring_store=store if person.channel == Channel.STORE else None,
            key=f"demo-{person.phone}", now=now, name=person.name, gender=person.gender,
            birthday=person.birthday, email=person.email, county=person.county, district=person.district,
            consents=answers, rng=self._dice,
        )  # fmt: skip
        if len(self._members) % UNVERIFIED_EVERY != UNVERIFIED_EVERY - 1:
            verify_phone(member=member, phone=member.phone, actor=SEEDER, now=now)
        return member

    def _within(self, span: timedelta) -> timedelta:
        return timedelta(seconds=self._dice.randrange(int(span.total_seconds())))

    def _receipt(self, member: Member | None, when: datetime, amounts: list[Decimal]) -> PurchaseData:
        self._receipts += 1
        store = self._dice.choice(self._shop.stores)
        online = not store.county
        lines = tuple(
            LineData(number, amount, category=self._dice.choice(names.GOODS)[0])
            for number, amount in enumerate(amounts, start=1)
        )
        return PurchaseData(
            cashier="" if online else f"{store.code}-{self._receipts % 3 + 1}",
            source="pos", receipt_no=f"D{self._receipts:07d}", store_id=store.pk, purchased_at=when,
            gross=sum(amounts, Decimal(0)), paid=sum(amounts, Decimal(0)), lines=lines,
            member_id=member.pk if member else None,
            channel=(Channel.WEB if online else Channel.STORE).value,
            order_type=(OrderType.ONLINE if online else OrderType.IN_STORE).value,
        )  # fmt: skip

    def _basket(self) -> list[Decimal]:
        wanted = self._dice.choices(names.GOODS, k=self._dice.choice((1, 1, 1, 2, 2, 3, 4)))
        return [Decimal(self._dice.randrange(low, high)) for _name, low, high in wanted]

    def _sell(self, count: int, end: datetime) -> None:
        moments = sorted(end - self._within(WEEK) for _ in range(count))
        receipts = [
            self._receipt(self._shopper(), moment, self._basket()) for moment in moments if self._members
        ]
        settle_many(receipts, actor=Actor.job("import"), now=end)

    def _shopper(self) -> Member | None:
        if self._dice.random() < 0.04:
            return None
        # Regulars: the square draws the earlier members more often.
        return self._members[int(len(self._members) * self._dice.random() ** 1.6)]

    def _redeem(self, count: int, now: datetime) -> None:
        rich = Account.objects.filter(program=self._shop.points, balance__gte=30).exclude(
            Q(member=self._members[0]) | Q(member__phone_verified_at=None)
        )
        accounts = list(rich.order_by("pk"))
        for account in self._dice.sample(accounts, min(count, len(accounts))):
            points = max(10, int(account.available * self._dice.uniform(0.3, 0.9)) // 10 * 10)
            self._pay(account, points, now)

    def _pay(self, account: Account, points: int, now: datetime, store: Store | None = None) -> None:
        self._receipts += 1
        store = store or self._dice.choice(self._shop.stores)
        bills.pay(
            account_id=account.pk, amount=Decimal(2 * points + 100), points=points, store_id=store.pk,
            source=ledger.Source("bill", f"D{self._receipts:07d}"), actor=Actor.till(store.code), now=now,
        )  # fmt: skip

    def _bring_back(self, now: datetime) -> None:
        """Two returns, one of them partial; a member who has spent meanwhile owes the points."""
        recent = Entry.objects.filter(kind=EntryKind.EARN, source_type="purchase", points__gte=4)
        awards = recent.filter(account__program=self._shop.points, created_at__gt=now - 3 * WEEK)
        candidates = list(awards.order_by("pk"))
        for number, entry in enumerate(self._dice.sample(candidates, min(2, len(candidates)))):
            purchase = Purchase.objects.get(pk=int(entry.source_id))
            settle_return(
                source="pos", return_no=f"R{purchase.receipt_no}",
                receipt=ReceiptKey(purchase.source, purchase.receipt_no),
                amount=purchase.paid if number else (purchase.paid / 2).quantize(Decimal("1")),
                returned_at=now, actor=Actor.till("TPE01"), now=now,
                reason=self._dice.choice(names.RETURN_REASONS),
            )  # fmt: skip

    def _correct(self, now: datetime) -> None:
        accounts = list(Account.objects.filter(program=self._shop.points, balance__gt=60).order_by("pk"))
        for points in (self._dice.randrange(20, 120), -self._dice.randrange(5, 40)) if accounts else ():
            account = self._dice.choice(accounts)
            reason = ReasonCode.GOODWILL if points > 0 else ReasonCode.WRONG_EARN
            corrections.correct(
                account_id=account.pk, points=points, reason=reason, note="門市來電補登", actor=self._support,
                key=f"demo-{now:%Y%m%d}-{points}", now=now,
            )  # fmt: skip

    def _let_growth_wait(self, now: datetime) -> None:
        """From the last week on, growth value waits seven days: the rules have a second version."""
        self._shop.growth.pending_days = 7
        save_program(program=self._shop.growth, actor=SEEDER, now=now)

    def _same_card(self) -> None:
        """What the reports are for: a cashier who swipes one card for customers who have none."""
        store, card = self._shop.stores[1], self._members[1]
        for back in range(1, 8):
            evening = (self._now - timedelta(days=back)).replace(hour=11, minute=0)
            told = [
                replace(
                    self._receipt(card, evening + timedelta(minutes=9 * number), self._basket()),
                    store_id=store.pk, channel=Channel.STORE.value, order_type=OrderType.IN_STORE.value,
                    cashier=f"{store.code}-2",
                )
                for number in range(7 if back == 1 else 3)
            ]  # fmt: skip
            settle_many(told, actor=Actor.till(store.code), now=self._now - timedelta(hours=5))
        watch_cashiers(actor=Actor.job("members.cashiers"), now=self._now)

    def _last_day(self) -> None:
        """What a visitor looks for: a redemption to undo, an undone one, holds, a request that waits."""
        now, known = self._now, self._members[0]
        receipts = [self._receipt(known, now - timedelta(days=9), [amount]) for amount in KNOWN_RECEIPTS]
        settle_many(receipts, actor=Actor.till("TPE01"), now=now - timedelta(hours=5))
        points = {"program": self._shop.points}
        account = Account.objects.get(member=known, **points)
        # At the demo clerk's own store: he undoes nothing of another one.
        self._pay(account, KNOWN_REDEMPTION, now - timedelta(hours=2), self._shop.stores[0])
        spends = Entry.objects.filter(kind=EntryKind.SPEND).exclude(account=account).order_by("-pk")
        for entry in spends[:3]:
            corrections.undo_entry(
                entry_id=entry.pk, points=None, reason=ReasonCode.WRONG_REDEMPTION, note="點錯會員",
                key=f"demo-undo-{entry.pk}", actor=self._support, now=now,
            )  # fmt: skip
        verified = Account.objects.filter(member__phone_verified_at__isnull=False, **points)
        others = verified.filter(balance__gte=50, held=0).exclude(pk=account.pk)
        for held in others.order_by("pk")[:4]:
            ledger.hold(
                account_id=held.pk, points=30, source=ledger.Source("order", f"demo-{held.pk}"),
                expires_at=now + timedelta(days=2),
                context=ledger.Context(actor=Actor.job("webshop"), now=now),
            )  # fmt: skip
        asked = others.order_by("-balance").first()
        if asked:
            corrections.correct(
                account_id=asked.pk, points=1_500, reason=ReasonCode.GOODWILL, note="週年慶補償",
                key="demo-waiting", actor=self._support, now=now,
            )  # fmt: skip
