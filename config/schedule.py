"""What runs when. Static on purpose: the schedule is reviewed like code, and a lost scheduler loses nothing.

The scheduler counts in UTC; shops speak Taipei, which knows no summer time. A run that was missed is caught
up by the next one: each task asks what is due, none assumes that it ran yesterday.
"""

from typing import Any

from celery.schedules import crontab

TAIPEI_AHEAD_HOURS = 8


def taipei(hour: int, minute: int = 0) -> crontab:
    """Every day at this time in Taipei.

    >>> (taipei(3).hour, taipei(9, 30).hour, taipei(9, 30).minute)
    ({19}, {1}, {30})
    """
    return crontab(hour=(hour - TAIPEI_AHEAD_HOURS) % 24, minute=minute)


def entry(task: str, schedule: float | crontab, *, expires_seconds: int) -> dict[str, Any]:
    """A beat entry. One that no worker took in time is dropped: the next one does its work too."""
    return {"task": task, "schedule": schedule, "options": {"expires": expires_seconds}}


BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "sweep-jobs": entry("backoffice.tasks.sweep_jobs", 60.0, expires_seconds=60),
    "watch-codes": entry("members.tasks.watch_codes", 900.0, expires_seconds=900),
    "forget-old-codes": entry("members.tasks.forget_old_codes", taipei(4, 30), expires_seconds=6 * 3600),
    "relay-outbox": entry("backoffice.tasks.relay_outbox", 5.0, expires_seconds=5),
    "send-webhooks": entry("backoffice.tasks.send_webhooks", 5.0, expires_seconds=5),
    "heartbeat": entry("backoffice.tasks.beat_heartbeat", 60.0, expires_seconds=60),
    "forget-imports": entry("backoffice.tasks.forget_imports", taipei(4, 15), expires_seconds=6 * 3600),
    "forget-exports": entry("backoffice.tasks.forget_exports", taipei(4, 20), expires_seconds=6 * 3600),
    "forget-notices": entry("backoffice.tasks.forget_notices", taipei(4, 25), expires_seconds=6 * 3600),
    "settle-holds": entry("points.tasks.settle_holds", 60.0, expires_seconds=60),
    "start-expiry": entry("points.tasks.start_expiry", taipei(0, 10), expires_seconds=6 * 3600),
    "announce-expiry": entry("points.tasks.announce_expiry", taipei(9), expires_seconds=6 * 3600),
    "fold-totals": entry("points.tasks.fold_totals", 3600.0, expires_seconds=3000),
    "watch-cashiers": entry("members.tasks.watch_cashiers", 3600.0, expires_seconds=3000),
    "watch-inflation": entry("points.tasks.watch_inflation", taipei(2, 30), expires_seconds=6 * 3600),
    "confirm-points": entry("campaigns.tasks.confirm_due", taipei(0, 5), expires_seconds=6 * 3600),
    "apply-parked-returns": entry("campaigns.tasks.apply_parked_returns", 300.0, expires_seconds=300),
    "prove-books": entry("points.tasks.prove_books", taipei(3), expires_seconds=6 * 3600),
}
