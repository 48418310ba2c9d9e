"""Adding the ledger up into daily totals, in steps that never wait for the tills."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import structlog
from django.db import connection

from points.models import Entry, Fold
from points.reporting.totals import today

# Entries per step: a second or two of work, well within what a statement may take.
STEP = 200_000
# So many entries since the last run are worth a run of their own before the day is over.
MANY = 50_000
# How long one run waits for those who were posting when it began, and how often it looks.
PATIENCE_SECONDS = 20.0
LOOK_SECONDS = 0.2

log = structlog.get_logger(__name__)


def fold(*, now: datetime, step: int = STEP, patience: float = PATIENCE_SECONDS) -> int:
    """Add all entries that exist now up into the daily totals; answers how many.

    Safe to repeat and to kill: each step is a transaction that begins where the last one ended. Gives up,
    until the next run, when somebody has been posting for longer than `patience` seconds. Not for use inside
    of a transaction: its number would be older than those of the postings to wait for.
    """
    with connection.cursor() as cursor:
        # In this order: whoever has drawn an id up to `last` has a lower number than the one drawn here.
        cursor.execute("SELECT max(id) FROM points_entry")
        last = cursor.fetchone()[0]
        cursor.execute("SELECT pg_current_xact_id()::text")
        horizon = cursor.fetchone()[0]
        if last is None:
            return 0
        return _up_to(cursor, last, horizon, step, patience, now)


def due(*, now: datetime) -> bool:
    """Whether a run is worth it: the last one was on another day, or many entries came since."""
    last = Fold.objects.order_by("-id").first()
    if last is None or today(last.at) != today(now):
        return True
    return Entry.objects.filter(pk__gt=last.last_entry).order_by()[: MANY + 1].count() > MANY


def _up_to(cursor: Any, last: int, horizon: str, step: int, patience: float, now: datetime) -> int:
    added, waited = 0, 0.0
    while True:
        reached, run = _step(cursor, last, horizon, step, now)
        if reached is None:
            if waited >= patience:
                log.warning("daily totals wait for a long transaction", last=last)
                return added
            time.sleep(LOOK_SECONDS)
            waited += LOOK_SECONDS
            continue
        if run is not None:
            added += _entries(cursor, run)
        if reached >= last:
            return added


def _step(cursor: Any, last: int, horizon: str, step: int, now: datetime) -> tuple[int | None, int | None]:
    cursor.execute(
        "SELECT reached, fold FROM points_fold_v1(%s, %s::xid8, %s, %s)", (last, horizon, step, now)
    )
    found: tuple[int | None, int | None] = cursor.fetchone()
    return found


def _entries(cursor: Any, run: int) -> int:
    cursor.execute("SELECT entries FROM points_fold WHERE id = %s", [run])
    return int(cursor.fetchone()[0])
