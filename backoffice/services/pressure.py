"""Long work gives way: before a chunk it looks whether others wait for the database, and rests a little.

The signs are cheap and seen by any role: who waits for a lock and for how long (`pg_locks`), and how far a
replica is behind, where there is one and the role may see it. A rest is bounded, so that a database that is
never quiet slows long work down and does not stop it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import connection

log = structlog.get_logger(__name__)

# Who waits for a row waits for a transaction, which belongs to no database: his other locks tell where he is.
# The lists of sessions would tell, too, but a transaction sees them as they were when it looked first.
SIGNS = """
SELECT count(DISTINCT l.pid), coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart)), 0),
       (SELECT coalesce(max(extract(epoch FROM replay_lag)), 0) FROM pg_stat_replication)
FROM pg_locks l
WHERE NOT l.granted AND l.pid IN (
    SELECT held.pid FROM pg_locks held JOIN pg_database d ON d.oid = held.database
    WHERE d.datname = current_database()
)
"""


# Sessions of others, who have just said something or are being answered. A role that may not see them works
# as if it were alone.
OTHERS = """
SELECT EXISTS (
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
      AND (state = 'active' OR state_change > clock_timestamp() - interval '1 second')
)
"""


@dataclass(frozen=True, slots=True)
class Pressure:
    """Sessions that wait for a lock, seconds of the longest wait, seconds that a replica is behind."""

    waiting: int = 0
    longest_wait: float = 0.0
    replica_lag: float = 0.0

    @property
    def is_high(self) -> bool:
        """By JOBS_REST_WAITING, JOBS_REST_WAIT_SECONDS and JOBS_REST_LAG_SECONDS."""
        return (
            self.waiting >= settings.JOBS_REST_WAITING
            or self.longest_wait >= settings.JOBS_REST_WAIT_SECONDS
            or self.replica_lag >= settings.JOBS_REST_LAG_SECONDS
        )


def look() -> Pressure:
    """As the database is now."""
    with connection.cursor() as cursor:
        cursor.execute(SIGNS)
        waiting, longest, lag = cursor.fetchone()
    return Pressure(int(waiting), float(longest), float(lag))


def others_at_work() -> bool:
    """Whether anybody else has used this database within a second; a transaction looks once."""
    with connection.cursor() as cursor:
        cursor.execute(OTHERS)
        return bool(cursor.fetchone()[0])


class Brake:
    """Called before each chunk. Looks at most once in `look_every` seconds; while the pressure is high it
    rests in steps of `step` seconds, JOBS_REST_MOST_SECONDS in all at most.
    """

    look_every = 0.5
    step = 0.2

    def __init__(
        self,
        looking: Callable[[], Pressure] = look,
        sleep: Callable[[float], object] = time.sleep,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look, self._sleep, self._seconds = looking, sleep, seconds
        self._looked_at = float("-inf")

    def __call__(self) -> float:
        """Answers the seconds rested."""
        if self._seconds() - self._looked_at < self.look_every:
            return 0.0
        rested = 0.0
        while (pressure := self._look()).is_high and rested < settings.JOBS_REST_MOST_SECONDS:
            self._sleep(self.step)
            rested += self.step
        self._looked_at = self._seconds()
        if rested:
            log.info("job rested", seconds=round(rested, 1), waiting=pressure.waiting)
        return rested
