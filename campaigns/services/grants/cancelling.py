"""A grant is taken back: once, whole, waiting points first, the rest by the program's policy for spent ones.

Lock order: members in id order, the grant, accounts (inside the ledger's functions).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Sum

from backoffice.actors import Actor
from backoffice.masking import mask_text
from backoffice.services import audit
from campaigns.choices import AwardStatus
from campaigns.earning import Buyer
from campaigns.errors import GrantMoved, NoSuchGrant
from campaigns.grant_data import Giver
from campaigns.grant_words import CANCEL_RULE
from campaigns.models import Grant, GrantCancel
from campaigns.services.buyers import lock_buyers
from campaigns.services.grants.giving import known_grant
from campaigns.services.taking_back import settle_waiting
from members.choices import MemberStatus
from points.choices import DebtPolicy
from points.errors import MemberNotServed, PendingNotOpen
from points.models import Entry
from points.rules import worth
from points.services import ledger
from points.services.corrections import refuse_own_card, staff_with

SOURCE_TYPE = "grant_cancel"
PERMISSION = "points.undo_entry"


@dataclass(slots=True)
class _Taken:
    asked: int = 0
    points: int = 0
    debt: int = 0
    withheld: Decimal = Decimal("0.00")
    entry_id: int | None = None


@transaction.atomic
def cancel(*, giver: Giver, number: str, reason: str, actor: Actor, now: datetime) -> Grant:
    """Take a grant back, whoever of the brand gave it; cancelled again, as it was cancelled first.

    Asked is what staff have not undone by hand before. Raises NoSuchGrant, GrantMoved (a merge came in
    between; a repetition succeeds), for the key of a person NotAllowed, OwnCard.
    """
    found = known_grant(brand_id=giver.brand_id, number=number)
    if found is None:
        raise NoSuchGrant(number=number)
    owner = lock_buyers([found.account.member_id])[found.account.member_id]
    if giver.user_id is not None:
        refuse_own_card(owner.member_id, staff_with(actor, PERMISSION))
    rows = Grant.objects.select_for_update(no_key=True, of=("self",)).select_related("account__program")
    grant = rows.get(pk=found.pk)
    if grant.account_id != found.account_id:
        raise GrantMoved
    if not GrantCancel.objects.filter(grant=grant).exists():
        _cancel(grant, owner, mask_text(reason), actor, now)
    stored = known_grant(brand_id=giver.brand_id, number=number)
    assert stored is not None, "nothing deletes a grant"
    return stored


def _cancel(grant: Grant, owner: Buyer, reason: str, actor: Actor, now: datetime) -> None:
    context = _context(grant, reason, actor, now)
    taken = _Taken()
    if grant.status == AwardStatus.PENDING:
        _take_waiting(grant, taken, context)
        grant.save(update_fields=["status", "entry"])
    if grant.status == AwardStatus.POSTED:
        _take_posted(grant, owner, taken, context)
    GrantCancel.objects.create(
        grant=grant, asked=taken.asked, points=taken.points, debt=taken.debt, withheld=taken.withheld,
        entry_id=taken.entry_id, reason=reason, actor_type=actor.type, actor_id=actor.id, at=now,
    )  # fmt: skip
    changes = {"number": [None, grant.number], "points": [grant.points, grant.points - taken.points]}
    audit.record(actor=actor, action="grant.cancel", subject=grant, changes=changes, now=now)


def _take_waiting(grant: Grant, taken: _Taken, context: ledger.Context) -> None:
    """Points that still wait never touch the balance."""
    pending = settle_waiting(grant)
    if grant.status != AwardStatus.PENDING or not pending.points:
        return
    try:
        with transaction.atomic():
            ledger.reduce_pending(pending_id=pending.pk, points=pending.points, context=context)
    except PendingNotOpen:
        # Confirmed between the look and the lock of the account.
        settle_waiting(grant)
        return
    grant.status = AwardStatus.CANCELLED
    taken.asked = taken.points = pending.points


def _take_posted(grant: Grant, owner: Buyer, taken: _Taken, context: ledger.Context) -> None:
    entry = grant.entry
    assert entry is not None, "a posted grant has its entry"
    undone = Entry.objects.filter(reverses=entry).aggregate(points=Sum("points"))["points"] or 0
    taken.asked = entry.points + undone
    if not taken.asked:
        return
    is_merged = grant.account.member_id != owner.member_id
    posting = ledger.reverse_credit(
        entry_id=entry.pk,
        points=taken.asked,
        policy=_policy(grant, owner, is_merged),
        source=ledger.Source(SOURCE_TYPE, str(grant.pk)),
        context=context,
    )
    taken.points, taken.debt, taken.entry_id = -posting.points, posting.debt_delta, posting.entry_id
    short = taken.asked - taken.points
    program = grant.account.program
    if short and program.debt_policy == DebtPolicy.REDUCE_REFUND and program.spendable:
        taken.withheld = worth(program, short)
    if is_merged and posting.debt:
        _hand_on_debt(grant, owner, context)


def _policy(grant: Grant, owner: Buyer, is_merged: bool) -> str:
    """Nobody could owe for an erased member; the points of a merged one went to whom he became."""
    if owner.status == MemberStatus.ERASED:
        return DebtPolicy.CLAMP.value
    return DebtPolicy.DEBT.value if is_merged else grant.account.program.debt_policy


def _hand_on_debt(grant: Grant, owner: Buyer, context: ledger.Context) -> None:
    """A merged member is empty (I53). Where the survivor is frozen the debt stays where it is."""
    survivor = ledger.open_account(
        member_id=owner.member_id, program_id=grant.account.program_id, now=context.now
    )
    try:
        with transaction.atomic():
            ledger.transfer(
                from_account_id=grant.account_id,
                to_account_id=survivor,
                points=None,
                source=ledger.Source(SOURCE_TYPE, str(grant.pk)),
                context=context,
            )
    except MemberNotServed:
        return


def _context(grant: Grant, reason: str, actor: Actor, now: datetime) -> ledger.Context:
    explanation: dict[str, Any] = {
        "rule": CANCEL_RULE, "service": grant.service, "number": grant.number, "asked": grant.points,
        "reason": reason,
    }  # fmt: skip
    return ledger.Context(actor=actor, now=now, brand_id=grant.brand_id, explanation=explanation)
