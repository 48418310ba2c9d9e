"""The balances that a receipt's answer tells are those that anybody reads afterwards, whatever it did."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from members.services import merging
from tests.api.conftest import HOUSE, Api, House
from tests.api.test_tills import back, hold, ok, receipt, till
from tests.factories.points import ProgramFactory, give

pytestmark = pytest.mark.django_db
LASTING = (
    "balances",
    "earned",
    "small_change",
    "redeemed",
    "member",
    "paid",
    "returned",
    "messages",
    "state",
)


def agree(api: Api, member: Api, answer: dict[str, Any]) -> None:
    """What the answer says, the receipt's own address and the member's own balance are one."""
    read = ok(api.get(f"/purchases/{answer['receipt_no']}"))
    assert {name: answer[name] for name in LASTING} == {name: read[name] for name in LASTING}
    assert answer["balances"] == ok(member.get("/me/points"))["items"]


@pytest.mark.parametrize("seed", range(4))
def test_a_walk_of_receipts_is_told_as_it_is_read(house: House, seed: int) -> None:
    chance = random.Random(seed)
    now = timezone.now()
    house.program.carry_over, house.program.earn_amount = seed % 2 == 0, Decimal(50)
    house.program.cash_points, house.program.cash_amount = 1, Decimal(1)
    house.program.save()
    ProgramFactory(code="growth", pending_days=7, spendable=False, earn_amount=Decimal(100))
    ProgramFactory(code="short", expiry_value=1)
    give(house.account, 200, now=now, expires_at=now + timedelta(days=3))
    api, member = till(house), house.as_member()
    receipts: list[str] = []
    for _turn in range(15):
        told = receipt(house, f"{chance.choice((0, 30, 49.99, 120, 777))}")
        kind = chance.choice(("plain", "plain", "redeem", "hold", "parked", "return", "again"))
        if kind == "redeem":
            told |= {"redeem": {"points": chance.randrange(1, 9)}}
        elif kind == "hold":
            held = hold(house, 6)
            ok(api.post("/holds", held), 201)
            told |= {"redeem": {"hold_no": held["hold_no"], "points": chance.randrange(1, 7)}}
        elif kind == "parked":
            told["paid"] = "500.00"
            parked = back(f"{chance.randrange(1, 500)}", park=True)
            assert api.post(f"/purchases/{told['receipt_no']}/returns", parked).status_code < 300
        elif kind == "return" and receipts:
            paid = Decimal(ok(api.get(f"/purchases/{receipts[-1]}"))["paid"])
            if paid >= 1:
                api.post(f"/purchases/{receipts[-1]}/returns", back("1.00"))
        answer = ok(api.post("/purchases", told))
        agree(api, member, answer)
        receipts.append(told["receipt_no"])
        if kind == "again":
            assert ok(api.post("/purchases", told)) == answer


def test_a_merged_member_is_told_what_the_one_has_whom_he_became(house: House) -> None:
    gone = house.other
    card = gone.card_no
    merging.merge(duplicate=gone, survivor=house.member, reason="twin", actor=HOUSE, now=timezone.now())
    api = till(house)
    told = receipt(house, "135.00", card=card)
    answer = api.post("/purchases", told, key="one")
    if answer.status_code == 200:
        agree(api, house.as_member(), ok(answer))
    else:
        # The key is free again.
        again = ok(api.post("/purchases", {**told, "card": house.member.card_no}, key="one"))
        agree(api, house.as_member(), again)


def test_a_refused_card_leaves_the_key_free(house: House) -> None:
    api, told = till(house), receipt(house, "135.00", card="1234567890123456")
    assert api.post("/purchases", told, key="one").status_code in (400, 404)
    assert ok(api.get("/operations/one"))["state"] == "never_seen"
    agree(
        api, house.as_member(), ok(api.post("/purchases", {**told, "card": house.member.card_no}, key="one"))
    )
