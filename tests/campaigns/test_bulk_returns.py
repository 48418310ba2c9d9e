"""Many receipts back whole: the same books as one by one, and no work that grows with the receipts."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from campaigns.models import AwardReturn, Carry
from campaigns.services.bulk_returns import Ending, return_whole
from campaigns.services.bulk_settlement import settle_many
from campaigns.services.returns import settle_return
from members.models import Purchase
from members.purchase_data import ReceiptKey
from points.models import Account
from tests.campaigns.test_bulk_settlement import receipts, world
from tests.factories.backoffice import StoreFactory
from tests.factories.campaigns import NOON, TILL, books, receipt, settle
from tests.factories.members import MemberFactory
from tests.factories.points import ProgramFactory

pytestmark = pytest.mark.django_db


def together(purchase_ids: list[int]) -> dict[int, Ending]:
    return return_whole(
        purchase_ids=purchase_ids, source="test", number="1", reason="all of it", actor=TILL, now=NOON
    )


def singly(purchase_ids: list[int]) -> None:
    for purchase in Purchase.objects.filter(pk__in=purchase_ids).order_by("-pk"):
        settle_return(
            source="test", return_no=f"1-{purchase.pk}", amount=purchase.paid, returned_at=NOON, actor=TILL,
            receipt=ReceiptKey(purchase.source, purchase.receipt_no), reason="all of it", now=NOON,
        )  # fmt: skip


def taken() -> list[dict[str, Any]]:
    rows = AwardReturn.objects.order_by(
        "award__purchase__receipt_no", "award__program", "purchase_return__return_no"
    )
    return list(
        rows.values("award__purchase__receipt_no", "award__program", "asked", "points", "explanation")
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("later", [0, 25])
def test_the_same_books_as_one_by_one(seed: int, later: int) -> None:
    """`later` receipts of the till have taken the small change over: then neighbours have to give points."""
    store, members, programs = world()
    settle_many(receipts(store, members, seed), actor=TILL, now=NOON)
    ids = list(Purchase.objects.values_list("pk", flat=True))
    settle_many(receipts(store, members, 100 + seed, later), actor=TILL, now=NOON)
    with transaction.atomic():
        endings = together(ids)
        bulk, bulk_taken = books(programs), taken()
        transaction.set_rollback(True)
    singly([pk for pk, ending in endings.items() if ending is Ending.RETURNED])
    assert list(endings.values()).count(Ending.RETURNED) > 30
    assert bulk_taken == taken()
    assert bulk == books(programs)
    neighbours = [row for row in bulk_taken if "for_purchase" in row["explanation"]]
    assert neighbours or not later


def test_a_neighbour_in_the_same_chunk_gives_once() -> None:
    """Points that a later receipt's return has cost an earlier one are not taken from it again."""
    program = ProgramFactory(earn_amount=50, carry_over=True)
    store, member = StoreFactory(), MemberFactory()
    ids = [settle(store, member, paid).purchase_id for paid in ("50", "30", "30", "30")]
    Carry.objects.update(amount=0)  # as if somebody had taken it
    assert set(together(ids).values()) == {Ending.RETURNED}
    assert [(row["points"], row["returned"]) for row in books([program])[0]["awards"]] == [
        (1, 1), (0, 0), (1, 1), (0, 0),
    ]  # fmt: skip
    assert Account.objects.get().balance == 0


def test_the_work_does_not_grow_with_the_receipts() -> None:
    ProgramFactory(earn_amount=50, carry_over=True)
    store, members = StoreFactory(), [MemberFactory() for _n in range(3)]
    told = [receipt(store, members[number % 3], 7 + number) for number in range(60)]
    settle_many(told, actor=TILL, now=NOON)
    ids = list(Purchase.objects.order_by("pk").values_list("pk", flat=True))
    counts = []
    for part in (ids[50:], ids[:50]):
        with CaptureQueriesContext(connection) as asked:
            together(part)
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert not Account.objects.exclude(balance=0).exists() and not Carry.objects.exclude(amount=0).exists()
