"""T8 at its full numbers: 5,000 requests for 1,000 numbers from 50 networks, some for numbers abroad."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from backoffice.errors import LimitReached, Refusal
from backoffice.models import Alarm, OutboxMessage
from backoffice.services import limits
from members.choices import CodePurpose
from members.models import OneTimeCode
from members.services import code_limits, codes
from members.services.text_messages import FakeSms
from tests.conftest import NOON

# Within one transaction the versions of a counter's row would pile up.
pytestmark = pytest.mark.django_db(transaction=True)
REQUESTS, NUMBERS, NETWORKS = 5_000, 1_000, 50
BUDGET = 300
ABROAD = ("+85251234567", "+37121234567", "+19005550123", "+4915112345678")


def pump(requests: int) -> Counter[str]:
    """Ask for codes, one each two seconds, five in a row for a number; what each came to."""
    came_to: Counter[str] = Counter()
    for place in range(requests):
        number = place // 5 % NUMBERS
        phone = ABROAD[number // 10 % 4] if number % 10 == 9 else f"09{10 + number % 50}{number:06d}"
        try:
            codes.ask(
                phone=phone,
                purpose=CodePurpose.ENTER,
                neighbourhood=f"203.0.{place % NETWORKS}.0/24",
                now=NOON + timedelta(seconds=2 * place),
            )
            came_to["sent"] += 1
        except Refusal as refusal:
            came_to[refusal.code] += 1
    return came_to


def test_t8_pumping_sends_the_budget_of_the_day_and_nothing_abroad(settings: Any) -> None:
    settings.SMS_DAILY_BUDGET = BUDGET
    FakeSms.sent.clear()
    came_to = pump(REQUESTS)
    assert came_to["sent"] == BUDGET
    assert came_to["country_not_served"] + came_to["invalid_phone"] == REQUESTS // 10
    assert came_to["limit_reached"] == REQUESTS - REQUESTS // 10 - BUDGET
    assert OneTimeCode.objects.count() == OutboxMessage.objects.filter(topic="sms.code").count() == BUDGET
    for message in OutboxMessage.objects.filter(topic="sms.code"):
        assert codes.send(payload=message.payload, now=NOON + timedelta(minutes=1))
    assert len(FakeSms.sent) == BUDGET
    assert {message.phone[:4] for message in FakeSms.sent} == {"+886"}
    # Nobody enters them: that is seen before the day is over.
    percent = code_limits.watch_codes(now=NOON + timedelta(minutes=70))
    assert percent < code_limits.LEAST_ENTERED_PERCENT
    assert set(Alarm.objects.values_list("kind", flat=True)) == {"members.sms_budget", "members.sms_pumping"}


def test_t8_each_limit_holds_by_itself(settings: Any) -> None:
    """Sixty codes an hour for a network and for a thousand numbers in a row, whatever the budget is."""
    settings.SMS_DAILY_BUDGET = 10**6

    def ask(phone: str, network: str) -> bool:
        try:
            told = {"purpose": CodePurpose.ENTER, "neighbourhood": network, "now": NOON}
            codes.ask(phone=phone, **told)  # type: ignore[arg-type]
        except LimitReached:
            return False
        return True

    of_one_network = [ask(f"09{10 + place}000001", "203.0.113.0/24") for place in range(90)]
    assert of_one_network == [True] * 60 + [False] * 30
    of_one_block = [ask(f"0955123{place:03d}", f"198.51.{place}.0/24") for place in range(90)]
    assert of_one_block == [True] * 60 + [False] * 30


def test_control_without_the_counters_pumping_goes_on(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SMS_DAILY_BUDGET = 5
    monkeypatch.setattr(limits, "take", lambda **_told: 1)
    assert pump(100)["sent"] == 18
