"""Ends of holds: by hand, or because their time is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import DatabaseError, transaction

from backoffice.actors import Actor
from backoffice.errors import OutOfReach
from backoffice.masking import mask_text
from backoffice.services import audit, outbox
from points.choices import HoldStatus
from points.errors import HoldNotOpen
from points.models import Account, Hold
from points.postings import Context
from points.services import ledger
from points.services.corrections.guard import reachable_account, staff_with

log = structlog.get_logger(__name__)
RELEASED_TOPIC = "points.hold_released"


@dataclass(frozen=True, slots=True)
class Released:
    """A hold that staff let go: its points are free again, less what of them paid a debt at once."""

    hold_id: int
    points: int
    balance: int
    held: int
    debt: int


@transaction.atomic
def release_by_staff(*, hold_id: int, reason: str, note: str, actor: Actor, now: datetime) -> Released:
    """Let an open hold go before its time (N11). Whoever waits for it hears of it by the outbox.

    A second release is refused and says how the hold ended: nobody believes that it was he who freed it.
    Raises NotAllowed, OutOfReach, OwnCard, HoldNotOpen.
    """
    user = staff_with(actor, "points.release_hold")
    hold = Hold.objects.filter(pk=hold_id).first()
    if hold is None:
        raise OutOfReach
    reachable_account(hold.account_id, user)
    context = Context(actor=actor, now=now, reason=reason, note=mask_text(note), store_id=hold.store_id)
    try:
        freed = ledger.release(hold_id=hold.pk, status=HoldStatus.VOIDED, context=context)
    except HoldNotOpen as ended:
        raise HoldNotOpen(status=HoldStatus(ended.details["status"]).label) from ended
    if not freed:
        raise HoldNotOpen(status=HoldStatus.VOIDED.label)
    outbox.publish(
        topic=RELEASED_TOPIC,
        subject_id=hold.pk,
        payload={
            "hold": hold.pk,
            "account": hold.account_id,
            "points": hold.points,
            "source_type": hold.source_type,
            "source_id": hold.source_id,
        },
    )
    audit.record(
        actor=actor,
        action="points.hold.release",
        subject=hold,
        changes={"status": [HoldStatus.OPEN.value, HoldStatus.VOIDED.value], "points": [hold.points, 0]},
        reason=f"{reason}: {note}",
        now=now,
    )
    account = Account.objects.get(pk=hold.account_id)
    return Released(hold.pk, hold.points, account.balance, account.held, account.debt)


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
