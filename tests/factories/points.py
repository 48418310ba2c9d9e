"""Programs and accounts for tests. Points come through the ledger: `give` is the shortest way."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import factory

from backoffice.actors import Actor
from points.choices import EntryKind, ExpiryPolicy
from points.models import Account, Program
from points.services import ledger
from tests.factories.members import MemberFactory

NUMBERS = itertools.count(1)
TESTER = Actor.job("test")
NOON = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)


class ProgramFactory(factory.django.DjangoModelFactory[Program]):
    class Meta:
        model = Program

    code = factory.Sequence(lambda n: f"program-{n}")
    name = factory.Sequence(lambda n: f"點數 {n}")
    cash_points = 60
    cash_amount = Decimal("2.00")
    expiry_policy = ExpiryPolicy.MONTH_END
    expiry_value = 12
    # Members of the factory are not verified; tests of that rule say True.
    spend_needs_verified_phone = False


class AccountFactory(factory.django.DjangoModelFactory[Account]):
    class Meta:
        model = Account

    member = factory.SubFactory(MemberFactory)
    program = factory.SubFactory(ProgramFactory)
    opened_at = NOON


def context(**values: Any) -> ledger.Context:
    return ledger.Context(**{"actor": TESTER, "now": NOON, **values})


def fresh(kind: str = "test") -> ledger.Source:
    """A business event that nobody has used yet."""
    return ledger.Source(kind, str(next(NUMBERS)))


def give(
    account: Account,
    points: int,
    *,
    expires_at: datetime | None = None,
    source: ledger.Source | None = None,
    **values: Any,
) -> ledger.Posting:
    return ledger.credit(
        account_id=account.pk,
        kind=EntryKind.EARN,
        points=points,
        source=source or fresh("earning"),
        context=context(**values),
        expires_at=expires_at,
    )


def take(
    account: Account, points: int, *, source: ledger.Source | None = None, **values: Any
) -> ledger.Posting:
    return ledger.spend(
        account_id=account.pk, points=points, source=source or fresh("redemption"), context=context(**values)
    )
