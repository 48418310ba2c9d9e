"""How an amount becomes points. Pure: no clock, no database; whole numbers and `Decimal` only.

A result carries its derivation (N1): a small JSON dict that is stored beside the number and rendered by
`campaigns.explaining`. Money in it is text such as "135.00"; `failed` names the first rule that said no.

    {"rule": "earn_by_amount", "program": "main", "version": 3, "base": "135.00", "unit": "1.00",
     "unit_points": 1, "rounding": "floor", "units": 135, "points": 135}

`carry_in` and `carry_out` are there when the program carries small change over, `cap` and `wanted` when a cap
cut the points, `failed` when there are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from members.choices import MemberStatus
from points.choices import Rounding
from points.models import Program

RULE_CODE = "earn_by_amount"
RETURN_RULE = "take_back"
CARRY_RETURN_RULE = "take_back_units"
# The ledger books at most this much in one entry (points.errors.InvalidPoints).
MOST_POINTS = 9_999_999
NOTHING = Decimal("0.00")

# Why an award is nothing. Each is the `failed` of an explanation and has a sentence in `explaining`.
NO_MEMBER = "no_member"
MEMBER_NOT_SERVED = "member_not_served"
OTHER_BRAND = "other_brand"
PROGRAM_INACTIVE = "program_inactive"
ISSUING_STOPPED = "issuing_stopped"
ZERO_AMOUNT = "zero_amount"
BELOW_UNIT = "below_unit"
GIVES_NOTHING = "gives_nothing"


@dataclass(frozen=True, slots=True)
class EarningRule:
    """The part of a program that turns money into points, as it stands in one version of it.

    Each full `earn_amount` NT$ gives `earn_points`. With `carry_over` what is left of a unit waits for the
    next purchase, so units are always counted downwards whatever `rounding` says.
    """

    program_id: int
    program_code: str
    version: int
    earn_amount: Decimal
    earn_points: int
    rounding: str
    carry_over: bool
    is_active: bool = True
    issuing_stopped: bool = False

    @classmethod
    def of(cls, program: Program) -> EarningRule:
        return cls(
            program_id=program.pk,
            program_code=program.code,
            version=program.version,
            earn_amount=program.earn_amount,
            earn_points=program.earn_points,
            rounding=Rounding.FLOOR.value if program.carry_over else program.rounding,
            carry_over=program.carry_over,
            is_active=program.is_active,
            issuing_stopped=program.issuing_stopped,
        )


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who bought, as far as earning looks at him. `brand_id` is None for members of the whole group."""

    member_id: int
    status: str
    brand_id: int | None


@dataclass(frozen=True, slots=True)
class Earning:
    """`points` to give, NT$ of small change that waits afterwards, and how both came about."""

    points: int
    carry_after: Decimal
    explanation: dict[str, Any]


def cents(amount: Decimal) -> int:
    """NT$ as whole hundredths, exactly. Amounts are stored with two places; a finer one is a fault."""
    scaled = amount * 100
    whole = int(scaled)
    assert whole == scaled, f"{amount} has more than two decimal places"
    return whole


def money(hundredths: int) -> Decimal:
    return Decimal(hundredths).scaleb(-2)


def whole_units(total: int, unit: int, rounding: str) -> int:
    """How many units (all in hundredths) an amount makes."""
    if rounding == Rounding.CEILING:
        return -(-total // unit)
    if rounding == Rounding.HALF_UP:
        return (2 * total + unit) // (2 * unit)
    return total // unit


def calculate(*, rule: EarningRule, base: Decimal, carry: Decimal = NOTHING) -> Earning:
    """Points for `base` NT$ paid, with `carry` NT$ of small change left over from before.

    `carry` counts only when the rule carries over. Never raises for amounts with two places from 0 upwards.
    """
    paid, unit = cents(base), cents(rule.earn_amount)
    assert paid >= 0 and carry >= 0, "only money that was paid earns"
    waiting = cents(carry) if rule.carry_over else 0
    units = whole_units(paid + waiting, unit, rule.rounding) if paid else 0
    left = paid + waiting - units * unit if rule.carry_over else 0
    wanted = units * rule.earn_points
    points = min(wanted, MOST_POINTS)
    explanation = _derivation(rule, base) | {"units": units, "points": points}
    if rule.carry_over:
        explanation |= {"carry_in": str(money(waiting)), "carry_out": str(money(left))}
    if points < wanted:
        explanation |= {"cap": MOST_POINTS, "wanted": wanted}
    if not points:
        explanation["failed"] = ZERO_AMOUNT if not paid else GIVES_NOTHING if units else BELOW_UNIT
    return Earning(points, money(left), explanation)


def judge(
    *, rule: EarningRule, buyer: Buyer | None, store_brand_id: int, base: Decimal, carry: Decimal = NOTHING
) -> Earning:
    """What a purchase earns in one program: the first rule that says no, or `calculate`."""
    if buyer is None:
        return refuse(rule=rule, base=base, failed=NO_MEMBER)
    if buyer.status != MemberStatus.ACTIVE:
        return refuse(rule=rule, base=base, failed=MEMBER_NOT_SERVED, status=buyer.status)
    if buyer.brand_id not in (None, store_brand_id):
        return refuse(rule=rule, base=base, failed=OTHER_BRAND)
    if not rule.is_active:
        return refuse(rule=rule, base=base, failed=PROGRAM_INACTIVE)
    if rule.issuing_stopped:
        return refuse(rule=rule, base=base, failed=ISSUING_STOPPED)
    return calculate(rule=rule, base=base, carry=carry)


def refuse(*, rule: EarningRule, base: Decimal, failed: str, **facts: str) -> Earning:
    """No points because a rule before the amount said no; `facts` are the machine codes that it looked at."""
    explanation = _derivation(rule, base) | {"points": 0, "failed": failed} | facts
    return Earning(0, NOTHING, explanation)


def share_returned(*, granted: int, returned: Decimal, paid: Decimal) -> int:
    """How much of `granted` points belongs to what came back: all of it when everything did, else rounded
    down. It grows with `returned`, so that the differences of repeated returns add up to `granted` exactly.
    """
    if returned >= paid:
        return granted
    return granted * cents(returned) // cents(paid)


def units_owed(*, carry: Decimal, explanation: Mapping[str, Any], returned: Decimal) -> tuple[int, Decimal]:
    """(whole units to take back, small change afterwards) when `returned` NT$ of a carrying award come back.

    First the small change pays; what it cannot pay costs whole units, and the rest of the last unit becomes
    small change again (N23: 30 + 20 at 50 a star gave one star; the 30 comes back: one star, 20 wait).
    """
    unit = cents(Decimal(explanation["unit"]))
    left = cents(carry) - cents(returned)
    units = -(left // unit) if left < 0 else 0
    return units, money(left + units * unit)


def _derivation(rule: EarningRule, base: Decimal) -> dict[str, Any]:
    return {
        "rule": RULE_CODE,
        "program": rule.program_code,
        "version": rule.version,
        "base": str(money(cents(base))),
        "unit": str(money(cents(rule.earn_amount))),
        "unit_points": rule.earn_points,
        "rounding": rule.rounding,
    }
