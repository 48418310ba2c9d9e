"""Receipts as a till tells them, short ways to settle and to return them, and the books afterwards."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import factory
from factory.django import DjangoModelFactory

from backoffice.actors import Actor
from backoffice.models import Store
from campaigns.models import Award, Gift
from campaigns.services.returns import ReturnSettlement, settle_return
from campaigns.services.settlement import Settlement, settle_purchase
from members.models import Member, Purchase
from members.purchase_data import PurchaseData, ReceiptKey
from points.models import Account, Entry, Lot, PendingCredit, Program
from tests.factories.points import ProgramFactory

NUMBERS = itertools.count(1)
NOON = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
TILL = Actor.till("S001")


class GiftFactory(DjangoModelFactory[Gift]):
    """A welcome gift of 200 points, open since the day before NOON."""

    class Meta:
        model = Gift

    name = "入會禮"
    occasion = "welcome"
    program = factory.SubFactory(ProgramFactory)
    points = 200
    starts_at = NOON - timedelta(days=1)


def receipt(store: Store, member: Member | None, paid: Any, **values: Any) -> PurchaseData:
    """A receipt over `paid` NT$; everything else may be told, too."""
    amount = Decimal(paid)
    defaults: dict[str, Any] = {
        "source": "pos",
        "receipt_no": f"R{next(NUMBERS):08d}",
        "store_id": store.pk,
        "member_id": member.pk if member else None,
        "purchased_at": NOON,
        "gross": amount,
        "paid": amount,
    }
    return PurchaseData(**(defaults | values))


def settle(store: Store, member: Member | None, paid: Any, **values: Any) -> Settlement:
    return settle_purchase(receipt=receipt(store, member, paid, **values), actor=TILL, now=NOON)


def bring_back(purchase_id: int, amount: Any, **values: Any) -> ReturnSettlement:
    """A return of `amount` NT$ of a settled purchase; None: of its `lines`."""
    purchase = Purchase.objects.get(pk=purchase_id)
    defaults: dict[str, Any] = {
        "source": "pos",
        "return_no": f"T{next(NUMBERS):08d}",
        "receipt": ReceiptKey(purchase.source, purchase.receipt_no),
        "amount": None if amount is None else Decimal(amount),
        "returned_at": NOON,
        "actor": TILL,
        "now": NOON,
    }
    return settle_return(**(defaults | values))


def books(programs: Iterable[Program]) -> list[dict[str, list[dict[str, Any]]]]:
    """What the books of each program say, ids of rows and hashes left out, so that two ways to the same end
    can be compared.
    """
    return [_books(program) for program in programs]


def _books(program: Program) -> dict[str, list[dict[str, Any]]]:
    accounts = Account.objects.filter(program=program).order_by("member")
    entries = Entry.objects.filter(account__in=accounts).order_by("account__member", "seq")
    lots = Lot.objects.filter(account__in=accounts).order_by("account__member", "entry__seq")
    awards = Award.objects.filter(program=program).order_by("purchase__receipt_no")
    waiting = PendingCredit.objects.filter(account__in=accounts).order_by("account__member", "id")
    return {
        "accounts": list(
            accounts.values("member", "balance", "debt", "pending", "seq", "spend_blocked", "carry__amount")
        ),
        "entries": list(
            entries.values(
                "account__member", "seq", "kind", "points", "balance_after", "debt_delta", "source_type",
                "actor_type", "actor_id", "store", "explanation", "occurred_at", "created_at",
            )
        ),
        "lots": list(lots.values("original", "remaining", "available_from", "expires_at", "brand")),
        "awards": list(
            awards.values(
                "purchase__receipt_no", "account__member", "base", "points", "returned", "status",
                "entry__seq", "pending__points", "rule_version", "explanation", "created_at",
            )
        ),
        "waiting": list(
            waiting.values(
                "points", "original", "status", "source_type", "confirm_at", "occurred_at", "created_at",
                "store", "brand", "explanation",
            )
        ),
    }  # fmt: skip
