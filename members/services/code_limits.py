"""How many codes may be asked for and guessed (T7, T8): counters in the database, taken in one fixed order.

The phone first, because its row is nobody else's; the day's budget last, because everybody waits for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import phonenumbers
from django.conf import settings
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.services import limits
from backoffice.services.alarms import raise_alarm
from members.errors import CountryNotServed
from members.models import OneTimeCode

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# Of one phone: at most so many within any such time.
PER_PHONE: Final = ((1, MINUTE), (3, timedelta(minutes=10)), (10, DAY))
GUESSES_PER_PHONE: Final = (10, HOUR)
# A prefix is a thousand numbers in a row: premium numbers come in blocks.
PREFIX_LENGTH = 3
BUDGET = "sms:budget"
WATCHER = Actor.job("sms_budget")
# Under this share of codes that are entered, somebody pumps messages.
LEAST_ENTERED_PERCENT = 40
FEWEST_TO_JUDGE = 50


def check_country(phone: str) -> None:
    """Raises CountryNotServed unless the number's country is on the list (SMS_COUNTRIES, calling codes)."""
    number = phonenumbers.parse(phone, None)
    if number.country_code not in settings.SMS_COUNTRIES:
        raise CountryNotServed


def take_for_asking(*, phone: str, neighbourhood: str, now: datetime) -> None:
    """Count one code to be sent, inside the transaction that stores it. Raises LimitReached."""
    for most, window in PER_PHONE:
        bucket = limits.bucket_of(f"sms:phone:{int(window.total_seconds())}", phone)
        limits.take_sliding(bucket=bucket, limit=most, window=window, now=now)
    per_network, per_prefix = settings.SMS_PER_NETWORK_AN_HOUR, settings.SMS_PER_PREFIX_AN_HOUR
    limits.take(bucket=f"sms:net:{neighbourhood}", limit=per_network, window=HOUR, now=now)
    block = limits.bucket_of("sms:block", phone[:-PREFIX_LENGTH])
    limits.take(bucket=block, limit=per_prefix, window=HOUR, now=now)
    take_budget(now=now)


def take_budget(*, now: datetime) -> None:
    """Count one message against the day. Raises LimitReached; nothing is sent above it, whoever asks."""
    budget = settings.SMS_DAILY_BUDGET
    midnight = now.astimezone(ZoneInfo(settings.TIME_ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    used = limits.take(bucket=BUDGET, limit=budget, window=DAY, now=now, start=midnight)
    if used in (budget, budget * 8 // 10):
        day = midnight.date().isoformat()
        raise_alarm(
            kind="members.sms_budget",
            subject=day,
            facts={"used": used, "budget": budget, "day": day},
            key=f"sms-budget:{day}:{used}",
            actor=WATCHER,
            now=now,
        )


def take_for_guessing(*, phone: str, now: datetime) -> None:
    """Count one guess at any code of this phone. Raises LimitReached."""
    most, window = GUESSES_PER_PHONE
    limits.take_sliding(bucket=limits.bucket_of("code:guess", phone), limit=most, window=window, now=now)


def watch_codes(*, now: datetime) -> int:
    """Raise an alarm when under 40 percent of the codes of an hour were entered; the percentage found.

    Codes of the last ten minutes may still be entered and do not count. 100 while there are too few to judge
    by.
    """
    until, since = now - timedelta(minutes=10), now - timedelta(minutes=70)
    asked = OneTimeCode.objects.filter(created_at__gte=since, created_at__lt=until)
    count = asked.count()
    if count < FEWEST_TO_JUDGE:
        return 100
    percent = 100 * asked.exclude(used_at=None).count() // count
    if percent < LEAST_ENTERED_PERCENT:
        hour = f"{timezone.localtime(now):%Y-%m-%d %H}"
        facts = {"percent": percent, "codes": count}
        raise_alarm(
            kind="members.sms_pumping", subject=hour, facts=facts, key=f"sms-pumping:{hour}",
            actor=WATCHER, now=now,
        )  # fmt: skip
    return percent
