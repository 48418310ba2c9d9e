"""What a stored receipt earns for somebody who was not named at the till: judged and posted when he is found.

Row by row, because nobody waits in a queue for it; `settlement` does the same for a receipt that comes now.
Lock
order: member, receipt, small change, account.
"""

from __future__ import annotations

from datetime import datetime

from backoffice.actors import Actor
from backoffice.models import Store
from campaigns.choices import AwardStatus
from campaigns.earning import NOTHING, Buyer, EarningRule, judge
from campaigns.models import Award, Carry
from campaigns.services.settlement import SOURCE_TYPE, explained, keep_carry
from members.models import Purchase
from points.choices import EntryKind
from points.models import Account, Program
from points.rules import confirmation_of, expiry_of, slide_of
from points.services import ledger


def award_for(purchase: Purchase, buyer: Buyer, program: Program, actor: Actor, now: datetime) -> Award:
    """What a stored receipt earns in one program for somebody who was not named at the till: posted, and the
    award as it is to be stored. The caller has locked buyer and receipt.
    """
    account_id = Account.objects.filter(member=buyer.member_id, program=program).values_list("pk", flat=True)
    return _award(purchase, buyer, program, account_id.first(), purchase.store, actor, now)


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
