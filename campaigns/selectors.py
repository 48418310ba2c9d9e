"""What purchases gave and why: reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from campaigns.explaining import sentences
from campaigns.models import Award, AwardReturn
from members.models import Member, Purchase
from points.models import Program

RECENT = 10


@dataclass(frozen=True, slots=True)
class Explained:
    """One award in words: `kept` is what was granted less what returns took back."""

    award: Award
    program: Program
    kept: int
    sentences: list[str]
    returns: list[list[str]]


def programs_for(brand_id: int) -> list[Program]:
    """Every program, active or not, that purchases at stores of this brand fall under; oldest first."""
    return list(Program.objects.filter(Q(brand=None) | Q(brand=brand_id)).order_by("pk"))


def awards_of(purchases: Iterable[int]) -> QuerySet[Award]:
    """The awards of these purchases (ids) with their programs and returns, in the order of booking."""
    returns = AwardReturn.objects.select_related("purchase_return").order_by("id")
    return (
        Award.objects.filter(purchase__in=list(purchases))
        .select_related("program", "pending")
        .prefetch_related(Prefetch("returns", queryset=returns))
        .order_by("id")
    )


def explain(purchase: Purchase) -> list[Explained]:
    """What a purchase gave in each program and how it came about, returns included (N1)."""
    return [_explained(award) for award in awards_of([purchase.pk])]


def recent_purchases(member: Member, most: int = RECENT) -> list[dict[str, Any]]:
    """The member's latest purchases as {"purchase", "awards": [Explained]}; three queries."""
    purchases = list(
        Purchase.objects.filter(member=member).select_related("store").order_by("-purchased_at", "-id")[:most]
    )
    found: dict[int, list[Explained]] = {purchase.pk: [] for purchase in purchases}
    for award in awards_of(found):
        found[award.purchase_id].append(_explained(award))
    return [{"purchase": purchase, "awards": found[purchase.pk]} for purchase in purchases]


def _explained(award: Award) -> Explained:
    return Explained(
        award=award,
        program=award.program,
        kept=award.points - award.returned,
        sentences=sentences(award.explanation),
        returns=[sentences(taken.explanation) for taken in award.returns.all()],
    )
