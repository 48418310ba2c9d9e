"""Goods that come back at the desk: the till's return by a person, within reach and never for himself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Q, Sum

from backoffice.actors import Actor
from backoffice.errors import OutOfReach
from backoffice.masking import mask_text
from backoffice.models import Store, User
from backoffice.services import audit
from campaigns.earning import NOTHING
from campaigns.errors import NothingReturned, ReturnedMeanwhile
from campaigns.models import Award, AwardReturn
from campaigns.services.buyers import lock_buyers
from campaigns.services.returns import ReturnSettlement, settle_return
from members.models import Member, Purchase
from members.purchase_data import CENT, REASON_LENGTH, ReceiptKey, ReturnLineData
from points.models import Account
from points.services.corrections import refuse_other_store, refuse_own_card, staff_with
from points.services.messages import tell_member

PERMISSION = "campaigns.settle_return"
SOURCE = "desk"


@dataclass(frozen=True, slots=True)
class LineLeft:
    """What of a line has not come back yet: pieces, and the NT$ that the receipt says for them."""

    line_no: int
    name: str
    quantity: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class ProgramEffect:
    """An account before and after a return, in points."""

    program: str
    balance_before: int
    balance_after: int
    debt_before: int
    debt_after: int
    waiting_before: int
    waiting_after: int


@dataclass(frozen=True, slots=True)
class ReturnPreview:
    """What a return would do: `amount` NT$ to pay back, less `withhold` that stays with the shop."""

    amount: Decimal
    withhold: Decimal
    programs: tuple[ProgramEffect, ...]


def lines_left(purchase: Purchase) -> list[LineLeft]:
    """The receipt's lines of which something may still come back. Reads only."""
    return [line for line in every_line(purchase) if line.quantity]


def every_line(purchase: Purchase) -> list[LineLeft]:
    """All lines of the receipt with what is left of them, also those that came back whole. Reads only."""
    lines = purchase.lines.annotate(came=Sum("returned__quantity"), paid=Sum("returned__amount"))
    return [
        LineLeft(
            line.line_no,
            line.category or line.sku,
            line.quantity - (line.came or 0),
            line.amount - (line.paid or NOTHING),
        )
        for line in lines.order_by("line_no")
    ]


def visible_purchases(user: User) -> Q:
    """Receipts of members within reach, and those without a member of one's own stores."""
    return Q(member__in=Member.objects.visible_to(user)) | Q(
        member=None, store__in=Store.objects.visible_to(user)
    )


def refuse_stranger(purchase: Purchase, user: User) -> None:
    """Raises OwnCard, OtherStore where this person may not take goods of this receipt back."""
    if purchase.member_id is not None:
        refuse_own_card(purchase.member_id, user)
    refuse_other_store(purchase.store_id, user)


@transaction.atomic
def return_by_staff(
    *,
    purchase_id: int,
    return_no: str,
    quantities: Mapping[int, Decimal],
    amount: Decimal | None,
    reason: str,
    note: str,
    actor: Actor,
    now: datetime,
    expected_returns: int | None = None,
) -> ReturnSettlement:
    """Take back `quantities` (line number -> pieces), or `amount` NT$, or these lines for that amount.

    Without `amount` lines cost their share of what was paid. `return_no` is the slip's number: it has one
    effect for ever. `expected_returns` is how many returns the person has seen on the receipt.

    Raises NotAllowed, OutOfReach, OwnCard, OtherStore (T15: another store's receipt needs somebody who may
    approve), NothingReturned, ReturnedMeanwhile, and what `settle_return` refuses.
    """
    user = staff_with(actor, PERMISSION)
    purchase = (
        Purchase.objects.filter(visible_purchases(user), pk=purchase_id).select_related("store").first()
    )
    if purchase is None:
        raise OutOfReach
    refuse_stranger(purchase, user)
    if purchase.member_id is not None:
        lock_buyers([purchase.member_id])
    Purchase.objects.select_for_update(no_key=True).get(pk=purchase.pk)
    if expected_returns is not None and purchase.returns.count() != expected_returns:
        raise ReturnedMeanwhile
    lines = _lines(purchase, quantities)
    if not lines and not amount:
        raise NothingReturned
    done = settle_return(
        source=SOURCE,
        return_no=return_no,
        receipt=ReceiptKey(purchase.source, purchase.receipt_no),
        amount=amount if amount else _paid_for(purchase, lines),
        lines=lines,
        returned_at=now,
        actor=actor,
        now=now,
        reason=mask_text(f"{reason}: {note}")[:REASON_LENGTH],
    )
    if done.replayed:
        return done
    for taken in AwardReturn.objects.filter(purchase_return=done.return_id).order_by("pk"):
        tell_member(entry_id=taken.entry_id)
    audit.record(
        actor=actor,
        action="purchase.return",
        subject=purchase,
        changes={"amount": [None, done.amount], "points": [None, -sum(part.taken for part in done.taken)]},
        reason=f"{reason}: {note}",
        now=now,
    )
    return done


def preview_return(
    *,
    purchase_id: int,
    quantities: Mapping[int, Decimal],
    amount: Decimal | None,
    actor: Actor,
    now: datetime,
) -> ReturnPreview:
    """The return itself, run and rolled back. Raises like `return_by_staff`."""
    with transaction.atomic():
        accounts = Account.objects.filter(pk__in=_accounts_of(purchase_id)).select_related("program")
        before = {account.pk: account for account in accounts}
        done = return_by_staff(
            purchase_id=purchase_id,
            return_no=f"preview-{purchase_id}",
            quantities=quantities,
            amount=amount,
            reason="",
            note="",
            actor=actor,
            now=now,
        )
        after = {account.pk: account for account in accounts.all().order_by("program__code", "pk")}
        transaction.set_rollback(True)
    effects = tuple(_effect(before[pk], account) for pk, account in after.items())
    return ReturnPreview(done.amount, done.withhold, effects)


def _effect(before: Account, after: Account) -> ProgramEffect:
    return ProgramEffect(
        after.program.name,
        before.balance,
        after.balance,
        before.debt,
        after.debt,
        before.pending,
        after.pending,
    )


def _accounts_of(purchase_id: int) -> list[int]:
    """Accounts that the return may touch: the awards', and those of whom the buyer has become."""
    awards = Award.objects.filter(purchase=purchase_id, account__isnull=False)
    found = set(awards.values_list("account", flat=True))
    purchase = Purchase.objects.filter(pk=purchase_id).first()
    if purchase is not None and purchase.member_id is not None:
        owner = lock_buyers([purchase.member_id])[purchase.member_id].member_id
        programs = awards.values("program")
        found |= set(Account.objects.filter(member=owner, program__in=programs).values_list("pk", flat=True))
    return sorted(found)


def _lines(purchase: Purchase, quantities: Mapping[int, Decimal]) -> tuple[ReturnLineData, ...]:
    """The lines as a till would tell them: a line's last piece takes what is left of its amount."""
    left = {line.line_no: line for line in lines_left(purchase)}
    told = []
    for line_no, quantity in sorted(quantities.items()):
        if not quantity:
            continue
        line = left.get(line_no)
        whole = line is not None and quantity >= line.quantity
        share = line.amount if line and whole else line.amount * quantity / line.quantity if line else NOTHING
        # A discount line comes back with the goods, never by itself.
        told.append(ReturnLineData(line_no, quantity, max(share.quantize(CENT), NOTHING)))
    return tuple(told)


def _paid_for(purchase: Purchase, lines: tuple[ReturnLineData, ...]) -> Decimal:
    """What was paid for these lines: their share, where discounts made the receipt cheaper than its lines."""
    told = sum((line.amount for line in lines), NOTHING)
    listed = purchase.lines.filter(amount__gt=0).aggregate(sum=Sum("amount"))["sum"] or NOTHING
    returned = purchase.returns.aggregate(sum=Sum("amount"))["sum"] or NOTHING
    left = purchase.paid - returned
    back = {line.line_no: line.quantity for line in lines}
    if all(back.get(line.line_no) == line.quantity for line in lines_left(purchase) if line.amount > 0):
        return left
    share = told if listed <= purchase.paid else told * purchase.paid / listed
    return min(share.quantize(CENT), left)
