"""The watch over cashiers: a card that one of them scans again and again within a shift (N4)."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.utils.timezone import get_default_timezone, localdate

from backoffice.actors import Actor
from backoffice.models import Alarm
from backoffice.services.alarms import raise_alarm
from members.selectors.reports import cards_scanned_too_often

KIND = "members.card_at_cashier"
# Tills that were cut off send their receipts later; older ones are seen in the report.
LOOK_BACK_DAYS = 3


def watch_cashiers(*, actor: Actor, now: datetime) -> list[Alarm]:
    """Raise one alarm for each card, cashier and shift with too many scans; answers them, old and new."""
    zone = get_default_timezone()
    first = localdate(now, zone) - timedelta(days=LOOK_BACK_DAYS)
    found = cards_scanned_too_often(start=datetime.combine(first, time.min, zone), end=now)
    return [
        raise_alarm(
            kind=KIND,
            subject=shift.card_no,
            key=f"{KIND}:{shift.store_id}:{shift.cashier}:{shift.member_id}:{shift.day.isoformat()}",
            facts={
                "card": shift.card_no,
                "member": shift.member_id,
                "cashier": shift.cashier,
                "day": shift.day.isoformat(),
                "times": shift.times,
                "staff_card": shift.owner_id is not None,
            },
            store_id=shift.store_id,
            about_id=shift.owner_id,
            actor=actor,
            now=now,
        )
        for shift in found
    ]
