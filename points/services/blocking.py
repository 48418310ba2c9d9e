"""Blocking what an account may spend: points are collected and kept, no till takes any of them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from backoffice.actors import Actor
from backoffice.masking import mask_text
from backoffice.services import audit
from members.errors import ChangedMeanwhile, ReasonMissing
from points.models import Account
from points.services.corrections.guard import reachable_account, staff_with


@transaction.atomic
def set_spend_block(*, account_id: int, blocked: bool, reason: str, actor: Actor, now: datetime) -> Account:
    """Block or unblock spending. Holds that are open already may still be committed.

    Raises NotAllowed, OutOfReach, OwnCard, ReasonMissing, and ChangedMeanwhile when the account is in that
    state already: somebody else was faster.
    """
    user = staff_with(actor, "points.block_spending")
    reachable_account(account_id, user)
    why = mask_text(reason.strip())
    if not why:
        raise ReasonMissing
    account = Account.objects.select_for_update().get(pk=account_id)
    if account.spend_blocked == blocked:
        raise ChangedMeanwhile
    account.spend_blocked = blocked
    account.save(update_fields=["spend_blocked"])
    audit.record(
        actor=actor,
        action="points.spending.block" if blocked else "points.spending.unblock",
        subject=account,
        changes={"spend_blocked": [not blocked, blocked]},
        reason=why,
        now=now,
    )
    return account
