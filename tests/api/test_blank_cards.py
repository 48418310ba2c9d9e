"""A card that collected before anybody was named for it joins the member, from the app (S28)."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from members.models import Member
from members.services import blank_cards
from points.models import Account, Program
from tests.factories.backoffice import StoreFactory
from tests.factories.points import TESTER, AccountFactory, give

pytestmark = pytest.mark.django_db


@pytest.fixture
def card(house: Any) -> Member:
    store = StoreFactory()
    (made,) = blank_cards.issue(count=1, store=store, actor=TESTER, key="k", now=timezone.now())
    give(AccountFactory(member=made, program=Program.objects.get(is_default=True)), 120)
    return made


def balance_of(member: Member) -> int:
    return sum(Account.objects.filter(member=member).values_list("balance", flat=True))


def test_a_member_joins_a_card_and_a_retry_changes_nothing(house: Any, card: Member) -> None:
    before = balance_of(house.member)
    api = house.as_member()
    for _time in (1, 2):
        answer = api.post("/me/cards", {"card_no": card.card_no}, key="same")
        assert (answer.status_code, answer.json()) == (200, {"card_no": house.member.card_no})
    assert balance_of(house.member) == before + 120


def test_every_card_that_cannot_be_joined_gets_one_answer(house: Any, card: Member) -> None:
    api = house.as_member()
    answers = [
        api.post("/me/cards", {"card_no": number}) for number in ("9000000000000000", house.other.card_no)
    ]
    assert [answer.status_code for answer in answers] == [409, 409]
    first, second = (answer.json() for answer in answers)
    assert {**first, "request_id": ""} == {**second, "request_id": ""}
    assert first["code"] == "card_not_claimed"
