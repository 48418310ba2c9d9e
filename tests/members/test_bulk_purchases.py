"""Many receipts at once end exactly where one at a time would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from members.errors import ReceiptDiffers
from members.models import Purchase, PurchaseLine, PurchaseTender
from members.purchase_data import LineData, PurchaseData, ReceiptKey, TenderData
from members.services.bulk_purchases import record_many
from members.services.purchases import record_purchase
from tests.factories.backoffice import StoreFactory
from tests.factories.members import MemberFactory

D = Decimal


def receipts(now: datetime, count: int, source: str = "pos") -> list[PurchaseData]:
    store, member = StoreFactory(), MemberFactory()
    return [
        PurchaseData(
            source,
            f"R{number}",
            store.pk,
            now + timedelta(seconds=number),
            D(100 + number),
            D(90 + number),
            member_id=member.pk if number % 3 else None,
            discount=D(10),
            item_count=None if number % 2 else 7,
            lines=tuple(LineData(n, D(45), category="肉類, \\N\t") for n in range(1, 1 + number % 3)),
            tenders=(TenderData(1, "cash", D(90 + number)),) if number % 2 else (),
        )
        for number in range(count)
    ]


@pytest.mark.django_db
class TestRecordingMany:
    def test_the_same_rows_as_one_by_one(self, now: datetime) -> None:
        data = receipts(now, 20)
        ids = record_many(data, now=now)
        assert set(ids) == {ReceiptKey("pos", f"R{number}") for number in range(20)}
        for one in data:
            stored = Purchase.objects.get(pk=ids[one.key])
            again, created = record_purchase(
                source=one.source,
                receipt_no=one.receipt_no,
                member=stored.member,
                store=stored.store,
                purchased_at=one.purchased_at,
                gross=one.gross,
                discount=one.discount,
                paid=one.paid,
                lines=one.lines,
                tenders=one.tenders,
                item_count=one.item_count,
                now=now,
            )
            assert (again, created) == (stored, False)
            assert stored.member_id == one.member_id
            assert stored.recorded_at == now

    def test_twice_is_once(self, now: datetime) -> None:
        data = receipts(now, 12)
        first = record_many(data[:8], now=now)
        second = record_many(data, now=now + timedelta(hours=1))
        assert second == first | {key: second[key] for key in (one.key for one in data[8:])}
        assert Purchase.objects.count() == 12
        assert PurchaseLine.objects.count() == sum(len(one.lines) for one in data)
        assert PurchaseTender.objects.count() == sum(len(one.tenders) for one in data)

    def test_other_content_stops_it_all(self, now: datetime) -> None:
        data = receipts(now, 6)
        record_many(data[:1], now=now)
        with pytest.raises(ReceiptDiffers), transaction.atomic():
            record_many([*data[1:], replace(data[0], paid=D(1))], now=now)
        assert Purchase.objects.count() == 1

    def test_a_receipt_that_comes_twice_in_a_chunk(self, now: datetime) -> None:
        data = receipts(now, 2)
        assert len(record_many([*data, data[0]], now=now)) == 2
        with pytest.raises(ReceiptDiffers):
            record_many([data[0], replace(data[0], paid=D(1))], now=now)

    def test_nothing_is_nothing(self, now: datetime) -> None:
        assert record_many([], now=now) == {}

    def test_chunks_in_one_transaction_under_the_applications_role(self, now: datetime) -> None:
        data = receipts(now, 9)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE shuke_app")
            for start in (0, 3, 6):
                record_many(data[start : start + 3], now=now)
            cursor.execute("RESET ROLE")
        assert Purchase.objects.count() == 9


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_the_same_chunk_from_both_ends(
    now: datetime, together: Callable[[list[Callable[[], Any]]], list[Any]]
) -> None:
    """The insert goes by key, so neither waits in a circle for the other."""
    data = receipts(now, 300)
    answers = together(
        [lambda: record_many(data, now=now), lambda: record_many(list(reversed(data)), now=now)]
    )
    assert answers[0] == answers[1]
    assert Purchase.objects.count() == 300
