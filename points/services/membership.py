"""The points side of a merged, erased or exported member. Called with the member's row locked."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction

from backoffice.actors import Actor
from backoffice.services import limits
from backoffice.services.alarms import raise_alarm
from points import policy
from points.choices import HoldStatus
from points.models import Account, Entry, Hold
from points.postings import Context, Source
from points.services import ledger

MERGED_ALARM = "points.merged"
# What the counter can hold; nothing is ever refused for it.
MOST_COUNTED = 2_000_000_000


@transaction.atomic
def absorb(*, duplicate_id: int, survivor_id: int, actor: Actor, now: datetime) -> None:
    """Move everything of the duplicate to the survivor, lot by lot, debt too (I53). Raises PointsHeld.

    Whose spending is blocked stays blocked. A person who moves more on a day than he could give away raises
    an alarm: nobody else has looked at it.
    """
    context = Context(actor=actor, now=now, reason="merge", explanation={"rule": "merge", "of": duplicate_id})
    moved = 0
    for account in Account.objects.filter(member_id=duplicate_id).order_by("pk"):
        target = ledger.open_account(member_id=survivor_id, program_id=account.program_id, now=now)
        postings = ledger.transfer(
            from_account_id=account.pk,
            to_account_id=target,
            points=None,
            source=Source("merge", f"{duplicate_id}>{survivor_id}"),
            context=context,
        )
        if account.spend_blocked:
            taker = Account.objects.get(pk=target)
            taker.spend_blocked = True
            taker.save(update_fields=["spend_blocked"])
        moved += sum(posting.points for posting in postings if posting.points > 0)
    if actor.user is not None and moved:
        _watch(survivor_id, moved, actor, now)


def _watch(survivor_id: int, moved: int, actor: Actor, now: datetime) -> None:
    """Sums, because a large merge is easily made in pieces (T17); one alarm for a person and day."""
    midnight = datetime.combine(now.astimezone(policy.ZONE).date(), time.min, policy.ZONE)
    bucket = limits.bucket_of("points_merged", actor.id)
    day = timedelta(days=1)
    cost = min(moved, ledger.MAX_POINTS)
    total = limits.take(bucket=bucket, limit=MOST_COUNTED, window=day, now=now, cost=cost, start=midnight)
    if total > policy.DAILY_GIVEN:
        raise_alarm(
            kind=MERGED_ALARM,
            subject=actor.name,
            facts={"points": total, "member": survivor_id, "day": policy.local_day(now)},
            key=f"{MERGED_ALARM}:{actor.id}:{policy.local_day(now)}",
            actor=actor,
            now=now,
            about_id=actor.user.pk if actor.user else None,
        )


@transaction.atomic
def close(*, member_id: int, actor: Actor, now: datetime) -> None:
    """Before an erasure: lock the accounts, so that no posting is under way, and release open holds (I10)."""
    accounts = list(Account.objects.select_for_update().filter(member_id=member_id).order_by("pk"))
    holds = Hold.objects.filter(account__in=accounts, status=HoldStatus.OPEN).order_by("pk")
    for hold_id in list(holds.values_list("pk", flat=True)):
        ledger.release(
            hold_id=hold_id, status=HoldStatus.VOIDED, context=Context(actor=actor, now=now, reason="erasure")
        )


def export(*, member_id: int) -> dict[str, Any]:
    """The member's accounts and every entry, oldest first, as JSON values (his right to his data)."""
    accounts = Account.objects.filter(member_id=member_id).select_related("program").order_by("pk")
    columns = ("seq", "kind", "points", "balance_after", "occurred_at", "created_at", "reason", "explanation")
    return {
        account.program.code: {
            "balance": account.balance,
            "held": account.held,
            "debt": account.debt,
            "pending": account.pending,
            "entries": [
                {
                    **row,
                    "occurred_at": row["occurred_at"].isoformat(),
                    "created_at": row["created_at"].isoformat(),
                }
                for row in Entry.objects.filter(account=account).order_by("seq").values(*columns)
            ],
        }
        for account in accounts
    }
