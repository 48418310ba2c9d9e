"""Receipts and returns: facts that are stored once, and never more back than was paid (I27)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum
from hypothesis import given
from hypothesis import strategies as st

from members.errors import (
    InvalidReceipt,
    ReceiptDiffers,
    ReturnDiffers,
    ReturnExceedsLine,
    ReturnExceedsPayment,
)
from members.models import Member, Purchase, PurchaseReturn
from members.purchase_data import LineData, PurchaseData, ReturnLineData, TenderData
from members.services.purchases import record_purchase, record_return
from tests.factories.backoffice import StoreFactory
from tests.factories.members import MemberFactory, PurchaseFactory

D = Decimal
LINES = (
    LineData(1, D("700.00"), quantity=D("2"), sku="TEA", category="DRINK"),
    LineData(2, D("300.50"), quantity=D("0.350"), category="MEAT"),
)
TENDERS = (TenderData(1, "card", D("900.50")), TenderData(2, "points", D("100"), reference="60"))


@pytest.fixture
def receipt(db: None, now: datetime) -> dict[str, Any]:
    return {
        "source": "pos",
        "receipt_no": "A-1",
        "member": MemberFactory(),
        "store": StoreFactory(),
        "purchased_at": now - timedelta(hours=1),
        "gross": D("1100.50"),
        "discount": D("100.00"),
        "paid": D("1000.50"),
        "lines": LINES,
        "tenders": TENDERS,
        "now": now,
    }


class TestRecording:
    def test_a_receipt_with_lines_and_tenders(self, receipt: dict[str, Any]) -> None:
        purchase, created = record_purchase(**receipt)
        assert created
        stored = Purchase.objects.get()
        assert stored == purchase
        assert (stored.paid, stored.item_count, stored.recorded_at) == (D("1000.50"), 2, receipt["now"])
        assert [line.quantity for line in stored.lines.all()] == [D("2.000"), D("0.350")]
        assert [tender.method for tender in stored.tenders.all()] == ["card", "points"]

    def test_the_same_receipt_again_is_the_stored_one(self, receipt: dict[str, Any]) -> None:
        purchase, _ = record_purchase(**receipt)
        later = {
            **receipt,
            "now": receipt["now"] + timedelta(days=1),
            "lines": LINES[::-1],
            "paid": D("1000.5"),
        }
        assert record_purchase(**later) == (purchase, False)
        assert Purchase.objects.count() == 1
        assert purchase.lines.count() == 2

    def test_a_member_merged_since_is_still_the_same(self, receipt: dict[str, Any]) -> None:
        purchase, _ = record_purchase(**receipt)
        survivor = MemberFactory()
        Member.objects.filter(pk=receipt["member"].pk).update(status="merged", merged_into=survivor)
        Purchase.objects.filter(pk=purchase.pk).update(member=survivor)
        assert record_purchase(**receipt) == (purchase, False)

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"paid": D("1000")}, "paid"),
            ({"member": None}, "member"),
            ({"lines": LINES[:1]}, "item_count, lines"),
            ({"tenders": ()}, "tenders"),
            ({"channel": "web"}, "channel"),
            ({"invoice_no": "AB12345678"}, "invoice_no"),
        ],
    )
    def test_other_content_is_refused(
        self, receipt: dict[str, Any], change: dict[str, Any], named: str
    ) -> None:
        record_purchase(**receipt)
        with pytest.raises(ReceiptDiffers) as refusal:
            record_purchase(**(receipt | change))
        assert refusal.value.details["fields"] == named
        assert Purchase.objects.get().paid == D("1000.50")

    def test_a_refusal_leaves_the_callers_transaction_whole(self, receipt: dict[str, Any]) -> None:
        record_purchase(**receipt)
        with transaction.atomic():
            with pytest.raises(ReceiptDiffers):
                record_purchase(**(receipt | {"paid": D(1)}))
            assert record_purchase(**(receipt | {"receipt_no": "A-2"}))[1]

    def test_the_same_number_of_another_till_system_is_another_receipt(self, receipt: dict[str, Any]) -> None:
        record_purchase(**receipt)
        assert record_purchase(**(receipt | {"source": "web"}))[1]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"paid": D("-1")},
            {"paid": D("1.005")},
            {"paid": D("NaN")},
            {"paid": 1.5},
            {"gross": D("1e10")},
            {"receipt_no": " "},
            {"receipt_no": "x" * 65},
            {"source": "nul\x00"},
            {"channel": "tv"},
            {"order_type": "magic"},
            {"purchased_at": datetime(2026, 1, 1)},
            {"lines": (LINES[0], LINES[0])},
            {"item_count": -1},
        ],
    )
    def test_impossible_values(self, receipt: dict[str, Any], wrong: dict[str, Any]) -> None:
        with pytest.raises(InvalidReceipt):
            record_purchase(**(receipt | wrong))
        assert not Purchase.objects.exists()


@given(cents=st.integers(min_value=0, max_value=10**12 - 1))
def test_every_amount_in_cents_is_money(cents: int) -> None:
    now = datetime.fromisoformat("2026-06-15T12:00:00+08:00")
    amount = D(cents) / 100
    assert PurchaseData("pos", "A", 1, now, amount, amount).paid == amount


@pytest.fixture
def bought(db: None) -> Purchase:
    return PurchaseFactory(paid=D("1000.00"), with_line=True, with_line__quantity=D(4))


def give_back(purchase: Purchase, now: datetime, **changes: Any) -> tuple[PurchaseReturn, bool]:
    arguments: dict[str, Any] = {
        "purchase": purchase,
        "source": "pos",
        "return_no": "T-1",
        "amount": D("400.00"),
        "returned_at": now,
        "now": now,
    }
    return record_return(**(arguments | changes))


class TestReturning:
    def test_until_nothing_is_left(self, bought: Purchase, now: datetime) -> None:
        give_back(bought, now)
        give_back(bought, now, return_no="T-2", amount=D("600.00"))
        with pytest.raises(ReturnExceedsPayment) as refusal:
            give_back(bought, now, return_no="T-3", amount=D("0.01"))
        assert refusal.value.details["left"] == 0
        assert "NT$0.00" in str(refusal.value)
        assert bought.returns.count() == 2

    def test_the_same_return_again_is_the_stored_one(self, bought: Purchase, now: datetime) -> None:
        row, created = give_back(bought, now, amount=D("1000.00"))
        assert created
        assert give_back(bought, now, amount=D("1000"), reason="again") == (row, False)
        assert bought.returns.count() == 1

    @pytest.mark.parametrize("change", [{"amount": D("399")}, {"lines": (ReturnLineData(1, D(1), D(1)),)}])
    def test_other_content_is_refused(self, bought: Purchase, now: datetime, change: dict[str, Any]) -> None:
        give_back(bought, now)
        with pytest.raises(ReturnDiffers):
            give_back(bought, now, **change)

    def test_a_number_belongs_to_one_receipt(self, bought: Purchase, now: datetime) -> None:
        give_back(bought, now)
        with pytest.raises(ReturnDiffers) as refusal:
            give_back(PurchaseFactory(), now)
        assert refusal.value.details["fields"] == "purchase"

    def test_lines_never_come_back_twice(self, bought: Purchase, now: datetime) -> None:
        row, _ = give_back(bought, now, lines=(ReturnLineData(1, D(3), D("400")),))
        assert row.lines.get().quantity == D(3)
        for line in (ReturnLineData(1, D(2), D("100")), ReturnLineData(1, D(1), D("601"))):
            with pytest.raises(ReturnExceedsLine):
                give_back(bought, now, return_no="T-2", amount=D("100"), lines=(line,))
        give_back(bought, now, return_no="T-2", amount=D("600"), lines=(ReturnLineData(1, D(1), D("600")),))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"amount": D(0)},
            {"reason": "x" * 201},
            {"amount": D("-5")},
            {"return_no": ""},
            {"lines": (ReturnLineData(9, D(1), D(1)),)},
            {"lines": (ReturnLineData(1, D(1), D(1)), ReturnLineData(1, D(1), D(1)))},
        ],
    )
    def test_impossible_values(self, bought: Purchase, now: datetime, wrong: dict[str, Any]) -> None:
        with pytest.raises(InvalidReceipt):
            give_back(bought, now, **wrong)
        assert not PurchaseReturn.objects.exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_one_receipt_told_by_six(
        self, receipt: dict[str, Any], together: Callable[[list[Callable[[], Any]]], list[Any]]
    ) -> None:
        answers = together([lambda: record_purchase(**receipt)] * 6)
        assert sorted(created for _, created in answers) == [False] * 5 + [True]
        assert Purchase.objects.count() == 1

    def test_returns_at_once_never_exceed_the_payment(
        self, bought: Purchase, now: datetime, together: Callable[[list[Callable[[], Any]]], list[Any]]
    ) -> None:
        answers = together(
            [lambda n=n: give_back(bought, now, return_no=f"T-{n}") for n in range(6)]  # type: ignore[misc]
        )
        assert bought.returns.aggregate(total=Sum("amount"))["total"] == D("800.00")
        assert sum(isinstance(answer, ReturnExceedsPayment) for answer in answers) == 4, answers

    def test_control_without_the_lock_they_do(
        self, bought: Purchase, now: datetime, together: Callable[[list[Callable[[], Any]]], list[Any]]
    ) -> None:
        from threading import Barrier

        looked = Barrier(4)

        def unlocked(number: int) -> None:
            with transaction.atomic():
                returned = bought.returns.aggregate(total=Sum("amount"))["total"] or D(0)
                looked.wait(timeout=5)
                if returned + D("400") <= bought.paid:
                    PurchaseReturn.objects.create(
                        purchase=bought,
                        source="pos",
                        return_no=f"T-{number}",
                        amount=D("400"),
                        returned_at=now,
                        recorded_at=now,
                    )

        together([lambda n=n: unlocked(n) for n in range(4)])  # type: ignore[misc]
        assert bought.returns.aggregate(total=Sum("amount"))["total"] == D("1600")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE members_purchase SET paid = paid + 1000",
        "UPDATE members_purchase SET receipt_no = 'again'",
        "DELETE FROM members_purchase",
        "UPDATE members_purchaseline SET amount = 1",
        "DELETE FROM members_purchasetender",
        "UPDATE members_purchasereturn SET amount = 1",
        "DELETE FROM members_purchasereturnline",
    ],
)
def test_the_database_refuses_to_change_a_receipt(
    receipt: dict[str, Any], now: datetime, statement: str
) -> None:
    """A receipt that grew, or a return that shrank, would move points without a word in the books."""
    stored = record_purchase(**receipt)[0]
    record_return(
        purchase=stored,
        source="pos",
        return_no="R-1",
        amount=D("350.00"),
        returned_at=now,
        now=now,
        lines=(ReturnLineData(1, D("1"), D("350.00")),),
    )
    with pytest.raises(DatabaseError, match="refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    Purchase.objects.filter(pk=stored.pk).update(member=MemberFactory())
