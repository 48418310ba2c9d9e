"""Points that pay a part of a bill: what the bill allows, and the spend that remembers what it was worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from backoffice.actors import Actor
from points import rules
from points.choices import EntryKind
from points.errors import BillOutOfRange, InsufficientPoints, KeyReused, NoSuchAccount
from points.models import Account, Entry
from points.postings import Context, Posting, Source
from points.services import ledger


@dataclass(frozen=True, slots=True)
class BillOffer:
    """What a member may do with a bill of `amount` NT$ (S99, S104-S107).

    Any number of points from `least` to `most` in steps of `step`; `points_first` is the most of it with the
    cash that stays to be paid. `most` is 0 when he cannot use any.
    """

    amount: Decimal
    least: int
    most: int
    step: int
    points_first: tuple[int, Decimal]


@dataclass(frozen=True, slots=True)
class BillPaid:
    """A paid part: `points` were worth `worth` NT$ (stored with the ratio), `rest` is left for cash."""

    posting: Posting
    points: int
    worth: Decimal
    rest: Decimal


def _account(account_id: int) -> Account:
    account = Account.objects.select_related("program").filter(pk=account_id).first()
    if account is None:
        raise NoSuchAccount
    return account


def offer(*, account_id: int, amount: Decimal) -> BillOffer:
    """What the account may pay of a bill now. Reads only. Raises NoSuchAccount."""
    account = _account(account_id)
    allowed = rules.quote(account.program, amount, account.available)
    first = rules.points_first(account.program, amount, account.available)
    return BillOffer(amount, allowed.least, allowed.most, allowed.step, first)


def points_for_rest(*, account_id: int, amount: Decimal, cash: Decimal) -> int:
    """Cash first (S106): the points that pay what `cash` leaves. Refused before anything is charged.

    Raises NoSuchAccount, InsufficientPoints, BillOutOfRange.
    """
    account = _account(account_id)
    try:
        return rules.cash_first(account.program, amount, cash, account.available)
    except BillOutOfRange:
        needed = rules.cash_first(account.program, amount, cash, ledger.MAX_POINTS)
        if needed > account.available:
            raise InsufficientPoints(needed=needed, available=account.available) from None
        raise


def pay(
    *,
    account_id: int,
    amount: Decimal,
    points: int,
    source: Source,
    actor: Actor,
    now: datetime,
    store_id: int | None = None,
    brand_id: int | None = None,
    occurred_at: datetime | None = None,
) -> BillPaid:
    """Pay a part of a bill of `amount` NT$ with points. The entry keeps points, worth and ratio (S104).

    A repeated call with the same source answers the stored posting. Raises NoSuchAccount, BillOutOfRange,
    InsufficientPoints, SpendingBlocked, NotSpendable, MemberNotServed, KeyReused.
    """
    account = _account(account_id)
    program = account.program
    paid = _paid(account, amount, points, source)
    if paid:
        return paid
    # What is available is checked under the lock, by the spend; here only what the bill allows.
    rules.check_bill(program, amount, ledger.MAX_POINTS, points)
    worth = rules.worth(program, points)
    posting = ledger.spend(
        account_id=account_id,
        points=points,
        source=source,
        slide_to=rules.slide_of(program, now),
        context=Context(
            actor=actor,
            now=now,
            occurred_at=occurred_at,
            store_id=store_id,
            brand_id=brand_id,
            explanation={
                "rule": "bill",
                "amount": str(amount),
                "worth": str(worth),
                "cash_points": program.cash_points,
                "cash_amount": str(program.cash_amount),
                "rule_version": program.version,
            },
        ),
    )
    return BillPaid(posting, points, worth, amount - worth)


def _paid(account: Account, amount: Decimal, points: int, source: Source) -> BillPaid | None:
    """A payment that was made before, as it was then: the program may have changed since."""
    entry = Entry.objects.filter(
        account=account, kind=EntryKind.SPEND, source_type=source.type, source_id=source.id
    ).first()
    if entry is None:
        return None
    told = entry.explanation
    if entry.points != -points or told.get("amount") != str(amount):
        raise KeyReused
    posting = Posting(
        entry.pk, entry.seq, entry.points, entry.debt_delta, account.balance, account.held, account.debt, True
    )
    worth = Decimal(told["worth"])
    return BillPaid(posting, points, worth, amount - worth)
