"""In a sliding program every spend is an activity, whichever way the points are spent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from points.choices import ExpiryPolicy
from points.models import Lot, LotExtension
from points.rules import expiry_of
from tests.api.conftest import House
from tests.api.test_tills import hold, ok, receipt, till
from tests.factories.points import give

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("way", ["at once", "commit", "receipt"])
def test_spending_moves_the_deadlines_of_what_is_left(house: House, way: str) -> None:
    house.program.expiry_policy, house.program.expiry_value = ExpiryPolicy.SLIDING, 12
    house.program.earn_points = 0
    house.program.save()
    now = timezone.now()
    give(house.account, 500, now=now, expires_at=now + timedelta(days=20))
    api, told = till(house), hold(house, 100)
    if way == "at once":
        ok(api.post("/purchases", receipt(house, "0.00", redeem={"points": 120})))
    else:
        ok(api.post("/holds", told), 201)
        # Setting points aside is not yet spending them.
        assert Lot.objects.get().expires_at == now + timedelta(days=20)
        if way == "commit":
            ok(api.post(f"/holds/{told['hold_no']}/commit"))
        else:
            ok(api.post("/purchases", receipt(house, "0.00", redeem={"hold_no": told["hold_no"]})))
    assert Lot.objects.get().expires_at == expiry_of(house.program, timezone.now())
    assert LotExtension.objects.get().reason == "activity"
