"""How many statements a till waits for: bounded, and the same however long the receipt is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backoffice.choices import ApiKeyKind
from backoffice.models import IdempotencyKey
from campaigns.models import Award, Carry, Grant, TillRecord
from members.cards import new_card_no
from members.choices import MemberStatus
from members.models import Member, Purchase, PurchaseLine, PurchaseTender
from members.services import card_codes
from points.models import Entry
from tests.api.conftest import Api, House
from tests.api.test_grants import grant
from tests.api.test_tills import hold, ok, receipt, refused, till
from tests.factories.points import ProgramFactory, give

# BEGIN and COMMIT are statements only where they are sent.
pytestmark = pytest.mark.django_db(transaction=True)
MOST_OF_A_PURCHASE = 12
# Whose key, BEGIN, what it meets, what it books, the answer, COMMIT.
OF_A_PLAIN_PURCHASE = 6


def statements(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as caught:
        answer = call()
    assert answer.status_code in (200, 201), answer.content.decode()
    return len(caught)


def long_receipt(house: House, lines: int, **values: Any) -> dict[str, Any]:
    return receipt(
        house,
        f"{lines * 10}.00",
        lines=[{"sku": f"tea-{place}", "quantity": "1.5", "amount": "10.00"} for place in range(lines)],
        tenders=[{"method": "cash", "amount": f"{lines * 10}.00"}],
        **values,
    )


@pytest.fixture
def warm(house: House) -> Api:
    """A till whose process has taken its portion of the minute and knows the programs."""
    api = till(house)
    ok(api.post("/purchases", receipt(house)))
    return api


def test_a_receipt_takes_the_same_few_statements_with_one_line_five_and_fifty(
    house: House, warm: Api
) -> None:
    counts = {
        lines: statements(lambda lines=lines: warm.post("/purchases", long_receipt(house, lines)))
        for lines in (1, 5, 50)
    }
    assert set(counts.values()) == {OF_A_PLAIN_PURCHASE}, counts
    assert PurchaseLine.objects.count() == 56 and PurchaseTender.objects.count() == 3


def test_a_receipt_by_token_by_screen_and_of_three_programs_stays_within_the_bound(
    house: House, warm: Api
) -> None:
    ProgramFactory(code="stars", earn_amount=50, carry_over=True)
    ProgramFactory(code="later", pending_days=3)
    token = ok(warm.post("/looks", {"card": house.member.card_no}))["token"]
    code = card_codes.issue(member=house.member, now=timezone.now()).code
    ok(warm.post("/purchases", receipt(house)))
    for card in (token, code, house.member.card_no):
        assert statements(lambda card=card: warm.post("/purchases", long_receipt(house, 5, card=card))) <= (
            MOST_OF_A_PURCHASE
        )
    assert Award.objects.filter(purchase=Purchase.objects.latest("pk")).count() == 3
    assert Carry.objects.get().amount == 35  # 135 + 3 x 50, in units of 50


@pytest.mark.parametrize(
    ("name", "most"), [("balance", 3), ("quote", 12), ("hold", 21), ("commit", 16), ("replay", 6)]
)
def test_what_else_somebody_waits_for(house: House, warm: Api, name: str, most: int) -> None:
    give(house.account, 1000, now=timezone.now())
    me = house.as_member()
    ok(me.get("/me/points"))
    held, told = hold(house, 20), receipt(house)
    ok(warm.post("/holds", held), 201)
    ok(warm.post("/purchases", told, key="again"))
    calls = {
        "balance": lambda: me.get("/me/points"),
        "quote": lambda: warm.post("/quotes", {"card": house.member.card_no, "amount": "100.00"}),
        "hold": lambda: warm.post("/holds", hold(house, 20)),
        "commit": lambda: warm.post(f"/holds/{held['hold_no']}/commit"),
        "replay": lambda: warm.post("/purchases", told, key="again"),
    }
    assert statements(calls[name]) <= most


@pytest.mark.parametrize("card", [True, False], ids=["member", "nobody"])
def test_the_answer_to_a_receipt_is_the_one_that_is_read_later(house: House, warm: Api, card: bool) -> None:
    ProgramFactory(code="stars", earn_amount=50, carry_over=True, name="星", unit="顆")
    ProgramFactory(code="later", pending_days=3)
    ProgramFactory(code="off", is_active=False)
    for paid in ("135.00", "20.5", "0.00", "49"):
        told = receipt(house, paid, card=house.member.card_no if card else None)
        told["purchased_at"] = timezone.localtime().isoformat()
        answered = ok(warm.post("/purchases", told))
        assert answered == ok(warm.get(f"/purchases/{told['receipt_no']}"))


def test_a_receipt_with_points_in_it_is_answered_as_it_is_read(house: House, warm: Api) -> None:
    give(house.account, 400, now=timezone.now())
    told = receipt(house, "10.00", redeem={"points": 120})
    answered = ok(warm.post("/purchases", told))
    assert answered == ok(warm.get(f"/purchases/{told['receipt_no']}"))
    assert answered["redeemed"]["spent"] == 120


def test_a_rule_counts_from_the_very_next_receipt(house: House, warm: Api) -> None:
    for points in (3, 5):
        house.program.earn_points = points
        house.program.version += 1
        house.program.save()
        (earned,) = ok(warm.post("/purchases", receipt(house, "10.00")))["earned"]
        assert earned["points"] == 10 * points
    assert Award.objects.latest("pk").rule_version == house.program.version


def test_a_grant_is_two_statements_its_key_and_itself(house: House) -> None:
    ProgramFactory(code="later", pending_days=3)
    api = Api(house.key(ApiKeyKind.PARTNER).secret)
    # The process takes its portion of the minute and sees the programs.
    for code in ("", "main", "later"):
        ok(api.post("/grants", grant(house, program=code)))
    for values in ({}, {"program": "main"}, {"program": "later"}, {"reason": "12 months"}):
        told = grant(house, **values)
        assert statements(lambda told=told: api.post("/grants", told)) == 2
    code = card_codes.issue(member=house.member, now=timezone.now()).code
    assert statements(lambda: api.post("/grants", grant(house, card=code))) <= 16
    assert statements(lambda: api.post("/grants", told)) <= 16
    assert Grant.objects.count() == 8


def test_a_refused_receipt_leaves_nothing(house: House, warm: Api) -> None:
    told = receipt(house)
    Member.objects.filter(pk=house.member.pk).update(
        status=MemberStatus.MERGED, merged_into=house.other, phone=""
    )
    before = Purchase.objects.count(), Entry.objects.count(), IdempotencyKey.objects.count()
    told["redeem"] = {"points": 99_999}
    assert warm.post("/purchases", told).status_code == 409
    refused(warm.post("/purchases", receipt(house, card=new_card_no())), 404, "no_such_card")
    assert before == (Purchase.objects.count(), Entry.objects.count(), IdempotencyKey.objects.count())
    # Without points in it, it goes to whom he has become.
    assert ok(warm.post("/purchases", receipt(house)))["member"]["name"] == "林○美"
    assert TillRecord.objects.count() == Purchase.objects.count()
