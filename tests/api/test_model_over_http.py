"""Random days at two tills over HTTP, beside the ledger in plain Python: same answers, same balances.

Each act is sent once or more: again under its key, again under a new key, or by the other till. What the
model refuses the API refuses, and nothing that was sent twice counts twice.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from django.utils import timezone

from points.choices import ExpiryPolicy
from points.models import Account
from points.services import proofs
from tests.api.conftest import Api, House
from tests.points.model import Model, ModelHold, ModelMove, No

pytestmark = pytest.mark.django_db
HISTORIES = 30 if os.environ.get("CI") else 15
ACTS = 14
FOREVER = 10**6
REFUSED = (409, 400)


class Day:
    """One member, two tills of one store, and the model. Receipts and holds by their number."""

    def __init__(self, house: House, seed: int) -> None:
        self.chance = random.Random(seed)
        self.house, self.seed = house, seed
        self.tills = [Api(house.key().secret) for _till in range(2)]
        self.model = Model()
        self.receipts: dict[str, tuple[ModelMove, int]] = {}
        self.returned: dict[str, int] = {}
        self.holds: dict[str, ModelHold] = {}
        self.numbers = iter(range(10**6))

    def number(self, letter: str) -> str:
        return f"{letter}{self.seed}-{next(self.numbers)}"

    def send(self, path: str, body: dict[str, Any]) -> int:
        """Send it, maybe several times and by both tills; all answers must be the same one."""
        key = self.number("K")
        first = self.tills[0].post(path, body, key=key)
        if self.chance.random() < 0.4:
            again = self.tills[0].post(path, body, key=key)
            assert again.status_code == first.status_code
            # A refusal changed nothing, so nothing is kept of it: it may be carried out later.
            assert first.status_code >= 400 or again.content == first.content
        if self.chance.random() < 0.3 and first.status_code < 300:
            other = self.tills[self.chance.randrange(2)].post(path, body)
            assert other.status_code in (200, 201), other.content
        return int(first.status_code)

    # --- Acts: each says whether the model allowed it ---------------------------------------------------
    def buy(self) -> bool:
        paid, number = self.chance.randrange(1, 400), self.number("R")
        self.receipts[number] = (self.model.credit(paid, None), paid)
        return self.done(self.send("/purchases", {**self.told(number), "paid": f"{paid}.00"}), True)

    def bring_back(self) -> bool:
        if not self.receipts:
            return True
        number = self.chance.choice(sorted(self.receipts))
        move, paid = self.receipts[number]
        before = self.returned.get(number, 0)
        amount = self.chance.randrange(1, paid + 20)
        allowed = before + amount <= paid
        if allowed:
            self.returned[number] = before + amount
            self.model.reverse(move, amount, True)
        body = {"return_no": self.number("T"), "returned_at": self.now(), "amount": f"{amount}.00"}
        return self.done(self.send(f"/purchases/{number}/returns", body), allowed)

    def hold(self) -> bool:
        points, number = self.chance.randrange(1, 500), self.number("H")
        try:
            self.holds[number] = self.model.hold(points, FOREVER)
            allowed = True
        except No:
            allowed = False
        body = {"hold_no": number, "card": self.card, "amount": "100000.00", "points": points}
        return self.done(self.send("/holds", body), allowed)

    def commit(self) -> bool:
        number, hold = self.any_hold()
        if hold is None:
            return True
        points = self.chance.randrange(1, hold.points + 5)
        try:
            self.model.capture(hold, points)
            allowed = True
        except No:
            allowed = False
        return self.done(self.send(f"/holds/{number}/commit", {"points": points}), allowed)

    def release(self) -> bool:
        number, hold = self.any_hold()
        if hold is None:
            return True
        if hold.open:
            self.model.release(hold)
            return self.done(self.send(f"/holds/{number}/release", {}), True)
        return True

    # --- What the acts share ----------------------------------------------------------------------------
    def any_hold(self) -> tuple[str, ModelHold | None]:
        open_ones = sorted(number for number, hold in self.holds.items() if hold.open)
        if not open_ones:
            return "", None
        number = self.chance.choice(open_ones)
        return number, self.holds[number]

    @property
    def card(self) -> str:
        return self.house.member.card_no

    @staticmethod
    def now() -> str:
        return timezone.now().isoformat()

    def told(self, number: str) -> dict[str, Any]:
        return {"receipt_no": number, "card": self.card, "purchased_at": self.now()}

    def done(self, status: int, allowed: bool) -> bool:
        assert (status < 300) == allowed, (self.seed, status, allowed)
        assert allowed or status in REFUSED, (self.seed, status)
        return allowed

    def compare(self, act: str) -> None:
        account = Account.objects.get(member=self.house.member)
        found = (account.balance, account.held, account.debt)
        expected = (self.model.balance, self.model.held, self.model.debt)
        assert found == expected, (self.seed, act)


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_a_day_at_the_tills_ends_as_the_model_says(house: House, seed: int) -> None:
    program = house.program
    program.expiry_policy = ExpiryPolicy.NEVER
    program.save(update_fields=["expiry_policy"])
    day = Day(house, seed)
    acts = [day.buy, day.buy, day.bring_back, day.hold, day.hold, day.commit, day.release]
    for _act in range(ACTS):
        act = day.chance.choice(acts)
        act()
        day.compare(act.__name__)
    report = proofs.prove(now=timezone.now())
    assert [(check.id, check.offenders) for check in report.checks if not check.ok] == []
