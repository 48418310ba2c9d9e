"""Who does not prove who he is, is counted too (P20, T14, T28): by his network, and never at the cost of
those who do.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from backoffice.api.rate_limits import RateLimiter
from backoffice.errors import LimitReached
from backoffice.models import ApiKey, LimitCounter
from members.models import MemberSession
from tests.api.conftest import DEVICE, Api, House, Race
from tests.api.test_bad_input import is_problem

pytestmark = pytest.mark.django_db
LIMIT = 6
NEIGHBOUR, ELSEWHERE = "198.51.100.200", "203.0.113.7"


@pytest.fixture(autouse=True)
def few(settings: Any) -> None:
    settings.API_FAILED_CALLS_PER_MINUTE = LIMIT


def forged(number: int) -> str:
    return f"skm_{number:043d}" if number % 2 else f"skk_{number:012x}_" + "A" * 43


def use_up() -> list[Any]:
    return [Api(forged(number)).get("/me") for number in range(LIMIT)]


def test_p20_forged_tokens_end_at_the_limit_of_their_network(house: House) -> None:
    answers = use_up()
    assert [answer.status_code for answer in answers] == [401] * LIMIT
    left = [int(answer.headers["RateLimit-Remaining"]) for answer in answers]
    assert left == sorted(left, reverse=True) and left[-1] == 0
    for api in (Api(forged(99)), Api(forged(98), address=NEIGHBOUR), Api("nonsense"), Api()):
        refused = api.get("/me")
        is_problem(refused, 429, "limit_reached")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["RateLimit-Limit"] == str(LIMIT)
        assert refused.headers["RateLimit-Remaining"] == "0"
        assert refused.headers["RateLimit-Reset"] == refused.headers["Retry-After"]
    assert Api(forged(99), address=ELSEWHERE).get("/me").status_code == 401


def test_who_proves_himself_goes_on_from_the_network_of_a_stranger(house: House) -> None:
    use_up()
    assert house.as_member().get("/me").status_code == 200
    assert Api(house.key().secret).get("/operations/k").status_code == 200
    assert Api().get("/terms").status_code == 200


def test_what_is_proved_is_counted_nowhere_as_a_failure(house: House) -> None:
    house.as_member().get("/me")
    Api(house.key().secret).get("/operations/k")
    assert not LimitCounter.objects.filter(bucket__regex="^api:(failed|over):").exists()


def test_a_token_that_is_over_is_told_so_whatever_a_stranger_tries(house: House) -> None:
    """An app refreshes at 401 and waits at 429: it must not wait for a stranger's minute to end."""
    session, tokens = house.session()
    MemberSession.objects.filter(pk=session.pk).update(access_expires_at=timezone.now())
    key = house.key()
    ApiKey.objects.filter(pk=key.key.pk).update(revoked_at=timezone.now())
    use_up()
    for token in (tokens.access, key.secret):
        assert [Api(token).get("/me").status_code for _time in range(LIMIT + 1)] == [401] * LIMIT + [429]
    own = set(LimitCounter.objects.filter(bucket__startswith="api:over:").values_list("bucket", flat=True))
    assert own == {f"api:over:session:{session.pk}", f"api:over:key:{key.key.pk}"}


def test_wrong_signatures_of_a_right_key_are_the_keys_own(house: House) -> None:
    key = house.key(signed=True)
    statuses = [Api(key.secret).get("/operations/k").status_code for _time in range(LIMIT + 1)]
    assert statuses == [401] * LIMIT + [429]
    assert Api(forged(1)).get("/me").status_code == 401


def test_p21_what_a_known_caller_may_not_is_counted_like_what_he_may(house: House, settings: Any) -> None:
    settings.API_CALLS_PER_MINUTE = 4
    till, other = Api(house.key().secret), Api(house.key().secret)
    answers = [till.get("/me") for _time in range(5)]
    assert [answer.status_code for answer in answers] == [403] * 4 + [429]
    assert answers[0].headers["RateLimit-Limit"] == "4"
    is_problem(answers[-1], 429, "limit_reached")
    assert other.get("/me").status_code == 403 and Api(forged(1)).get("/me").status_code == 401
    without = Api(house.key(scopes=[]).secret)
    asked = [without.post("/looks", {"phone": "0912345678"}).status_code for _time in range(5)]
    assert asked == [403] * 4 + [429]


def test_refused_ones_cost_no_statement_for_counting(house: House, django_assert_num_queries: Any) -> None:
    use_up()
    assert Api("nonsense").get("/me").status_code == 429
    with django_assert_num_queries(0):
        assert Api("nonsense").get("/me").status_code == 429


def test_a_device_refreshes_beside_a_stranger_who_used_the_network_up(house: House, settings: Any) -> None:
    settings.API_STRANGERS_CALLS_PER_MINUTE = 3
    _session, tokens = house.session()
    body = {"refresh_token": tokens.refresh, "device_id": DEVICE}
    bad = [body | {"refresh_token": f"skr_1.1.{number}"} for number in range(4)]
    assert [Api().post("/sessions/refresh", one).status_code for one in bad] == [401] * 3 + [429]
    fresh = Api().post("/sessions/refresh", body, key="refresh-1")
    assert fresh.status_code == 200 and fresh.headers["RateLimit-Limit"] == str(LIMIT)
    again = Api().post("/sessions/refresh", body, key="refresh-1")
    assert again.content == fresh.content and again.headers["Idempotent-Replayed"] == "true"
    mine = [Api().post("/sessions/refresh", body, key="refresh-1").status_code for _time in range(LIMIT)]
    assert mine == [200] * (LIMIT - 2) + [429] * 2
    for wrong in ({}, {"refresh_token": 1}, {"refresh_token": "skr_1.1.x"}):
        assert Api().post("/sessions/refresh", wrong).status_code == 429


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_many_processes_at_once_never_pass_the_limit(together: Race) -> None:
    now = timezone.now()
    processes = [RateLimiter() for _process in range(8)]

    def use(process: RateLimiter) -> int:
        granted = 0
        for _call in range(20):
            try:
                process.spend("failed:race", limit=40, now=now)
                granted += 1
            except LimitReached:
                pass
        return granted

    granted = together([lambda process=process: use(process) for process in processes])
    assert sum(granted) <= 40 and sum(granted) >= 40 - 8 * 4
    assert LimitCounter.objects.get(bucket="api:failed:race").used <= 40


def test_a_new_minute_begins_at_nothing(house: House) -> None:
    late = timezone.now().replace(second=58)
    with time_machine.travel(late, tick=False):
        use_up()
        assert Api(forged(1)).get("/me").status_code == 429
    with time_machine.travel(late + timedelta(seconds=2), tick=False):
        assert Api(forged(1)).get("/me").status_code == 401
