"""Two tills and a member in a hurry: what happens at once, with a control that shows the race."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from backoffice.actors import Actor
from campaigns.models import OfflineItem, Reservation, TillItem
from campaigns.services.tills import purchases, returns
from members.models import Purchase
from points.models import Account, Entry
from tests.api.conftest import Api, House, Race
from tests.api.test_till_offline import allowance, queue, spend
from tests.api.test_tills import back, hold, receipt, till
from tests.factories.points import give

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def at_once(together: Race, calls: list[Callable[[], Any]]) -> list[Any]:
    answers = together(calls)
    broken = [answer for answer in answers if isinstance(answer, Exception)]
    assert not broken, broken[:3]
    return answers


def test_p07_fifty_at_once_on_one_key_have_one_effect_and_one_answer(house: House, together: Race) -> None:
    api, told = till(house), receipt(house, "100.00")

    def post() -> Any:
        for _turn in range(40):
            answer = Api(api.token).post("/purchases", told, key="one-key")
            if answer.status_code not in (409, 503):
                return answer
            time.sleep(0.2)
        return answer

    answers = at_once(together, [post] * 50)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert Entry.objects.count() == 1 and Purchase.objects.count() == 1


def test_t1_spends_from_two_tills_are_balance_by_price_exactly(house: House, together: Race) -> None:
    give(house.account, 400, now=timezone.now())
    tokens = [till(house).token, till(house).token]
    tolds = [receipt(house, "0.00", redeem={"points": 120}) for _ in range(20)]
    calls = [
        lambda told=told, token=tokens[place % 2]: Api(token).post("/purchases", told)
        for place, told in enumerate(tolds)
    ]
    answers = at_once(together, calls)
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] * 3 + [409] * 17, statuses
    account = Account.objects.get(pk=house.account.pk)
    assert (account.balance, Entry.objects.filter(kind="spend").count()) == (40, 3)
    assert Reservation.objects.count() == 3 and Purchase.objects.count() == 3


def test_control_a_balance_that_is_looked_at_first_lets_more_through(house: House, together: Race) -> None:
    give(house.account, 350, now=timezone.now())
    spent: list[int] = []

    def naive() -> None:
        balance = Account.objects.get(pk=house.account.pk).balance - sum(spent)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.05)")
        if balance >= 100:
            spent.append(100)

    at_once(together, [naive] * 20)
    assert len(spent) > 3


def test_holds_of_many_tills_never_set_aside_more_than_there_is(house: House, together: Race) -> None:
    give(house.account, 350, now=timezone.now())
    token = till(house).token
    tolds = [hold(house, 100) for _ in range(12)]
    calls = [lambda told=told: Api(token).post("/holds", told) for told in tolds]
    answers = at_once(together, calls)
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 9
    assert Account.objects.get(pk=house.account.pk).held == 300


def test_one_number_at_once_under_two_keys_is_one_hold(house: House, together: Race) -> None:
    give(house.account, 1000, now=timezone.now())
    token = till(house).token
    for _ in range(4):
        told = hold(house, 50)
        answers = at_once(together, [lambda told=told: Api(token).post("/holds", told) for _ in range(6)])
        assert [answer.status_code for answer in answers] == [201] * 6
        assert len({answer.content for answer in answers}) == 1
    assert (Reservation.objects.count(), Account.objects.get(pk=house.account.pk).held) == (4, 200)


def test_a_commit_and_a_release_at_once_end_a_hold_once(house: House, together: Race) -> None:
    give(house.account, 1000, now=timezone.now())
    token = till(house).token
    for _ in range(4):
        number = Api(token).post("/holds", hold(house, 100)).json()["hold_no"]
        calls = [
            lambda number=number, verb=verb: Api(token).post(f"/holds/{number}/{verb}")
            for verb in ("commit", "release") * 3
        ]
        at_once(together, calls)
        assert Api(token).get(f"/holds/{number}").json()["state"] in ("committed", "released")
    account = Account.objects.get(pk=house.account.pk)
    committed = Reservation.objects.filter(state="committed").count()
    assert (account.balance, account.held) == (1000 - 100 * committed, 0)
    assert Entry.objects.filter(kind="spend").count() == committed


def test_a_return_and_its_receipt_at_once_end_in_the_same_books(house: House, together: Race) -> None:
    token = till(house).token
    for _ in range(5):
        told, early = receipt(house, "100.00"), back("40.00", park=True)
        path = f"/purchases/{told['receipt_no']}/returns"
        at_once(
            together,
            [
                lambda told=told: Api(token).post("/purchases", told),
                lambda path=path, early=early: Api(token).post(path, early),
            ],
        )
        # The till sends again what it has no final answer to.
        Api(token).post("/purchases", told)
        assert Api(token).post(path, early).json()["state"] == "settled"
    assert Account.objects.get(pk=house.account.pk).balance == 300
    assert not TillItem.objects.filter(state="parked").exists()


@pytest.mark.parametrize("healed_by", ["the return told again", "the receipt told again", "the sweep"])
def test_control_a_return_that_crosses_its_receipt_waits_until_somebody_looks_again(
    house: House, together: Race, healed_by: str
) -> None:
    """Neither sees the other before both have committed: that is the race, and why somebody looks again."""
    token = till(house).token
    told, early = receipt(house, "100.00"), back("40.00", park=True)
    path = f"/purchases/{told['receipt_no']}/returns"
    written = Barrier(2)

    def waiting(verb: Callable[..., Any]) -> Callable[..., Any]:
        """The verb, and no commit before the other has written, too."""

        def both(*args: Any, **kwargs: Any) -> Any:
            answer = verb(*args, **kwargs)
            written.wait(timeout=20)
            return answer

        return both

    with pytest.MonkeyPatch.context() as patch:
        for place, name in ((purchases, "settle_met"), (returns, "_kept")):
            patch.setattr(place, name, waiting(getattr(place, name)))
        answers = at_once(
            together, [lambda: Api(token).post("/purchases", told), lambda: Api(token).post(path, early)]
        )
    assert [answer.status_code for answer in answers] == [200, 200]
    assert TillItem.objects.get().state == "parked"
    assert Account.objects.get(pk=house.account.pk).balance == 100
    if healed_by == "the sweep":
        assert returns.sweep_parked(actor=Actor.job("sweep"), now=timezone.now()) == 1
    elif healed_by == "the receipt told again":
        Api(token).post("/purchases", told)
    else:
        assert Api(token).post(path, early).json()["state"] == "settled"
    assert TillItem.objects.get().state == "settled"
    assert Account.objects.get(pk=house.account.pk).balance == 60


def test_a_queue_over_two_lines_at_once_is_carried_out_once(house: House, together: Race) -> None:
    give(house.account, 100, now=timezone.now())
    api = till(house)
    token = allowance(api)
    items = [{"purchase": receipt(house, "10.00")} for _ in range(4)] + [
        spend(house, 60, "S1", amount="10.00")
    ]
    calls = [lambda: queue(Api(api.token), token, *items)] * 4
    answers = at_once(together, calls)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert Account.objects.get(pk=house.account.pk).balance == 80 and OfflineItem.objects.count() == 5
