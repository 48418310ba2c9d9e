"""A purchase: recorded, judged, rewarded. One transaction, one key: (source, receipt number).

Lock order: member, receipt, small change, account (inside the ledger's functions).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from backoffice.actors import Actor
from backoffice.errors import OutOfReach
from backoffice.models import Store
from campaigns.choices import AwardStatus
from campaigns.earning import NOTHING, Buyer, Earning, EarningRule, judge
from campaigns.models import Award, Carry
from campaigns.selectors import programs_for
from campaigns.services.buyers import lock_buyers
from members.models import Member, Purchase
from members.purchase_data import PurchaseData
from members.services.purchases import record_purchase
from points.choices import EntryKind
from points.models import Account, Program
from points.rules import confirmation_of, expiry_of, slide_of
from points.services import ledger

SOURCE_TYPE = "purchase"


@dataclass(frozen=True, slots=True)
class Reward:
    """What a purchase has in one program: `points` granted, `returned` of them, `explanation` of it all."""

    award_id: int
    program_id: int
    program_code: str
    points: int
    returned: int
    status: str
    explanation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Settlement:
    """The stored answer to a receipt. `replayed`: it had been settled before, and nothing was written."""

    purchase_id: int
    member_id: int | None
    rewards: tuple[Reward, ...]
    replayed: bool


@transaction.atomic
def settle_purchase(*, receipt: PurchaseData, actor: Actor, now: datetime) -> Settlement:
    """Record the receipt and give what it earns in every program of the store's brand.

    A purchase that earns nothing leaves an award of 0 that says why; a receipt told again answers the stored
    settlement. A merged member's purchase goes to whom he has become. Points of programs with `pending_days`
    wait instead of being posted.

    Raises OutOfReach for an unknown store or member, ReceiptDiffers when the receipt is stored with other
    content, PurchaseMoved when the member was merged this very moment.
    """
    store = Store.objects.filter(pk=receipt.store_id).first()
    if store is None:
        raise OutOfReach
    buyer = _lock_buyer(receipt.member_id or _found_since(receipt))
    purchase, is_new = _record(receipt, buyer, store, now)
    if not is_new:
        return _stored(purchase)
    awards = [
        _award(purchase, buyer, program, account_id, store, actor, now)
        for program, account_id in _applicable(store.brand_id, buyer)
    ]
    Award.objects.bulk_create(awards)
    return Settlement(purchase.pk, purchase.member_id, tuple(map(reward_of, awards)), replayed=False)


def reward_of(award: Award) -> Reward:
    return Reward(
        award_id=award.pk,
        program_id=award.program_id,
        program_code=award.program.code,
        points=award.points,
        returned=award.returned,
        status=award.status,
        explanation=award.explanation,
    )


def applicable(programs: Iterable[Program], accounts: dict[int, int]) -> list[tuple[Program, int | None]]:
    """The programs that answer a purchase of a member with `accounts` (program id -> account id).

    An inactive program answers only where the member has an account: he is the one who will ask why.
    """
    return [(p, accounts.get(p.pk)) for p in programs if p.is_active or p.pk in accounts]


def explained(program: Program, earning: Earning, bought_at: datetime) -> dict[str, Any]:
    """The explanation that award and entry keep; waiting points also say until when."""
    confirm_at = confirmation_of(program, bought_at)
    if not earning.points or confirm_at is None:
        return earning.explanation
    return earning.explanation | {"confirm_at": confirm_at.isoformat()}


def award_for(purchase: Purchase, buyer: Buyer, program: Program, actor: Actor, now: datetime) -> Award:
    """What a stored receipt earns in one program for somebody who was not named at the till: posted, and the
    award as it is to be stored. The caller has locked buyer and receipt.
    """
    account_id = Account.objects.filter(member=buyer.member_id, program=program).values_list("pk", flat=True)
    return _award(purchase, buyer, program, account_id.first(), purchase.store, actor, now)


def _found_since(receipt: PurchaseData) -> int | None:
    """Whose a receipt without a member is by now, when it was told before and claimed since (`claims`)."""
    claimed = Award.objects.filter(
        purchase__source=receipt.source,
        purchase__receipt_no=receipt.receipt_no,
        explanation__has_key="claimed",
    )
    return claimed.values_list("purchase__member_id", flat=True).first()


def _lock_buyer(member_id: int | None) -> Buyer | None:
    if member_id is None:
        return None
    try:
        return lock_buyers([member_id])[member_id]
    except KeyError:
        raise OutOfReach from None


def _record(receipt: PurchaseData, buyer: Buyer | None, store: Store, now: datetime) -> tuple[Purchase, bool]:
    receipt = replace(receipt, member_id=buyer.member_id if buyer else None)
    return record_purchase(
        source=receipt.source,
        receipt_no=receipt.receipt_no,
        member=Member(pk=buyer.member_id) if buyer else None,
        store=store,
        purchased_at=receipt.purchased_at,
        gross=receipt.gross,
        paid=receipt.paid,
        now=now,
        discount=receipt.discount,
        lines=receipt.lines,
        tenders=receipt.tenders,
        item_count=receipt.item_count,
        channel=receipt.channel,
        order_type=receipt.order_type,
        invoice_no=receipt.invoice_no,
        cashier=receipt.cashier,
    )


def _stored(purchase: Purchase) -> Settlement:
    awards = Award.objects.filter(purchase=purchase).select_related("program").order_by("id")
    return Settlement(purchase.pk, purchase.member_id, tuple(map(reward_of, awards)), replayed=True)


def _applicable(brand_id: int, buyer: Buyer | None) -> list[tuple[Program, int | None]]:
    accounts: dict[int, int] = {}
    if buyer:
        rows = Account.objects.filter(member=buyer.member_id).values_list("program_id", "pk")
        accounts = dict(rows)
    return applicable(programs_for(brand_id), accounts)


def _award(
    purchase: Purchase,
    buyer: Buyer | None,
    program: Program,
    account_id: int | None,
    store: Store,
    actor: Actor,
    now: datetime,
) -> Award:
    """Judge, post (or let wait) and build the award row; nothing of a refused purchase touches an account."""
    rule = EarningRule.of(program)
    carry = _locked_carry(account_id) if rule.carry_over else None
    before = carry.amount if carry else NOTHING
    earning = judge(rule=rule, buyer=buyer, store_brand_id=store.brand_id, base=purchase.paid, carry=before)
    moves_carry = "carry_out" in earning.explanation and earning.carry_after != before
    award = Award(
        purchase=purchase,
        program=program,
        base=purchase.paid,
        points=earning.points,
        status=AwardStatus.NOTHING,
        rule_version=program.version,
        explanation=explained(program, earning, purchase.purchased_at),
        created_at=now,
    )
    if buyer and (earning.points or moves_carry):
        award.account_id = account_id or ledger.open_account(
            member_id=buyer.member_id, program_id=program.pk, now=now
        )
        if moves_carry:
            keep_carry(award.account_id, earning.carry_after)
        if earning.points:
            _post(award, purchase, program, store, actor, now)
    return award


def _post(
    award: Award, purchase: Purchase, program: Program, store: Store, actor: Actor, now: datetime
) -> None:
    assert award.account_id is not None, "points go to an account"
    source = ledger.Source(SOURCE_TYPE, str(purchase.pk))
    context = ledger.Context(
        actor=actor,
        now=now,
        occurred_at=purchase.purchased_at,
        store_id=store.pk,
        brand_id=store.brand_id,
        explanation=award.explanation,
    )
    confirm_at = confirmation_of(program, purchase.purchased_at)
    if confirm_at is not None:
        award.status = AwardStatus.PENDING
        award.pending_id = ledger.add_pending(
            account_id=award.account_id,
            kind=EntryKind.EARN,
            points=award.points,
            source=source,
            confirm_at=confirm_at,
            context=context,
        )
        return
    award.status = AwardStatus.POSTED
    award.entry_id = ledger.credit(
        account_id=award.account_id,
        kind=EntryKind.EARN,
        points=award.points,
        source=source,
        context=context,
        expires_at=expiry_of(program, purchase.purchased_at),
        slide_to=slide_of(program, purchase.purchased_at),
    ).entry_id


def _locked_carry(account_id: int | None) -> Carry | None:
    if account_id is None:
        return None
    return Carry.objects.select_for_update().filter(account=account_id).first()


def keep_carry(account_id: int, amount: Decimal) -> None:
    """Store the small change of an account whose member the caller has locked."""
    if not Carry.objects.filter(account=account_id).update(amount=amount):
        Carry.objects.create(account_id=account_id, amount=amount)
