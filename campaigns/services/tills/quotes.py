"""What a member may pay with points, in the ways that people ask for, and what the rest will earn (N24).
Reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from campaigns.earning import NOTHING, Buyer, EarningRule, judge
from campaigns.models import Carry
from campaigns.selectors import programs_for
from campaigns.services.settlement import applicable
from campaigns.services.tills import points_parts
from campaigns.services.tills.customers import by_card
from campaigns.services.tills.till import Till
from members.models import Member
from points import rules
from points.errors import BillOutOfRange, InsufficientPoints, NotSpendable, PhoneNotVerified, SpendingBlocked
from points.models import Account, Program
from points.selectors import AccountSummary, account_summaries

# Points that lapse within this time are worth suggesting; later ones may wait for a nicer bill.
SOON = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Split:
    """One way to pay: `points` worth `worth` NT$, `cash` NT$ for the rest, which earns `earns` (code ->
    points).
    """

    name: str
    points: int
    worth: Decimal
    cash: Decimal
    earns: dict[str, int]


@dataclass(frozen=True, slots=True)
class Quote:
    """Any number from `least` to `most` in steps of `step` may be held or spent; `most` 0: none at all.

    `refused` is the code of what stands in the way then, `""` where it is only the bill or the balance.
    """

    program: Program
    member: Member
    amount: Decimal
    available: int
    least: int
    most: int
    step: int
    lapsing: int
    lapses_at: datetime | None
    splits: tuple[Split, ...]
    refused: str


def quote(
    *, till: Till, card: str, amount: Decimal, program: str, cash: Decimal | None, now: datetime
) -> Quote:
    """Splits of a bill of `amount` NT$; with `cash`, also the one in which that much money comes first.

    Raises what `by_card` raises, NoSuchProgram, and for `cash` BillOutOfRange and InsufficientPoints.
    """
    member = by_card(till=till, card=card, now=now).member
    chosen = points_parts.program_of(brand_id=till.brand_id, code=program)
    summaries = account_summaries(member=member, now=now)
    mine = next((found for found in summaries if found.program.pk == chosen.pk), None)
    refused = _stands_in_the_way(member, chosen, mine)
    available = mine.available if mine and not refused else 0
    allowed = rules.quote(chosen, amount, available)
    lapsing, lapses_at = _lapsing(mine, now) if mine else (0, None)
    wanted: list[tuple[str, int]] = [("points_first", allowed.most)]
    if suggested := _fitting(lapsing, allowed):
        wanted.append(("suggested", suggested))
    if cash is not None:
        wanted.append(("cash_first", _cash_first(chosen, amount, cash, available)))
    wanted.append(("cash_only", 0))
    earner = _Earner(till, member)
    splits = [
        Split(
            name, points, worth := rules.worth(chosen, points), amount - worth, earner.earns(amount - worth)
        )
        for name, points in wanted
    ]
    return Quote(
        chosen, member, amount, available, allowed.least, allowed.most, allowed.step, lapsing, lapses_at,
        tuple(splits), refused,
    )  # fmt: skip


def _stands_in_the_way(member: Member, program: Program, mine: AccountSummary | None) -> str:
    if not program.spendable:
        return NotSpendable.code
    if member.status != "active":
        return "member_not_served"
    if program.spend_needs_verified_phone and member.phone_verified_at is None:
        return PhoneNotVerified.code
    return SpendingBlocked.code if mine and (mine.account.spend_blocked or mine.account.debt) else ""


def _lapsing(mine: AccountSummary, now: datetime) -> tuple[int, datetime | None]:
    """The free points that lapse first, and when, if that is soon."""
    for part in mine.schedule:
        if part.expires_at is not None and part.expires_at <= now + SOON:
            return min(part.points, mine.available), part.expires_at
    return 0, None


def _fitting(points: int, allowed: rules.BillQuote) -> int:
    """The most of `points` that the bill takes; 0 where that is less than its least."""
    most = min(points, allowed.most)
    fitting = most - most % allowed.step
    return fitting if fitting >= allowed.least else 0


def _cash_first(program: Program, amount: Decimal, cash: Decimal, available: int) -> int:
    """Too few points are refused before anybody is charged (S106)."""
    if cash > amount:
        raise BillOutOfRange(least=0, most=0, step=program.spend_step)
    if cash == amount:
        return 0
    try:
        return rules.cash_first(program, amount, cash, available)
    except BillOutOfRange:
        needed = rules.cash_first(program, amount, cash, 9_999_999)
        if needed > available:
            raise InsufficientPoints(needed=needed, available=available) from None
        raise


class _Earner:
    """What money would earn this member at this store, by the rules and the small change of now."""

    def __init__(self, till: Till, member: Member) -> None:
        self.till = till
        self.buyer = Buyer(member.pk, member.status, member.brand_id)
        accounts = dict(Account.objects.filter(member=member).values_list("program_id", "pk"))
        self.programs = applicable(programs_for(till.brand_id), accounts)
        self.carries = dict(
            Carry.objects.filter(account__in=accounts.values()).values_list("account_id", "amount")
        )

    def earns(self, paid: Decimal) -> dict[str, int]:
        found = {}
        for program, account_id in self.programs:
            carry = self.carries.get(account_id or 0, NOTHING)
            earning = judge(
                rule=EarningRule.of(program),
                buyer=self.buyer,
                store_brand_id=self.till.brand_id,
                base=paid,
                carry=carry,
            )
            found[program.code] = earning.points
        return found
