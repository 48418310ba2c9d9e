"""The points side of a merged, erased or exported member. Called with the member's row locked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.actors import Actor
from points.choices import HoldStatus
from points.models import Account, Entry, Hold
from points.postings import Context, Source
from points.services import ledger


@transaction.atomic
def absorb(*, duplicate_id: int, survivor_id: int, actor: Actor, now: datetime) -> None:
    """Move everything of the duplicate to the survivor, lot by lot, debt too (I53). Raises PointsHeld."""
    context = Context(actor=actor, now=now, reason="merge", explanation={"rule": "merge", "of": duplicate_id})
    for account in Account.objects.filter(member_id=duplicate_id).order_by("pk"):
        target = ledger.open_account(member_id=survivor_id, program_id=account.program_id, now=now)
        ledger.transfer(
            from_account_id=account.pk,
            to_account_id=target,
            points=None,
            source=Source("merge", f"{duplicate_id}>{survivor_id}"),
            context=context,
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
