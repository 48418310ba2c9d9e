"""Ends of holds: by hand, or because their time is over."""

from __future__ import annotations

from datetime import datetime

import structlog
from django.db import DatabaseError

from backoffice.actors import Actor
from points.choices import HoldStatus
from points.errors import HoldNotOpen
from points.models import Hold
from points.postings import Context
from points.services import ledger

log = structlog.get_logger(__name__)


def settle_due(*, actor: Actor, now: datetime, limit: int = 1_000) -> int:
    """Let lapsed holds go, oldest first, each in a transaction of its own. Answers how many ended (I23)."""
    due = Hold.objects.filter(status=HoldStatus.OPEN, expires_at__lte=now).order_by("expires_at")
    ended = 0
    for hold_id in list(due.values_list("pk", flat=True)[:limit]):
        try:
            ended += ledger.release(
                hold_id=hold_id, status=HoldStatus.EXPIRED, context=Context(actor=actor, now=now)
            )
        except HoldNotOpen:
            # Captured or released between our look and the lock: somebody else ended it, and rightly.
            continue
        except DatabaseError:
            # One hold that cannot end must not keep everybody's open; the proof names it (I23).
            log.exception("hold not ended", hold=hold_id)
    return ended
