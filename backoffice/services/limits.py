"""Limits that hold under any load: each is a row that one conditional statement moves, or refuses to move.

Called in a fixed order of buckets and inside the transaction of what is limited: a refusal anywhere takes
every count back, so that an act that did not happen is not counted.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from backoffice import prepared
from backoffice.errors import LimitReached
from backoffice.models import LimitCounter

# The row's lock makes two at once wait for each other; the second sees the first one's time.
SLIDING_SQL = """
INSERT INTO backoffice_limitcounter AS c (bucket, window_start, used, times)
VALUES (%(bucket)s, %(now)s, 1, ARRAY[%(now)s]::timestamptz[])
ON CONFLICT (bucket) DO UPDATE
    SET times = ARRAY(SELECT t FROM unnest(c.times) t WHERE t > %(since)s ORDER BY t)
                || %(now)s::timestamptz,
        window_start = %(now)s,
        used = c.used + 1
    WHERE (SELECT count(*) FROM unnest(c.times) t WHERE t > %(since)s) < %(limit)s
RETURNING cardinality(times)
"""


def bucket_of(kind: str, value: str) -> str:
    """ "kind:hash": what is counted may be a phone number, which a table of counters must not keep."""
    return f"{kind}:{hashlib.sha256(value.encode()).hexdigest()[:32]}"


def take(
    *,
    bucket: str,
    limit: int,
    window: timedelta,
    now: datetime,
    cost: int = 1,
    start: datetime | None = None,
) -> int:
    """Count `cost` in the current window and answer what is used of it. The window is aligned to UTC's clock
    unless its `start` is told (a local midnight).

    Raises LimitReached when that would pass `limit`; nothing is counted then.
    """
    start = start or window_start(now, window)
    if cost > limit:
        raise LimitReached(seconds_until(start + window, now))
    row = prepared.first("SELECT backoffice_take_v1(%s, %s, %s, %s)", [bucket, limit, start, cost])
    if row is None or row[0] is None:
        raise LimitReached(seconds_until(start + window, now))
    return int(row[0])


def take_sliding(*, bucket: str, limit: int, window: timedelta, now: datetime) -> int:
    """Count one use, at most `limit` within any `window`, and answer how many there are now; for small
    limits, whose times are all kept.

    Raises LimitReached with the time until the oldest use leaves the window.
    """
    values: dict[str, Any] = {"bucket": bucket, "now": now, "since": now - window, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(SLIDING_SQL, values)
        row = cursor.fetchone()
    if row is not None:
        return int(row[0])
    times = LimitCounter.objects.values_list("times", flat=True).get(bucket=bucket)
    oldest = sorted(times)[-limit] if len(times) >= limit else now
    raise LimitReached(seconds_until(oldest + window, now))


def give_back(*, bucket: str, at: datetime) -> None:
    """Take back the use of a sliding counter that was counted at `at`: it did not deserve counting."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE backoffice_limitcounter SET times = array_remove(times, %s) WHERE bucket = %s",
            [at, bucket],
        )


def clear(*, bucket: str) -> None:
    """Let a sliding counter start anew."""
    LimitCounter.objects.filter(bucket=bucket).update(times=[])


def used(*, bucket: str, window: timedelta, now: datetime) -> int:
    """What is used of the current window."""
    row = LimitCounter.objects.filter(bucket=bucket, window_start=window_start(now, window)).first()
    return row.used if row else 0


def forget_old(*, before: datetime) -> int:
    """Delete counters that nothing was counted in since `before`; safe, because their windows are over."""
    return LimitCounter.objects.filter(window_start__lt=before).delete()[0]


def window_start(now: datetime, window: timedelta) -> datetime:
    """The latest whole multiple of `window` since 1970 that is not after `now`."""
    seconds = int(window.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, tz=now.tzinfo)


def seconds_until(moment: datetime, now: datetime) -> int:
    """Whole seconds, rounded up, at least 1."""
    return max(int(-(-(moment - now).total_seconds() // 1)), 1)
