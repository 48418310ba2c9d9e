"""Tills that go on whatever happens, each with members of its own and a model of what they must own."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.chaos.line import Answer, Asked, Line

REMEMBERED = 2_000


@dataclass
class Customer:
    """What a member must own by what was acknowledged."""

    card: str
    balance: int = 0
    bought: list[tuple[str, int]] = field(default_factory=list)


@dataclass
class Log:
    """What the tills were told, for the proof at the end."""

    receipts: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    returns: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    retried: int = 0
    done: Counter[str] = field(default_factory=Counter)


class Till(threading.Thread):
    """One of several. `hot` is a member whom all of them serve: of him only sums are known."""

    def __init__(self, number: int, seed: int, line: Line, customers: list[Customer], hot: str) -> None:
        super().__init__(daemon=True)
        self.name = f"till-{number}"
        self._dice = random.Random(f"{seed}-{number}")
        self._line, self.customers, self._hot = line, customers, hot
        self._numbers = itertools.count(1)
        self._memory: list[Asked] = []
        self.over = threading.Event()
        self.log = Log()
        self.hot_earned = self.hot_spent = 0

    def run(self) -> None:
        acts = (
            [self._buy] * 5 + [self._pay] * 3 + [self._hold] * 3 + [self._bring_back] + [self._serve_hot] * 2
        )
        try:
            while not self.over.is_set():
                self._dice.choice(acts)()
                if self._memory and self._dice.random() < 0.5:
                    self.send_again(self._dice.choice(self._memory))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            self._wrong(f"{type(error).__name__}: {error}")

    def send_again(self, asked: Asked) -> None:
        """A retry after any time has the same answer, and says that it is one."""
        again = self._line.again(asked)
        self.log.retried += 1
        if again.body != asked.answer.body or again.status != asked.answer.status or not again.replayed:
            self._wrong(f"another answer to {asked.path} {asked.key}: {again.status} {again.body[:200]!r}")

    def retry(self, count: int) -> None:
        """So many of what it was told, at random delays."""
        for _ in range(count if self._memory else 0):
            time.sleep(self._dice.uniform(0, 0.02))
            self.send_again(self._dice.choice(self._memory))

    # --- What customers do ---------------------------------------------------------------------------------
    def _buy(self) -> None:
        customer, paid = self._dice.choice(self.customers), self._dice.randint(1, 500)
        number = self._number("R")
        lines = [{"sku": "tea", "amount": f"{paid}.00"}] * self._dice.choice((0, 1, 1, 5))
        answer = self._ask("/purchases", self._receipt(number, customer.card, paid, lines=lines))
        if self._expect(answer, 200, "purchase"):
            self.log.receipts.add(number)
            customer.balance += paid
            customer.bought.append((number, paid))

    def _pay(self) -> None:
        """A bill that points pay whole: refused when they do not reach."""
        customer, points = self._dice.choice(self.customers), self._dice.randint(1, 400)
        number, enough = self._number("P"), customer.balance >= points
        told = self._receipt(number, customer.card, 0, redeem={"points": points})
        answer = self._ask("/purchases", told)
        if self._expect(answer, 200 if enough else 409, "redemption" if enough else "redemption refused"):
            (self.log.receipts if enough else self.log.refused).add(number)
            customer.balance -= points if enough else 0

    def _hold(self) -> None:
        customer, points = self._dice.choice(self.customers), self._dice.randint(1, 300)
        number, enough = self._number("H"), customer.balance >= points
        told = {"hold_no": number, "card": customer.card, "amount": "1000.00", "points": points}
        answer = self._ask("/holds", told)
        if (
            not self._expect(answer, 201 if enough else 409, "hold" if enough else "hold refused")
            or not enough
        ):
            return
        if self._dice.random() < 0.5:
            self._expect(self._ask(f"/holds/{number}/release", {}), 200, "release")
            return
        part = self._dice.randint(1, points)
        if self._expect(self._ask(f"/holds/{number}/commit", {"points": part}), 200, "commit"):
            customer.balance -= part

    def _bring_back(self) -> None:
        """All of a receipt whose points are still there, so that nobody owes anything."""
        customer = self._dice.choice(self.customers)
        if not customer.bought or customer.balance < customer.bought[-1][1]:
            return
        receipt, paid = customer.bought.pop()
        number = self._number("T")
        told = {"return_no": number, "returned_at": now(), "amount": f"{paid}.00"}
        if self._expect(self._ask(f"/purchases/{receipt}/returns", told), 200, "return"):
            self.log.returns.add(number)
            customer.balance -= paid

    def _serve_hot(self) -> None:
        number = self._number("X")
        if self._dice.random() < 0.6:
            paid = self._dice.randint(1, 50)
            if self._expect(
                self._ask("/purchases", self._receipt(number, self._hot, paid)), 200, "hot purchase"
            ):
                self.log.receipts.add(number)
                self.hot_earned += paid
            return
        points = self._dice.randint(1, 80)
        answer = self._ask("/purchases", self._receipt(number, self._hot, 0, redeem={"points": points}))
        if answer.status == 200:
            self.log.receipts.add(number)
            self.log.done["hot redemption"] += 1
            self.hot_spent += points
        elif self._expect(answer, 409, "hot redemption refused"):
            self.log.refused.add(number)

    # --- How it is told ------------------------------------------------------------------------------------
    def _receipt(self, number: str, card: str, paid: int, **more: Any) -> dict[str, Any]:
        return {"receipt_no": number, "card": card, "purchased_at": now(), "paid": f"{paid}.00", **more}

    def _ask(self, path: str, told: dict[str, Any]) -> Answer:
        asked = self._line.post(path, told, self._number("K"))
        # A refusal is not stored: the same key may be tried again, and may then succeed.
        if asked.answer.status < 300 and len(self._memory) < REMEMBERED:
            self._memory.append(asked)
        return asked.answer

    def _expect(self, answer: Answer, status: int, what: str) -> bool:
        self.log.done[what] += 1
        if answer.status == status:
            return True
        self._wrong(f"{what}: {answer.status} instead of {status}: {answer.body[:300]!r}")
        return False

    def _number(self, letter: str) -> str:
        return f"{letter}-{self.name}-{next(self._numbers)}"

    def _wrong(self, text: str) -> None:
        self.log.wrong.append(f"{self.name}: {text}")


def now() -> str:
    return datetime.now(UTC).isoformat()
