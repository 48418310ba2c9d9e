"""A purchase: recorded, judged, rewarded. One transaction, one key: (source, receipt number).

Lock order: member, receipt, small change, account (inside the ledger's functions).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from backoffice.actors import Actor
from backoffice.errors import LimitReached
from campaigns.earning import NOTHING, Earning, EarningRule, judge
from campaigns.models import Award, Carry
from campaigns.services.meeting import Met, meet_member
from members.models import Purchase
from members.purchase_data import PurchaseData
from members.services.purchases import known_receipt, receipt_json
from points.models import Program
from points.rules import confirmation_of, expiry_of, slide_of
from points.services import ledger

SOURCE_TYPE = "purchase"
SETTLE = """
SELECT * FROM campaigns_settle_receipt_v2(%s::jsonb, %s::jsonb, %s::jsonb, %s, %s, %s, %s, %s, %s)
"""


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


@dataclass(frozen=True, slots=True)
class DayLimit:
    """The points that one receipt, and one till on one local day, may give by themselves (T14). `bucket` and
    `start` are of `backoffice.services.limits`."""

    most: int
    bucket: str
    limit: int
    start: datetime

    def counting(self, points: int) -> dict[str, Any]:
        return {
            "most": self.most,
            "bucket": self.bucket,
            "limit": self.limit,
            "start": self.start,
            "cost": points,
        }


@dataclass(frozen=True, slots=True)
class Settled:
    """A settlement with what it met, and the small change of the accounts afterwards (NT$, by account id).

    `parked`: returns that came before this receipt wait for it. `balances`: what `points_summaries_v1` told
    of the member afterwards, where it was asked to.
    """

    settlement: Settlement
    met: Met
    carries: dict[int, Decimal]
    parked: bool
    balances: list[Any] | None = None


@transaction.atomic
def settle_purchase(*, receipt: PurchaseData, actor: Actor, now: datetime) -> Settlement:
    """Record the receipt and give what it earns in every program of the store's brand.

    A purchase that earns nothing leaves an award of 0 that says why; a receipt told again answers the stored
    settlement. A merged member's purchase goes to whom he has become. Points of programs with `pending_days`
    wait instead of being posted.

    Raises OutOfReach for an unknown store or member, ReceiptDiffers when the receipt is stored with other
    content, PurchaseMoved when the member was merged this very moment.
    """
    met = meet_member(store_id=receipt.store_id, member_id=receipt.member_id)
    return settle_met(met=met, receipt=receipt, actor=actor, now=now).settlement


def settle_met(
    *,
    met: Met,
    receipt: PurchaseData,
    actor: Actor,
    now: datetime,
    till_id: int | None = None,
    day_limit: DayLimit | None = None,
    tell: bool = False,
) -> Settled:
    """`settle_purchase` in the transaction of whoever has met the receipt's member: judge, then one call that
    books.

    `till_id` is the key of the till that told it, which is kept. With `day_limit` its points are counted
    there.
    `tell` asks for the balances that it leaves.
    Raises LimitReached when they would pass it (nothing was written), ReceiptDiffers.
    """
    receipt = replace(receipt, member_id=met.member.pk if met.member else None)
    judged = [
        _judged(met, program, account_id, receipt)
        for program, account_id in applicable(met.programs, met.accounts)
    ]
    points = sum((one.points for one in judged), 0)
    limit = day_limit.counting(points) if day_limit and points else None
    row = ledger.call(
        SETTLE,
        [
            receipt_json(receipt), _json([one.told for one in judged]), _json(limit) if limit else None,
            till_id, actor.type, actor.id, met.brand_id, now, tell,
        ],
        fenced=False,
    )  # fmt: skip
    outcome, purchase_id, booked, parked, balances = row
    if outcome == "limit":
        raise LimitReached(1)
    if outcome == "known":
        told = receipt if receipt.member_id else replace(receipt, member_id=_found_since(receipt))
        return Settled(_stored(known_receipt(told)), met, met.carries, parked=False)
    carries = dict(met.carries)
    rewards = []
    for one, (award_id, account_id, status) in zip(judged, booked or (), strict=True):
        if one.carry is not None:
            carries[account_id] = one.carry
        rewards.append(one.reward(award_id, status))
    settlement = Settlement(purchase_id, receipt.member_id, tuple(rewards), replayed=False)
    return Settled(settlement, met, carries, bool(parked), balances)


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


def _stored(purchase: Purchase) -> Settlement:
    awards = Award.objects.filter(purchase=purchase).select_related("program").order_by("id")
    return Settlement(purchase.pk, purchase.member_id, tuple(map(reward_of, awards)), replayed=True)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What a receipt gives in one program; `told` is the form in which `sql/settle_v2.sql` takes it.

    `carry` is the small change that waits from now on, None where none moves.
    """

    program: Program
    points: int
    explanation: dict[str, Any]
    carry: Decimal | None
    told: dict[str, Any]

    def reward(self, award_id: int, status: str) -> Reward:
        return Reward(
            award_id=award_id,
            program_id=self.program.pk,
            program_code=self.program.code,
            points=self.points,
            returned=0,
            status=status,
            explanation=self.explanation,
        )


def _judged(met: Met, program: Program, account_id: int | None, receipt: PurchaseData) -> _Judged:
    """Nothing of a refused purchase touches an account."""
    rule = EarningRule.of(program)
    before = met.carries.get(account_id or 0, NOTHING) if rule.carry_over else NOTHING
    earning = judge(rule=rule, buyer=met.buyer, store_brand_id=met.brand_id, base=receipt.paid, carry=before)
    moves_carry = "carry_out" in earning.explanation and earning.carry_after != before
    bought_at = receipt.purchased_at
    explanation = explained(program, earning, bought_at)
    told: dict[str, Any] = {
        "program": program.pk,
        "account": account_id,
        "opens": bool(met.member and (earning.points or moves_carry)),
        "base": receipt.paid,
        "points": earning.points,
        "version": program.version,
        "explanation": explanation,
    }
    if earning.points:
        told["confirm_at"] = confirmation_of(program, bought_at)
        told["expires_at"] = expiry_of(program, bought_at)
        told["slide_to"] = slide_of(program, bought_at)
    carry = earning.carry_after if met.member and moves_carry else None
    if carry is not None:
        told["carry"] = carry
    return _Judged(program, earning.points, explanation, carry, told)


def _json(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))


def _found_since(receipt: PurchaseData) -> int | None:
    """Whose a receipt without a member is by now, when it was told before and claimed since (`claims`)."""
    claimed = _claims().filter(purchase__source=receipt.source, purchase__receipt_no=receipt.receipt_no)
    return claimed.values_list("purchase__member_id", flat=True).first()


def claimed_among(purchase_ids: Collection[int]) -> frozenset[int]:
    """Those of these receipts that a till told without a member, and that were claimed since (`claims`)."""
    return frozenset(_claims().filter(purchase__in=purchase_ids).values_list("purchase", flat=True))


def _claims() -> QuerySet[Award]:
    return Award.objects.filter(explanation__has_key="claimed")


def keep_carry(account_id: int, amount: Decimal) -> None:
    """Store the small change of an account whose member the caller has locked."""
    if not Carry.objects.filter(account=account_id).update(amount=amount):
        Carry.objects.create(account_id=account_id, amount=amount)
