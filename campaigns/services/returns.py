"""Goods that come back: the same way back, from the stored award and never from today's rule (N2).

Lock order: member, purchase, small change, account (inside the ledger's functions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from backoffice.actors import Actor
from campaigns.earning import NOTHING, RETURN_RULE, share_returned
from campaigns.errors import NoSuchPurchase, PurchaseMoved
from campaigns.models import Award, AwardReturn
from campaigns.services.buyers import lock_buyers
from campaigns.services.small_change import take_back_units
from campaigns.services.taking_back import Due, Taken, take_back
from campaigns.services.tills.given_back import give_back_share
from members.models import Purchase, PurchaseReturn
from members.purchase_data import ReceiptKey, ReturnLineData
from members.services.purchases import record_return


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What a return took from one award. `withhold` is NT$ to keep from the refund for spent points."""

    award_id: int
    program_code: str
    asked: int
    taken: int
    debt: int
    withhold: Decimal


@dataclass(frozen=True, slots=True)
class ReturnSettlement:
    """The stored answer to a return of `amount` NT$. `withhold` of the money refund stay with the shop."""

    return_id: int
    purchase_id: int
    taken: tuple[TakenBack, ...]
    withhold: Decimal
    replayed: bool
    amount: Decimal = NOTHING


@transaction.atomic
def settle_return(
    *,
    source: str,
    return_no: str,
    receipt: ReceiptKey,
    returned_at: datetime,
    actor: Actor,
    now: datetime,
    amount: Decimal | None = None,
    lines: Sequence[ReturnLineData] = (),
    reason: str = "",
) -> ReturnSettlement:
    """Record the return and take back the share of what the purchase gave; told again, the stored answer.

    `amount` is NT$ that came back; without it, the sum of `lines`. Waiting points go first and never touch
    the balance (S87); posted ones go through the ledger with the program's debt policy. Repeated returns add
    up exactly, the last one takes the remainder.

    Raises NoSuchPurchase, ReturnExceedsPayment, ReturnExceedsLine, ReturnDiffers, InvalidReceipt,
    PurchaseMoved (a merge came in between; a repetition succeeds).
    """
    purchase = Purchase.objects.filter(source=receipt.source, receipt_no=receipt.receipt_no).first()
    if purchase is None:
        raise NoSuchPurchase(source=receipt.source, receipt_no=receipt.receipt_no)
    buyer_id = _lock_owner(purchase)
    recorded, is_new = record_return(
        purchase=purchase,
        source=source,
        return_no=return_no,
        amount=sum((line.amount for line in lines), NOTHING) if amount is None else amount,
        returned_at=returned_at,
        now=now,
        lines=lines,
        reason=reason,
    )
    if is_new and buyer_id is not None:
        # First what the member gets back: it may be what the earning has to be taken from.
        give_back_share(purchase=purchase, recorded=recorded, actor=actor, now=now)
        _take_back_all(purchase, recorded, Taken(actor=actor, now=now, owner_id=buyer_id, returned=recorded))
    return _stored(recorded, replayed=not is_new)


def _lock_owner(purchase: Purchase) -> int | None:
    """The member whose points the return touches: who the buyer has become. None without a member."""
    if purchase.member_id is None:
        return None
    owner = lock_buyers([purchase.member_id])[purchase.member_id].member_id
    if Purchase.objects.filter(pk=purchase.pk, member=purchase.member_id).exists():
        return owner
    raise PurchaseMoved


def _take_back_all(purchase: Purchase, recorded: PurchaseReturn, taken: Taken) -> None:
    total = purchase.returns.aggregate(total=Sum("amount"))["total"]
    awards = Award.objects.filter(purchase=purchase, account__isnull=False)
    for award in awards.select_related("program", "pending", "account").order_by("program_id"):
        take_back_share(award, taken, total=total, paid=purchase.paid)


def take_back_share(award: Award, taken: Taken, *, total: Decimal, paid: Decimal) -> None:
    """Take out of an award what `total` NT$ returned of `paid` cost it, less what was asked of it before."""
    if "carry_out" in award.explanation:
        take_back_units(award, taken, total=total, paid=paid)
        return
    before = award.returns.aggregate(asked=Sum("asked"))["asked"] or 0
    take_back(share_due(award, total=total, paid=paid, before=before), taken)


def share_due(award: Award, *, total: Decimal, paid: Decimal, before: int) -> Due:
    """The share of an award without small change, of which `before` points were asked already."""
    why = {
        "rule": RETURN_RULE,
        "version": award.rule_version,
        "returned": str(total),
        "paid": str(paid),
        "granted": award.points,
        "before": before,
    }
    return Due(award, share_returned(granted=award.points, returned=total, paid=paid) - before, why)


def _stored(recorded: PurchaseReturn, *, replayed: bool) -> ReturnSettlement:
    rows = AwardReturn.objects.filter(purchase_return=recorded).select_related("award__program")
    taken = tuple(
        TakenBack(
            award_id=row.award_id,
            program_code=row.award.program.code,
            asked=row.asked,
            taken=row.points,
            debt=row.explanation["debt"],
            withhold=Decimal(row.explanation.get("withheld", "0.00")),
        )
        for row in rows.order_by("id")
    )
    return ReturnSettlement(
        return_id=recorded.pk,
        purchase_id=recorded.purchase_id,
        taken=taken,
        withhold=min(sum((part.withhold for part in taken), NOTHING), recorded.amount),
        replayed=replayed,
        amount=recorded.amount,
    )
