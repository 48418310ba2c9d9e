"""P40 over a real server: somebody else holds the lock, the broker is gone, the connection was cut."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from backoffice import prepared
from backoffice.models import IdempotencyKey
from members.models import Member, Purchase
from points.models import Account
from tests.api.conftest import House
from tests.api.servers import gunicorn
from tests.api.test_at_once import Wire
from tests.api.test_tills import receipt
from tests.factories.points import give

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
# Nobody listens there.
NO_BROKER = {"DJANGO_SETTINGS_MODULE": "config.settings.local", "BROKER_URL": "redis://127.0.0.1:1/0"}


def test_a_lock_that_somebody_keeps_is_503_and_the_same_key_succeeds_later(house: House) -> None:
    token, told = house.key().secret, receipt(house, "10.00")
    with gunicorn("--threads", "2") as (port, _process):
        with transaction.atomic():
            Member.objects.select_for_update().get(pk=house.member.pk)
            status, head, body = Wire(port, token, told, "busy-1").let_go()
        assert (status, b'"busy"' in body) == (503, True), body
        assert re.search(rb"(?im)^retry-after: [1-9]", head)
        assert not IdempotencyKey.objects.exists() and not Purchase.objects.exists()
        status, _head, _body = Wire(port, token, told, "busy-1").let_go()
    assert status == 200 and Purchase.objects.count() == 1


def test_without_a_broker_points_are_redeemed(house: House) -> None:
    give(house.account, 400, now=timezone.now())
    token = house.key().secret
    told = receipt(house, "0.00", redeem={"points": 120})
    with gunicorn("--threads", "2", **NO_BROKER) as (port, _process):
        status, _head, body = Wire(port, token, told, "k1").let_go()
    assert status == 200, body
    assert Account.objects.get(pk=house.account.pk).balance == 280


@pytest.mark.parametrize("in_transaction", [False, True], ids=["first read", "in a transaction"])
def test_a_connection_that_was_cut_costs_the_first_read_nothing(db: Any, in_transaction: bool) -> None:
    """Elsewhere it is an error: what a transaction has done may not be done again by halves."""
    connection.ensure_connection()
    connection.health_check_done = False
    pid = connection.connection.info.backend_pid
    if not in_transaction:
        cut(pid)
        assert prepared.opening("SELECT %s::int", [7]) == (7,)
        assert connection.connection.info.backend_pid != pid
        return
    with pytest.raises(Exception, match=r"(?i)closed|terminat"), transaction.atomic():
        prepared.first("SELECT 1", [])
        cut(pid)
        prepared.opening("SELECT 1", [])
    connection.close()


def cut(pid: int) -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    finally:
        other.close()
