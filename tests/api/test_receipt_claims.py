"""A member adds a receipt that was made without his card, from the app (S89)."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from campaigns.services import claims
from members.models import Member, Purchase
from points.models import Account
from tests.api.conftest import House
from tests.api.test_tills import ok, receipt, refused, till

pytestmark = pytest.mark.django_db


@pytest.fixture
def slip(house: House) -> dict[str, Any]:
    ok(till(house).post("/purchases", receipt(house, "135.00", card=None, invoice_no="AB12345678")))
    return {"invoice_no": "AB-12345678", "bought_on": timezone.localdate().isoformat(), "paid": "135.00"}


def balance_of(house: House) -> int:
    return Account.objects.get(pk=house.account.pk).balance


def test_it_earns_once_and_a_retry_gets_the_same_answer(house: House, slip: dict[str, Any]) -> None:
    app = house.as_member()
    first = app.post("/me/receipts", slip, key="same")
    body = ok(first, 201)
    assert (body["invoice_no"], body["earned"][0]["points"]) == ("AB12345678", 135)
    assert app.post("/me/receipts", slip, key="same").content == first.content
    refused(app.post("/me/receipts", slip), 409, "claimed_already")
    refused(house.as_member(house.other).post("/me/receipts", slip), 409, "claimed_already")
    assert balance_of(house) == 135


def test_a_wrong_slip_is_one_answer_and_tries_are_counted(house: House, slip: dict[str, Any]) -> None:
    app = house.as_member()
    for wrong in ({"paid": "136.00"}, {"invoice_no": "AB12345679"}):
        refused(app.post("/me/receipts", {**slip, **wrong}), 404, "no_such_receipt")
    for _try in range(claims.TRIES - 2):
        app.post("/me/receipts", {**slip, "paid": "1.00"})
    refused(app.post("/me/receipts", slip), 429, "limit_reached")
    assert Purchase.objects.get().member_id is None


def test_a_receipt_of_another_brand_stays_with_whose_it_is(house: House, slip: dict[str, Any]) -> None:
    Member.objects.filter(pk=house.other.pk).update(brand=house.other_store.brand)
    refused(house.as_member(house.other).post("/me/receipts", slip), 404, "no_such_receipt")
    assert Purchase.objects.get().member_id is None
    ok(house.as_member().post("/me/receipts", slip), 201)
    assert balance_of(house) == 135
