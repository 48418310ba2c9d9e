"""A service that sends everything twice and at once: one effect, one order of locks, one day's ceiling."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from backoffice.choices import ApiKeyKind
from backoffice.models import IdempotencyKey
from backoffice.services.idempotency import run_once
from campaigns.models import Grant, GrantCancel
from members.models import Member
from points.models import Account, Entry
from tests.api.conftest import Api, House, Race
from tests.api.test_grants import given_today, grant, ok, refused, sound
from tests.api.test_till_races import at_once
from tests.factories.points import take

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def patient(token: str, path: str, body: dict[str, Any], key: str = "new") -> Callable[[], Any]:
    """A client that comes back where it is told to."""

    def post() -> Any:
        for _turn in range(40):
            answer = Api(token).post(path, body, key=key)
            if answer.status_code == 503 or answer.json().get("code") in ("key_in_use", "grant_moved"):
                time.sleep(0.2)
                continue
            break
        return answer

    return post


def somebody_waits() -> bool:
    """Whether another session comes to wait for a lock, within a while."""
    for _turn in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                           " AND datname = current_database()")  # fmt: skip
            if cursor.fetchone()[0]:
                return True
            # What the view showed once it shows for the whole transaction.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
        time.sleep(0.01)
    return False


def token_of(house: House) -> str:
    return str(house.key(ApiKeyKind.PARTNER).secret)


def test_p07_fifty_at_once_on_one_key_have_one_effect_and_one_answer(house: House, together: Race) -> None:
    answers = at_once(together, [patient(token_of(house), "/grants", grant(house), "one-key")] * 50)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert Entry.objects.count() == Grant.objects.count() == IdempotencyKey.objects.count() == 1
    sound()


def test_fifty_keys_and_one_number_have_one_effect(house: House, together: Race) -> None:
    told, tokens = grant(house, 70), [token_of(house) for _ in range(5)]
    answers = at_once(together, [patient(tokens[turn % 5], "/grants", told) for turn in range(50)])
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert Entry.objects.count() == Grant.objects.count() == 1 and given_today() == 70
    sound()


def test_one_number_for_two_members_at_once_is_one_members(house: House, together: Race) -> None:
    told, token = grant(house, 70), token_of(house)
    cards = [house.member.card_no, house.other.card_no]
    calls = [patient(token, "/grants", told | {"card": cards[turn % 2]}) for turn in range(20)]
    statuses = [answer.status_code for answer in at_once(together, calls)]
    assert sorted(statuses) == [200] * 10 + [409] * 10
    assert Entry.objects.count() == 1 and given_today() == 70


def test_calls_at_once_do_not_pass_the_day_of_their_key(house: House, together: Race, settings: Any) -> None:
    settings.PARTNER_DAY_MOST_POINTS = 500
    token = token_of(house)
    cards = [house.member.card_no, house.other.card_no]
    calls = [patient(token, "/grants", grant(house, 100, card=cards[turn % 2])) for turn in range(20)]
    answers = at_once(together, calls)
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 15
    assert sum(Entry.objects.values_list("points", flat=True)) == 500 == given_today()
    assert IdempotencyKey.objects.count() == Grant.objects.count() == 5


def test_control_a_sum_that_is_looked_at_first_lets_more_through(house: House, together: Race) -> None:
    tolds, tokens = [grant(house, 100) for _ in range(10)], [token_of(house) for _ in range(10)]

    def naive(turn: int) -> None:
        given = sum(Grant.objects.values_list("points", flat=True))
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.1)")
        if given + 100 <= 500:
            # A key each, so that no counter keeps them apart.
            ok(patient(tokens[turn], "/grants", tolds[turn])())

    at_once(together, [lambda turn=turn: naive(turn) for turn in range(10)])
    assert sum(Grant.objects.values_list("points", flat=True)) > 500


def test_a_verb_with_the_same_key_that_waits_for_the_same_member_makes_no_circle(
    house: House, together: Race
) -> None:
    """The key comes first for both: were it last in the statement, each would hold what the other wants."""
    issued = house.key(ApiKeyKind.PARTNER)
    claimed = Event()

    def other_way() -> Any:
        def verb() -> dict[str, Any]:
            claimed.set()
            assert somebody_waits()
            list(Member.objects.select_for_update(no_key=True).filter(pk=house.member.pk))
            return {"done": True}

        return run_once(
            client=f"partner:{issued.key.pk}", key="k1", request={}, now=timezone.now(), verb=verb
        )

    def one_statement() -> Any:
        claimed.wait(10)
        return Api(issued.secret).post("/grants", grant(house), key="k1")

    done, answer = at_once(together, [other_way, one_statement])
    assert done.body == {"done": True} and not done.replayed
    refused(answer, 422, "key_taken")
    assert not Entry.objects.exists()


def test_while_it_is_under_way_it_says_so(house: House, together: Race) -> None:
    """Somebody holds the member: the grant waits, its key is seen, a repetition is told to come back."""
    issued, told = house.key(ApiKeyKind.PARTNER), grant(house)
    locked, over = Event(), Event()

    def holder() -> None:
        with transaction.atomic():
            list(Member.objects.select_for_update(no_key=True).filter(pk=house.member.pk))
            locked.set()
            over.wait(20)

    def first() -> Any:
        locked.wait(10)
        return patient(issued.secret, "/grants", told, "k1")()

    def looks() -> Any:
        locked.wait(10)
        try:
            for _turn in range(100):
                seen = Api(issued.secret).get("/operations/k1").json()["state"]
                if seen == "in_progress":
                    break
                time.sleep(0.02)
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '50ms'")
            return seen, Api(issued.secret).post("/grants", told, key="k1")
        finally:
            over.set()

    _held, answer, (seen, repeated) = at_once(together, [holder, first, looks])
    assert seen == "in_progress"
    refused(repeated, 409, "key_in_use")
    assert ok(answer)["balance"] == 100 and Entry.objects.count() == 1


def test_a_member_who_is_held_for_long_is_busy_and_no_key_in_use(house: House, together: Race) -> None:
    issued = house.key(ApiKeyKind.PARTNER)
    locked, over = Event(), Event()

    def holder() -> None:
        with transaction.atomic():
            list(Member.objects.select_for_update(no_key=True).filter(pk=house.member.pk))
            locked.set()
            over.wait(20)

    def impatient() -> Any:
        locked.wait(10)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '50ms'")
            return Api(issued.secret).post("/grants", grant(house), key="k1")
        finally:
            over.set()

    _held, answer = at_once(together, [holder, impatient])
    refused(answer, 503, "busy")
    assert not IdempotencyKey.objects.exists()


def test_cancelled_many_times_at_once_it_is_taken_back_once(house: House, together: Race) -> None:
    token, told = token_of(house), grant(house, 100)
    ok(Api(token).post("/grants", told))
    take(house.account, 30, now=timezone.now())
    path = f"/grants/{told['grant_no']}/cancel"
    answers = at_once(together, [patient(token, path, {"reason": f"r{turn}"}) for turn in range(20)])
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert Account.objects.get(pk=house.account.pk).debt == 30
    assert Entry.objects.filter(kind="reverse_earn").count() == GrantCancel.objects.count() == 1
    sound()


def test_grants_and_cancellations_of_one_member_at_once(house: House, together: Race) -> None:
    token = token_of(house)
    given = [grant(house, 10) for _ in range(5)]
    for told in given:
        ok(Api(token).post("/grants", told))
    calls = [patient(token, f"/grants/{told['grant_no']}/cancel", {"reason": "x"}) for told in given]
    calls += [patient(token, "/grants", grant(house, 7)) for _ in range(15)]
    assert {answer.status_code for answer in at_once(together, calls)} == {200}
    account = Account.objects.get(pk=house.account.pk)
    assert (account.balance, account.debt) == (105, 0)
    sound()
