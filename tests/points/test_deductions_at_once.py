"""Deductions of a file are decided in order and written at once: with the answers, entries and uses of lots
that they would have one after the other.
"""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from backoffice.models import Brand
from members.models import Member
from points.models import Account, Entry, Lot, LotUse
from points.services.ledger import CONTEXT, call_rows
from tests.factories.backoffice import BrandFactory
from tests.factories.members import MemberFactory
from tests.factories.points import NOON, AccountFactory, ProgramFactory, context, give

pytestmark = pytest.mark.django_db
FIELDS = ("account_id", "points", "source_type", "source_id", "brand_id", "explanation", "reason", "note")


def deducted(version: int, rows: list[dict[str, Any]]) -> tuple[Any, ...]:
    """(answers, entries, lots, uses, balances) of a call, with entries named by what they were for."""
    with transaction.atomic():
        before = Entry.objects.count()
        found = call_rows(
            f"SELECT n, entry_id, points, replayed, refused, available"
            f" FROM points_deduct_many_v{version}(%s::jsonb, {CONTEXT}) ORDER BY n",
            (json.dumps(rows), *context().values()),
        )
        names = dict(Entry.objects.values_list("pk", "source_id"))
        made = Entry.objects.order_by("pk")[before:]
        shown = made.values_list(
            "account_id", "seq", "kind", "points", "balance_after", "source_id", "reason", "note",
            "explanation", "prev_hash", "row_hash", "created_at",
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT topic, subject_id FROM backoffice_outboxmessage ORDER BY subject_id, topic"
            )
            messages = [(topic, names.get(pk)) for topic, pk in cursor.fetchall()]
        uses = LotUse.objects.values_list("entry_id", "lot_id", "points")
        told = (
            [(n, names.get(entry), *rest) for n, entry, *rest in found],
            [tuple(map(_plain, one)) for one in shown],
            messages,
            sorted(Lot.objects.values_list("entry_id", "remaining")),
            sorted((names[entry], lot, points) for entry, lot, points in uses),
            sorted(Account.objects.values_list("pk", "balance", "seq")),
        )
        transaction.set_rollback(True)
    return told


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def shop(dice: random.Random) -> tuple[list[Account], list[Brand]]:
    """Accounts of two programs, one of which pays with a brand's own points, with a few lots each."""
    brands = [BrandFactory(), BrandFactory()]
    programs = [ProgramFactory(order_of_use="oldest_first"), ProgramFactory(circulates=False)]
    accounts = [AccountFactory(program=dice.choice(programs)) for _number in range(4)]
    for account in accounts:
        for _lot in range(dice.randrange(4)):
            days = dice.choice([None, -1, 5, 90])
            expires = None if days is None else NOON + timedelta(days=days)
            give(account, dice.randrange(1, 30), expires_at=expires)
    Member.objects.filter(pk=accounts[-1].member_id).update(status=dice.choice(["active", "frozen"]))
    return accounts, brands


def rows_of(dice: random.Random, accounts: list[Account], brands: list[Brand]) -> list[dict[str, Any]]:
    rows = []
    for number in range(14):
        values = (
            dice.choice(accounts).pk, dice.choice([0, 1, 3, 8, 20, 200]), "import",
            # Some stand in the call twice, with the same points or with others.
            f"1:{dice.choice([number, number, dice.randrange(14)])}",
            dice.choice([None, *(brand.pk for brand in brands)]), {"line": number},
            dice.choice([None, "goodwill"]), "",
        )  # fmt: skip
        rows.append(dict(zip(FIELDS, values, strict=True)))
    return rows


@pytest.mark.parametrize("seed", range(12))
def test_all_at_once_is_what_they_are_one_after_the_other(seed: int) -> None:
    dice = random.Random(seed)
    accounts, brands = shop(dice)
    rows = rows_of(dice, accounts, brands)
    one_by_one, at_once = deducted(1, rows), deducted(2, rows)
    for told, wanted in zip(at_once, one_by_one, strict=True):
        assert told == wanted
    assert len(at_once[0]) == len(rows)


def test_two_deductions_of_a_member_use_one_lot_in_turn_and_a_third_finds_too_little() -> None:
    account = AccountFactory(member=MemberFactory())
    give(account, 10)
    rows = [
        {"account_id": account.pk, "points": points, "source_type": "import", "source_id": f"9:{number}",
         "explanation": {}, "reason": "goodwill"}
        for number, points in enumerate([4, 5, 3, 1])
    ]  # fmt: skip
    answers, entries, _messages, _lots, uses, balances = deducted(2, rows)
    assert [(refused, available) for *_more, refused, available in answers] == [
        (None, 4), (None, 5), ("insufficient_points", 1), (None, 1),
    ]  # fmt: skip
    assert len(entries) == 3 and len(uses) == 3 and balances[0][1] == 0


def test_what_is_booked_is_answered_again_and_other_points_are_refused() -> None:
    account = AccountFactory(member=MemberFactory())
    give(account, 10)
    row = {"account_id": account.pk, "points": 4, "source_type": "import", "source_id": "9:1"}
    row |= {"explanation": {}, "reason": "goodwill"}
    call = f"SELECT * FROM points_deduct_many_v2(%s::jsonb, {CONTEXT})"
    first = call_rows(call, (json.dumps([row]), *context().values()))[0]
    again = call_rows(call, (json.dumps([row, row | {"points": 5}]), *context().values()))
    assert again[0] == (1, first[1], -4, True, None, None)
    assert again[1][1] is None and again[1][4] == "key_reused"
    assert Entry.objects.filter(kind="import").count() == 1
