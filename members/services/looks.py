"""Counting looks at members: how often a staff user opens their pages, and unmasks them (T19).

Each count is one statement that locks its row, so that two browsers of one person cannot both be the last one
under the limit. It commits by itself: a look that was refused was still tried.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from backoffice import alarm_kinds
from backoffice.actors import Actor
from backoffice.services.alarms import raise_alarm
from members.errors import TooManyUnmaskings
from members.policy import PAGES_PER_HOUR, UNMASKINGS_PER_HOUR

PAGES_ALARM = "members.many_pages"
UNMASKINGS_ALARM = "members.many_unmaskings"

alarm_kinds.register(
    PAGES_ALARM,
    title=_("Somebody opens very many member pages"),
    sentence=_("%(pages)s member pages were opened by one staff user within an hour."),
)
alarm_kinds.register(
    UNMASKINGS_ALARM,
    title=_("Somebody unmasks very many members"),
    sentence=_("%(unmaskings)s members were unmasked by one staff user within an hour; more were refused."),
)

COUNT_PAGE = """
INSERT INTO members_lookcount AS c (user_id, hour, pages, unmaskings) VALUES (%s, %s, 1, 0)
ON CONFLICT (user_id, hour) DO UPDATE SET pages = c.pages + 1
RETURNING pages
"""
COUNT_UNMASKING = """
INSERT INTO members_lookcount AS c (user_id, hour, pages, unmaskings) VALUES (%s, %s, 0, 1)
ON CONFLICT (user_id, hour) DO UPDATE SET unmaskings = c.unmaskings + 1 WHERE c.unmaskings < %s
RETURNING unmaskings
"""


def hour_of(now: datetime) -> datetime:
    """The clock hour that a look counts for."""
    return now.replace(minute=0, second=0, microsecond=0)


def count_page(*, actor: Actor, now: datetime) -> int:
    """One more member page for this staff user; answers how many within the hour. Alarms once an hour."""
    if actor.user is None:
        return 0
    hour = hour_of(now)
    pages = _counted(COUNT_PAGE, [actor.user.pk, hour]) or 0
    if pages == PAGES_PER_HOUR:
        _alarm(PAGES_ALARM, {"pages": pages}, actor, hour, now)
    return pages


def count_unmasking(*, actor: Actor, now: datetime) -> int:
    """One more unmasking for this staff user; answers how many within the hour.

    Raises TooManyUnmaskings over the limit, with an alarm. Call it outside of a transaction that the refusal
    would roll back: the alarm has to stay.
    """
    if actor.user is None:
        return 0
    hour = hour_of(now)
    unmaskings = _counted(COUNT_UNMASKING, [actor.user.pk, hour, UNMASKINGS_PER_HOUR])
    if unmaskings is None:
        _alarm(UNMASKINGS_ALARM, {"unmaskings": UNMASKINGS_PER_HOUR}, actor, hour, now)
        raise TooManyUnmaskings(limit=UNMASKINGS_PER_HOUR)
    return unmaskings


def _counted(statement: str, values: list[Any]) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    return int(row[0]) if row else None


def _alarm(kind: str, facts: dict[str, int], actor: Actor, hour: datetime, now: datetime) -> None:
    raise_alarm(
        kind=kind,
        subject=actor.name,
        facts=facts,
        key=f"{kind}:{actor.id}:{hour:%Y-%m-%dT%HZ}",
        actor=actor,
        now=now,
        about_id=actor.user.pk if actor.user else None,
    )
