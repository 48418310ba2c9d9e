"""Random lives of a few accounts, through the ledger."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from points.choices import EntryKind, HoldStatus, UseOrder
from points.errors import PointsRefusal
from points.models import Account, Entry, Hold
from points.services import ledger
from tests.factories.points import NOON, AccountFactory, ProgramFactory, context, fresh

DAY = timedelta(days=1)


class History:
    """Random acts on a few accounts, among them refused ones; time goes forward or stands still."""

    def __init__(self, seed: int, order: UseOrder | None = None) -> None:
        self.random = random.Random(seed)
        self.at = NOON
        self.sliding = seed % 2 == 1
        usual = UseOrder.OLDEST_FIRST if seed % 3 == 2 else UseOrder.EXPIRING_FIRST
        program = ProgramFactory(order_of_use=order or usual)
        self.accounts: list[Account] = [AccountFactory(program=program) for _ in range(4)]

    def act(self) -> None:
        self.at += self.random.choice([0, 0, 1, 30, 600, 1500]) * timedelta(minutes=1)
        act: Callable[[int], Any] = self.random.choices(
            [self.credit, self.spend, self.hold, self.end_hold, self.undo, self.transfer, self.expire],
            weights=[8, 8, 4, 4, 5, 2, 2],
        )[0]
        with suppress(PointsRefusal):
            act(self.random.choice(self.accounts).pk)

    def points(self) -> int:
        return self.random.randint(1, 60)

    def slide(self) -> datetime | None:
        return self.at + 9 * DAY if self.sliding else None

    def credit(self, account: int) -> None:
        ledger.credit(
            account_id=account,
            kind=EntryKind.BONUS,
            points=self.points(),
            source=fresh("gift"),
            context=context(now=self.at),
            expires_at=self.at + self.random.choice([2, 5, 9]) * DAY if self.random.random() < 0.9 else None,
            slide_to=self.slide(),
        )

    def spend(self, account: int) -> None:
        ledger.spend(
            account_id=account,
            points=self.points(),
            source=fresh(),
            context=context(now=self.at),
            slide_to=self.slide(),
        )

    def hold(self, account: int) -> None:
        end = self.at + self.random.choice([1, 3]) * DAY
        ledger.hold(
            account_id=account,
            points=self.points(),
            source=fresh(),
            expires_at=end,
            context=context(now=self.at),
        )

    def end_hold(self, account: int) -> None:
        for hold in Hold.objects.filter(status="open", expires_at__lte=self.at):
            ledger.release(hold_id=hold.pk, status=HoldStatus.EXPIRED, context=context(now=self.at))
        holds = list(Hold.objects.filter(account=account, status="open").order_by("id"))
        if not holds:
            return
        hold = self.random.choice(holds)
        if self.random.random() < 0.5:
            ledger.release(hold_id=hold.pk, status=HoldStatus.VOIDED, context=context(now=self.at))
        else:
            part = self.random.randint(1, hold.points)
            ledger.capture(hold_id=hold.pk, points=part, source=fresh(), context=context(now=self.at))

    def undo(self, account: int) -> None:
        entries = list(Entry.objects.filter(account=account, kind__in=["bonus", "spend"]).order_by("id"))
        if not entries:
            return
        entry = self.random.choice(entries)
        part = self.random.randint(1, abs(entry.points))
        verb = ledger.refund_spend if entry.kind == "spend" else ledger.reverse_credit
        verb(entry_id=entry.pk, points=part, source=fresh(), context=context(now=self.at))

    def transfer(self, account: int) -> None:
        other = self.random.choice([one.pk for one in self.accounts if one.pk != account])
        ledger.transfer(
            from_account_id=account,
            to_account_id=other,
            points=None if self.random.random() < 0.2 else self.points(),
            source=fresh(),
            context=context(now=self.at),
        )

    def expire(self, _account: int) -> None:
        ledger.call(
            f"SELECT * FROM points_expire_v1(0, 100, %s, %s, false, {ledger.CONTEXT})",
            (self.at, fresh().id, *context(now=self.at).values()),
        )
