"""What of this app goes with a member who becomes another one: waiting points and small change.

Called with both members locked, before the ledger moves their points: it refuses while anything waits.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from backoffice.actors import Actor
from campaigns.choices import AwardStatus
from campaigns.earning import NOTHING
from campaigns.models import Award, Carry, Grant
from campaigns.services.taking_back import settle_waiting
from points.choices import PendingStatus
from points.models import Account
from points.services import ledger

REASON = "merge"


@transaction.atomic
def absorb(*, duplicate_id: int, survivor_id: int, actor: Actor, now: datetime) -> None:
    """Move waiting awards and grants (with what is left of their points), and small change, to the survivor.

    Raises MemberNotServed where points wait and the survivor is frozen: he cannot be given them.
    """
    for account in Account.objects.filter(member_id=duplicate_id).order_by("pk"):
        waiting: list[Award | Grant] = [
            *Award.objects.filter(account=account, status=AwardStatus.PENDING).order_by("pk"),
            *Grant.objects.filter(account=account, status=AwardStatus.PENDING).order_by("pk"),
        ]
        carry = Carry.objects.select_for_update().filter(account=account).exclude(amount=NOTHING).first()
        if carry is None and not waiting:
            continue
        target = ledger.open_account(member_id=survivor_id, program_id=account.program_id, now=now)
        for award in waiting:
            _move_waiting(award, target, actor, now)
        if carry is not None:
            _move_carry(carry, target)


def _move_waiting(award: Award | Grant, target: int, actor: Actor, now: datetime) -> None:
    """The old credit is cancelled and a new one waits for the same day; the award leads to it from now on."""
    old = settle_waiting(award)
    if old.status == PendingStatus.OPEN and old.points:
        ledger.reduce_pending(
            pending_id=old.pk,
            points=old.points,
            context=ledger.Context(actor=actor, now=now, reason=REASON),
        )
        award.account_id = target
        award.pending_id = ledger.add_pending(
            account_id=target,
            kind=old.kind,
            points=old.points,
            source=ledger.Source(old.source_type, old.source_id),
            confirm_at=old.confirm_at,
            context=ledger.Context(
                actor=actor,
                now=now,
                occurred_at=old.occurred_at,
                reason=REASON,
                store_id=old.store_id,
                brand_id=old.brand_id,
                explanation=old.explanation,
            ),
        )
    award.save(update_fields=["account", "pending", "status", "entry"])


def _move_carry(carry: Carry, target: int) -> None:
    Carry.objects.bulk_create([Carry(account_id=target)], ignore_conflicts=True)
    mine = Carry.objects.select_for_update().get(account=target)
    mine.amount += carry.amount
    mine.save(update_fields=["amount"])
    carry.amount = NOTHING
    carry.save(update_fields=["amount"])
