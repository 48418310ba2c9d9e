"""Returns in programs that carry small change over (N23).

Points and small change of an account follow from all that was paid, not from one receipt: 30 and 20 at 50
a star gave one star on the second receipt, and the first one comes back. So the small change pays first; what
it cannot pay costs whole units of the rule that granted the returned purchase: its own points first, then
those of the account's latest awards that have points left. What is left of the last unit waits again.

A purchase that came back whole keeps no points (I28), also when the small change could have paid: then the
units go into the small change, which may hold more than a unit until the next purchase turns it into points.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from campaigns.earning import CARRY_RETURN_RULE, NOTHING, units_owed
from campaigns.models import Award, AwardReturn, Carry
from campaigns.services.taking_back import Due, Taken, take_back
from points.models import Account
from points.services import ledger

# Awards looked at for one return: far more than any return is worth.
MOST_AWARDS = 1000


@dataclass(frozen=True, slots=True)
class UnitsShare:
    """What a return costs an award with small change, and what it leaves to others."""

    due: Due
    after: Decimal  # small change
    rest: int  # points that other awards of the account have to give
    why: dict[str, Any]


def units_share(award: Award, *, carry: Decimal, left: int, returned: Decimal, whole: bool) -> UnitsShare:
    """The share of an award that has `left` points, when `returned` NT$ come back and `carry` waits.

    `whole` says that all of the purchase has come back by now.
    """
    rule = award.explanation
    units, after = units_owed(carry=carry, explanation=rule, returned=returned)
    wanted = units * rule["unit_points"]
    own = left if whole else min(wanted, left)
    if own > wanted and rule["unit_points"]:
        after += (own - wanted) // rule["unit_points"] * Decimal(rule["unit"])
    why = {
        "rule": CARRY_RETURN_RULE,
        "version": award.rule_version,
        "returned": str(returned),
        "unit": rule["unit"],
        "unit_points": rule["unit_points"],
        "carry_in": str(carry),
        "carry_out": str(after.quantize(NOTHING)),
    }
    due = Due(award, own, why | {"granted": award.points, "before": award.points - left})
    return UnitsShare(due, after, max(wanted - own, 0), why)


def take_back_units(award: Award, taken: Taken, *, total: Decimal, paid: Decimal) -> None:
    """Take one return out of the small change and, where that is too little, out of points.

    `total` is what has come back of the purchase so far, this return included, `paid` all of it.
    """
    account_id = _account_of_owner(award, taken)
    Carry.objects.get_or_create(account_id=account_id)
    carry = Carry.objects.select_for_update().get(account=account_id)
    share = units_share(
        award,
        carry=carry.amount,
        left=_left(award),
        returned=taken.returned.amount,
        whole=total >= paid,
    )
    carry.amount = share.after
    carry.save(update_fields=["amount"])
    take_back(share.due, taken)
    _take_from_others(award, share.rest, share.why | {"for_purchase": award.purchase_id}, taken)


def _take_from_others(award: Award, rest: int, why: dict[str, Any], taken: Taken) -> None:
    if not rest:
        return
    # Each has a point at least.
    for other in _latest_with_points(award, taken)[: min(rest, MOST_AWARDS)]:
        part = min(rest, _left(other))
        take_back(Due(other, part, why | _grant(other)), taken)
        rest -= part
        if not rest:
            return


def _latest_with_points(award: Award, taken: Taken) -> QuerySet[Award]:
    accounts = Account.objects.filter(
        Q(pk=award.account_id) | Q(member=taken.owner_id, program=award.program_id)
    )
    asked = AwardReturn.objects.filter(award=OuterRef("pk")).order_by().values("award")
    return (
        # Numbers, and an order that no index has: else the planner adds up all returns of the house, or walks
        # through its awards from the end.
        Award.objects.filter(account__in=list(accounts.values_list("pk", flat=True)))
        .exclude(pk=award.pk)
        .annotate(asked_back=Coalesce(Subquery(asked.annotate(sum=Sum("asked")).values("sum")), 0))
        .filter(points__gt=F("asked_back"))
        .select_related("program", "pending", "account", "purchase__store")
        .order_by((F("id") + 0).desc())
    )


def _left(award: Award) -> int:
    """Points that no return has asked for yet."""
    return award.points - (award.returns.aggregate(asked=Sum("asked"))["asked"] or 0)


def _grant(award: Award) -> dict[str, int]:
    return {"granted": award.points, "before": award.points - _left(award)}


def _account_of_owner(award: Award, taken: Taken) -> int:
    """The account that has the small change: the award's, or the one of whom its owner has become."""
    if award.account is not None and award.account.member_id == taken.owner_id:
        return award.account.pk
    return ledger.open_account(member_id=taken.owner_id, program_id=award.program_id, now=taken.now)
