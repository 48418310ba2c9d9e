"""Random purchases, returns, redemptions and confirmations against a model of a few lines."""

from __future__ import annotations

import os
import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum

from backoffice.actors import Actor
from campaigns.models import Award, Carry
from campaigns.services.confirming import confirm_due
from points.models import Account, Entry
from tests.factories.backoffice import StoreFactory
from tests.factories.campaigns import NOON, bring_back, settle
from tests.factories.members import MemberFactory
from tests.factories.points import ProgramFactory, take

LATER = NOON + timedelta(days=30)
pytestmark = pytest.mark.django_db

# A history here is several of the ledger's, which has its own test of this kind.
HISTORIES = int(os.environ.get("SHUKE_HISTORIES", "2000" if os.environ.get("CI") else "150")) // 4


def rule_of(chance: random.Random) -> dict[str, Any]:
    return {
        "earn_amount": chance.choice([Decimal(1), Decimal("0.07"), Decimal(30), Decimal(50)]),
        "earn_points": chance.randint(1, 3),
        "rounding": chance.choice(["floor", "half_up", "ceiling"]),
        "pending_days": chance.choice([0, 0, 7]),
        "carry_over": chance.random() < 0.5,
    }


def step_of(chance: random.Random) -> tuple[Any, ...]:
    match chance.choice(["buy", "buy", "return", "return", "spend", "confirm"]):
        case "buy":
            return "buy", Decimal(chance.choice([chance.randint(1, 100), chance.randint(1, 20_000)])).scaleb(
                -2
            )
        case "return":
            return "return", chance.randint(0, 9), chance.randint(1, 4)
        case "spend":
            return "spend", chance.randint(1, 3)
    return ("confirm",)


class History:
    """Plays steps through the services, and keeps what was paid and brought back per purchase."""

    def __init__(self, rule: dict[str, Any]) -> None:
        self.store, self.member = StoreFactory(), MemberFactory()
        self.program = ProgramFactory(**rule)
        self.paid: dict[int, Decimal] = {}
        self.back: dict[int, Decimal] = {}
        self.spent = 0

    def account(self) -> Account | None:
        return Account.objects.filter(member=self.member).first()

    def buy(self, amount: Decimal) -> None:
        bought = settle(self.store, self.member, amount).purchase_id
        self.paid[bought], self.back[bought] = amount, Decimal(0)

    def give_back(self, which: int, quarters: int) -> None:
        if self.paid:
            bought = list(self.paid)[which % len(self.paid)]
            left = self.paid[bought] - self.back[bought]
            amount = left if quarters == 4 else (left * quarters / 4).quantize(Decimal("0.01"))
            if amount:
                bring_back(bought, amount)
                self.back[bought] += amount

    def spend(self, third: int) -> None:
        account = self.account()
        points = account.balance * third // 3 if account else 0
        if account and points:
            take(account, points)
            self.spent += points

    def play(self, step: tuple[Any, ...]) -> None:
        name, *values = step
        {"buy": self.buy, "return": self.give_back, "spend": self.spend, "confirm": self.confirm}[name](
            *values
        )

    def confirm(self) -> None:
        confirm_due(actor=Actor.job("test"), now=LATER)


def kept() -> dict[int, int]:
    return {award.purchase_id: award.points - award.returned for award in Award.objects.all()}


def in_the_books() -> dict[int, int]:
    """What the ledger itself says of each purchase: its entry and the reversals of that entry."""
    found = {}
    for award in Award.objects.filter(entry__isnull=False):
        reversed_ = Entry.objects.filter(reverses=award.entry_id).aggregate(points=Sum("points"))["points"]
        assert award.entry is not None
        found[award.purchase_id] = award.entry.points + (reversed_ or 0)
    return found


def test_the_books_follow_the_model() -> None:
    for seed in range(HISTORIES):
        chance = random.Random(seed)
        with transaction.atomic():
            history = History(rule_of(chance))
            for _step in range(chance.randint(4, 20)):
                history.play(step_of(chance))
            check(history, seed)
            transaction.set_rollback(True)


def check(history: History, seed: int) -> None:
    program, points, account = history.program, kept(), history.account()
    books = in_the_books()
    assert {pk: points[pk] for pk in books} == books, seed  # I26
    for bought, paid in history.paid.items():
        assert history.back[bought] < paid or points[bought] == 0, seed  # I28
        if not program.carry_over:
            granted = Award.objects.get(purchase=bought).points
            assert points[bought] == granted - int(granted * history.back[bought] / paid), seed
    total = sum(points.values())
    if account:
        waiting = account.pending
        assert account.balance - account.debt == total - waiting - history.spent, seed
        assert not account.debt or not account.balance, seed
    else:
        assert total == 0, seed
    if program.carry_over:
        small = Carry.objects.first()
        net = sum(history.paid.values()) - sum(history.back.values())
        units, rest = divmod(total, program.earn_points)
        assert rest == 0, seed
        assert units * program.earn_amount + (small.amount if small else 0) == net, seed
