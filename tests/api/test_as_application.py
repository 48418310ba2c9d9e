"""The API under the role that production gives it: it owns nothing and writes no ledger table itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.utils import timezone

from tests.api.conftest import House
from tests.api.test_tills import hold, ok, receipt, till
from tests.factories.points import give

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_application(house: House) -> Iterator[None]:
    give(house.account, 200, now=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE shuke_app")
        yield
        cursor.execute("RESET ROLE")


def test_the_application_s_role_tells_balances_books_receipts_and_spends(
    house: House, as_application: None
) -> None:
    api, member = till(house), house.as_member()
    assert ok(member.get("/me/points"))["items"][0]["available"] == 200
    earned = ok(api.post("/purchases", receipt(house, "130.00")))
    assert earned["balances"] == ok(member.get("/me/points"))["items"]
    held = hold(house, 6)
    ok(api.post("/holds", held), 201)
    redeemed = {"redeem": {"hold_no": held["hold_no"]}}
    ok(api.post("/purchases", receipt(house, "30.00") | redeemed))
