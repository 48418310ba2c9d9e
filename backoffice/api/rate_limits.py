"""How often one caller may call. Counted in PostgreSQL, taken in portions.

A count for each request would make every look at a balance a write. So a process takes a portion of the
caller's minute by one conditional statement and uses it up in memory: the sum over all processes never passes
the limit, and a portion that is left when the minute ends is lost. What a caller may miss is at most a
portion for each other process.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from backoffice.errors import LimitReached
from backoffice.services import limits

WINDOW = timedelta(minutes=1)
MOST_CALLERS_IN_MEMORY = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the answer's headers say: `remaining` is what is left of the minute as this process knows."""

    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }


@dataclass(slots=True)
class _Portion:
    """`full`: the minute is used up for everybody, and what is used of it never becomes less."""

    start: datetime
    left: int
    taken: int
    full: bool = False


class RateLimiter:
    """One for the process; safe between threads."""

    def __init__(self) -> None:
        self._portions: OrderedDict[str, _Portion] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, client: str, *, limit: int, now: datetime) -> Allowance:
        """Count one request of `client`. Raises LimitReached when its minute is used up."""
        start = limits.window_start(now, WINDOW)
        reset = limits.seconds_until(start + WINDOW, now)
        if portion := self._use(client, start, reset):
            return Allowance(limit, max(limit - portion.taken, 0) + portion.left, reset)
        size = max(min(limit // 10, 50), 1)
        try:
            used, granted = self._take(client, limit, size, now)
        except LimitReached:
            self._keep(client, _Portion(start, 0, limit, full=True))
            raise
        self._keep(client, _Portion(start, granted - 1, used))
        return Allowance(limit, max(limit - used, 0) + granted - 1, reset)

    def clear(self) -> None:
        with self._lock:
            self._portions.clear()

    def _use(self, client: str, start: datetime, reset: int) -> _Portion | None:
        with self._lock:
            portion = self._portions.get(client)
            if portion is None or portion.start != start:
                return None
            if portion.left:
                portion.left -= 1
                return portion
        if portion.full:
            # Whoever goes on asking costs no statement any more.
            raise LimitReached(reset)
        return None

    def _keep(self, client: str, portion: _Portion) -> None:
        with self._lock:
            self._portions[client] = portion
            self._portions.move_to_end(client)
            while len(self._portions) > MOST_CALLERS_IN_MEMORY:
                self._portions.popitem(last=False)

    @staticmethod
    def _take(client: str, limit: int, size: int, now: datetime) -> tuple[int, int]:
        """(used by all processes, granted to this one). Raises LimitReached."""
        bucket = f"api:{client}"
        try:
            return limits.take(bucket=bucket, limit=limit, window=WINDOW, now=now, cost=size), size
        except LimitReached:
            # Less than a portion is left: one by one, so that the limit can be used to its end.
            return limits.take(bucket=bucket, limit=limit, window=WINDOW, now=now), 1


LIMITER = RateLimiter()
