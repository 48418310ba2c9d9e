"""Returns in programs that carry small change over (N23).

Points and small change of an account follow from all that was paid, not from one receipt: 30 and 20 at 50
a star gave one star on the second receipt, and the first one comes back. So the small change pays first; what
it cannot pay costs whole units of the rule that granted the returned purchase: its own points first, then
those of the account's latest awards that have points left. What is left of the last unit waits again.

A purchase that came back whole keeps no points (I28), also when the small change could have paid: then the
units go into the small change, which may hold more than a unit until the next purchase turns it into points.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Coalesce

from campaigns.earning import CARRY_RETURN_RULE, NOTHING, units_owed
from campaigns.models import Award, Carry
from campaigns.services.taking_back import Due, Taken, take_back
from points.models import Account
from points.services import ledger

# Awards looked at for one return: far more than any return is worth.
MOST_AWARDS = 1000


def take_back_units(award: Award, taken: Taken, *, total: Decimal, paid: Decimal) -> None:
    """Take one return out of the small change and, where that is too little, out of points.

    `total` is what has come back of the purchase so far, this return included, `paid` all of it.
    """
    rule, returned = award.explanation, taken.returned.amount
    account_id = _account_of_owner(award, taken)
    Carry.objects.get_or_create(account_id=account_id)
    carry = Carry.objects.select_for_update().get(account=account_id)
    before = carry.amount
    units, after = units_owed(carry=before, explanation=rule, returned=returned)
    wanted = units * rule["unit_points"]
    left = _left(award)
    own = left if total >= paid else min(wanted, left)
    if own > wanted and rule["unit_points"]:
        after += (own - wanted) // rule["unit_points"] * Decimal(rule["unit"])
    carry.amount = after
    carry.save(update_fields=["amount"])
    why = {
        "rule": CARRY_RETURN_RULE,
        "version": award.rule_version,
        "returned": str(returned),
        "unit": rule["unit"],
        "unit_points": rule["unit_points"],
        "carry_in": str(before),
        "carry_out": str(after.quantize(NOTHING)),
    }
    take_back(Due(award, own, why | _grant(award)), taken)
    _take_from_others(award, max(wanted - own, 0), why | {"for_purchase": award.purchase_id}, taken)


def _take_from_others(award: Award, rest: int, why: dict[str, Any], taken: Taken) -> None:
    if not rest:
        return
    for other in _latest_with_points(award, taken):
        part = min(rest, _left(other))
        take_back(Due(other, part, why | _grant(other)), taken)
        rest -= part
        if not rest:
            return


def _latest_with_points(award: Award, taken: Taken) -> QuerySet[Award]:
    accounts = Account.objects.filter(awards=award.pk) | Account.objects.filter(
        member=taken.owner_id, program=award.program_id
    )
    return (
        Award.objects.filter(account__in=accounts)
        .exclude(pk=award.pk)
        .annotate(asked_back=Coalesce(Sum("returns__asked"), 0))
        .filter(points__gt=F("asked_back"))
        .select_related("program", "pending", "account", "purchase__store")
        .order_by("-id")[:MOST_AWARDS]
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
