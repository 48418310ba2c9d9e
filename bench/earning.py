"""G1: one earn through the public service against pgbench, a naive ORM service and django-hordak."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

from bench import naive, people, pgbench
from bench.findings import Finding, Slice, interleave
from bench.roles import ROLE, application_role
from bench.scratch import Lab, pointed_at

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
EXPIRES = datetime(2027, 11, 30, 16, 0, tzinfo=UTC)
EXPLANATION = {
    "rule": "base", "version": 3, "base": "1280.00", "each": "30.00", "gives": 1, "rounding": "floor",
    "points": 42,
}  # fmt: skip
NUMBERS = itertools.count(1)


def rate(act: Callable[[], object], seconds: float) -> float:
    """How often `act` can be done in a second, measured for `seconds` after a few to warm up."""
    for _ in range(10):
        act()
    done, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        act()
        done += 1
    return done / passed


def service_slice(lab: Lab, accounts: range, dice: random.Random) -> Slice:
    """Earns by `points.services.ledger.credit`, autocommit, as the application's role."""
    from backoffice.actors import Actor
    from points.services import ledger

    actor = Actor.till("S001")

    def earn() -> None:
        ledger.credit(
            account_id=dice.choice(accounts),
            kind="earn",
            points=dice.randint(1, 100),
            source=ledger.Source("purchase", f"bench-{next(NUMBERS)}"),
            context=ledger.Context(actor=actor, now=NOW, explanation=EXPLANATION),
            expires_at=EXPIRES,
        )

    def measure() -> float:
        with pointed_at(lab), application_role():
            return rate(earn, lab.seconds)

    return measure


def naive_slice(lab: Lab, accounts: range, dice: random.Random) -> Slice:
    def earn() -> None:
        naive.earn(
            account_id=dice.choice(accounts), points=dice.randint(1, 100), source_type="purchase",
            source_id=f"bench-{next(NUMBERS)}", actor=("pos", "S001"), explanation=EXPLANATION,
            expires_at=EXPIRES, now=NOW,
        )  # fmt: skip

    return lambda: rate(earn, lab.seconds)


def hordak_slice(lab: Lab, dice: random.Random, accounts: int = 1_000) -> Slice:
    """A transfer of two legs from the issuer's account to a member's, in one transaction."""
    from django.db import transaction
    from hordak.models import Account
    from moneyed import Money

    issuer = Account.objects.create(name="Issuer", type="EX", code="1", currencies=["EUR"])
    members = [
        Account.objects.create(name=f"Member {n}", type="LI", code=str(n), currencies=["EUR"])
        for n in range(10_000, 10_000 + accounts)
    ]

    def earn() -> None:
        with transaction.atomic():
            issuer.transfer_to(dice.choice(members), Money(dice.randint(1, 100), "EUR"))

    return lambda: rate(earn, lab.seconds)


def run(lab: Lab) -> list[Finding]:
    dice = random.Random(1)
    accounts = people.create_accounts(lab, people.create_program("earning"), lab.accounts)
    pgbench.create_minimal(lab)
    naive.create_tables()
    naive.NaiveAccount.objects.bulk_create(
        [
            naive.NaiveAccount(pk=pk, member_id=member)
            for pk, member in enumerate(_members(accounts), start=1)
        ],
        batch_size=10_000,
    )
    found = interleave(
        {
            "minimal": lambda: pgbench.run(
                lab.url, pgbench.MINIMAL, seconds=lab.seconds, accounts=lab.accounts
            ),
            "service": service_slice(lab, accounts, dice),
            "function": lambda: pgbench.run(
                lab.url, pgbench.EARN, seconds=lab.seconds, role=ROLE, first=accounts[0], last=accounts[-1]
            ),
            "naive": naive_slice(lab, range(1, lab.accounts + 1), dice),
            "hordak": hordak_slice(lab, dice),
        },
        lab.rounds,
    )
    service = found["service"]
    return [
        Finding("a1", "earn through the service, 1 process", "pgbench, 5 statements, 1 client", "/s",
                service, found["minimal"], at_least=0.5),
        Finding("a2", "earn through the service", "naive ORM service, same effects", "/s",
                service, found["naive"], at_least=6),
        Finding("a3", "earn through the service", "django-hordak transfer_to, two legs", "/s",
                service, found["hordak"], at_least=4),
        Finding("a4", "the SQL function alone, by pgbench", "pgbench, 5 statements, 1 client", "/s",
                found["function"], found["minimal"]),
    ]  # fmt: skip


def _members(accounts: range) -> list[int]:
    from points.models import Account

    rows = Account.objects.filter(pk__gte=accounts[0], pk__lte=accounts[-1]).order_by("pk")
    return list(rows.values_list("member_id", flat=True))
