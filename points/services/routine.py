"""What the scheduler does for the ledger, each piece once at a time."""

from __future__ import annotations

from datetime import datetime

from backoffice.actors import Actor
from backoffice.models import Job
from backoffice.services import jobs
from backoffice.services.locks import one_at_a_time
from points.errors import NotYetDue
from points.services import expiry, holds, programs, totals

ACTOR = Actor.job("points.routine")


def settle_holds(*, now: datetime) -> int:
    """End lapsed holds; answers how many. The rows' own locks make two schedulers harmless."""
    return holds.settle_due(actor=ACTOR, now=now)


def announce_expiry(*, now: datetime) -> int:
    """Write the notices that are due; answers how many. Nothing while another session does it."""
    with one_at_a_time("announce_expiry") as mine:
        return expiry.announce(as_of=now, now=now) if mine else 0


def start_expiry(
    *,
    now: datetime,
    as_of: datetime | None = None,
    ceiling: int | None = None,
    accounts: int | None = None,
    moved_clock: bool = False,
) -> Job:
    """Ask for an expiry run up to `as_of` (default: now). Asking twice for one instant is one job.

    Raises NotYetDue for a time to come: a wrong year would cost every member his points. `moved_clock` is for
    demonstrations and tests, which may act as if that time were now.
    """
    moment = as_of or now
    if moment > now and not moved_clock:
        raise NotYetDue(as_of=moment.isoformat())
    return jobs.enqueue(
        kind="points.expire",
        key=f"points.expire:{moment.isoformat()}",
        params={
            "as_of": moment.isoformat(),
            "ceiling": ceiling,
            "accounts": accounts,
            "moved_clock": moved_clock,
        },
        run_at=now,
        now=now,
    )


def watch_inflation(*, now: datetime) -> int:
    """Mark programs that issue far more than is redeemed; answers how many are marked."""
    with one_at_a_time("watch_inflation") as mine:
        return len(programs.watch_inflation(actor=ACTOR, now=now)) if mine else 0


def fold_totals(*, now: datetime) -> int:
    """Add the day before up into the daily totals, or what waits when it is much; answers how many entries.

    Today's few are read from the ledger: a run each hour would only make the totals longer.
    """
    return totals.fold(now=now) if totals.due(now=now) else 0
