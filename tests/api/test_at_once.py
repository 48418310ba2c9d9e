"""Over a real server with several workers: what fifty requests at once, and retries at any time, come to."""

from __future__ import annotations

import json
import random
import re
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.utils import timezone

from campaigns.models import Reservation
from members.models import Purchase
from points.models import Account, Entry
from tests.api.conftest import House
from tests.api.servers import gunicorn
from tests.api.test_tills import receipt
from tests.factories.points import give

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
AT_ONCE = 50
PRICE = 120


@pytest.fixture
def port(transactional_db: Any) -> Iterator[int]:
    with gunicorn("--workers", "2", "--threads", "8") as (number, _process):
        yield number


class Wire:
    """A connection with a request in it whose last byte is held back until `let_go`."""

    def __init__(self, port: int, token: str, told: dict[str, Any], key: str) -> None:
        body = json.dumps(told).encode()
        head = (
            f"POST /api/v1/purchases HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nIdempotency-Key: {key}\r\nAccept-Language: en\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self._last = body[-1:]
        self._line = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._line.sendall(head.encode() + body[:-1])

    def let_go(self) -> tuple[int, bytes, bytes]:
        """(status, head, body)"""
        self._line.sendall(self._last)
        answer = b""
        while piece := self._line.recv(65536):
            answer += piece
        self._line.close()
        head, _gap, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), head, body


def final(port: int, token: str, told: dict[str, Any], key: str, barrier: Barrier | None = None) -> Any:
    """The final answer: told to wait, or not answered, a till sends the same again."""
    for turn in range(60):
        try:
            wire = Wire(port, token, told, key)
            if barrier and not turn:
                barrier.wait(60)
            status, head, body = wire.let_go()
        except (OSError, IndexError):
            continue
        if status not in (429, 503) and not (status == 409 and b'"key_in_use"' in body):
            return status, head, body
    raise AssertionError("no final answer")


def test_fifty_redemptions_at_once_with_points_for_three(house: House, port: int) -> None:
    token, spent = house.key().secret, 0
    for turn in range(3):
        give(house.account, 3 * PRICE, now=timezone.now())
        barrier = Barrier(AT_ONCE)
        calls = [
            (receipt(house, "0.00", redeem={"points": PRICE}), f"burst-{turn}-{place}")
            for place in range(AT_ONCE)
        ]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(lambda call, b=barrier: final(port, token, *call, b), calls))
        assert Counter(answer[0] for answer in answers) == {200: 3, 409: AT_ONCE - 3}
        refused = {json.loads(body)["code"] for status, _head, body in answers if status == 409}
        assert refused == {"insufficient_points"}
        spent += 3
        assert Account.objects.get(pk=house.account.pk).balance == 0
        assert Entry.objects.filter(kind="spend").count() == spent == Reservation.objects.count()
        assert Purchase.objects.count() == spent


def test_retries_at_any_time_have_the_same_answer_and_no_second_effect(house: House, port: int) -> None:
    dice, token = random.Random(4711), house.key().secret
    give(house.account, 1000, now=timezone.now())
    told = [
        (receipt(house, f"{dice.randint(1, 300)}.00", redeem=dice.choice((None, {"points": 60}))), f"key-{n}")
        for n in range(12)
    ]
    first = {key: final(port, token, body, key) for body, key in told}
    assert {answer[0] for answer in first.values()} == {200}
    before = Entry.objects.count(), Purchase.objects.count(), Account.objects.get(pk=house.account.pk).balance
    again = [dice.choice(told) for _ in range(300)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda call: (call[1], final(port, token, *call)), again))
    for key, (status, head, body) in answers:
        assert (status, body) == (first[key][0], first[key][2])
        assert re.search(rb"(?im)^idempotent-replayed: true", head)
    after = Entry.objects.count(), Purchase.objects.count(), Account.objects.get(pk=house.account.pk).balance
    assert before == after
