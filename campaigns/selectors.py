"""What purchases gave and why: reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Prefetch, Q, QuerySet, Sum

from campaigns.explaining import sentences
from campaigns.models import Award, AwardReturn, Carry
from members.models import Member, Purchase
from points.models import Program


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


def explain_all(purchases: Iterable[Purchase]) -> dict[int, list[Explained]]:
    """For each purchase's id what it gave; a constant number of queries."""
    found: dict[int, list[Explained]] = {purchase.pk: [] for purchase in purchases}
    for award in awards_of(found):
        found[award.purchase_id].append(_explained(award))
    return found


def purchases_page(*, member: Member, before: list[Any] | None, limit: int) -> list[Purchase]:
    """The member's purchases, newest first; `before` is [time in ISO form, id] of the last one seen."""
    rows = Purchase.objects.filter(member=member).select_related("store")
    if before is not None:
        at, pk = datetime.fromisoformat(before[0]), before[1]
        rows = rows.filter(Q(purchased_at__lt=at) | Q(purchased_at=at, pk__lt=pk))
    return list(rows.order_by("-purchased_at", "-id")[:limit])


def _explained(award: Award) -> Explained:
    return Explained(
        award=award,
        program=award.program,
        kept=award.points - award.returned,
        sentences=sentences(award.explanation),
        returns=[sentences(taken.explanation) for taken in award.returns.all()],
    )


@dataclass(frozen=True, slots=True)
class TillReceipt:
    """A receipt with what of it came back (NT$), and its member's small change by program."""

    purchase: Purchase
    returned: Decimal
    small_change: list[tuple[str, Decimal]]


def till_receipt(*, purchase_id: int) -> TillReceipt:
    """What a till prints of a settled receipt, beside its awards."""
    purchase = Purchase.objects.select_related("member").get(pk=purchase_id)
    returned = purchase.returns.aggregate(sum=Sum("amount"))["sum"] or Decimal("0.00")
    carries = (
        Carry.objects.filter(account__member=purchase.member_id)
        if purchase.member_id
        else Carry.objects.none()
    )
    change = carries.order_by("account__program__code").values_list("account__program__code", "amount")
    return TillReceipt(purchase, returned, list(change))


def purchase_of_till(*, source: str, receipt_no: str) -> Purchase | None:
    """The receipt of that number, as its source system (a store's tills) knows it."""
    return Purchase.objects.filter(source=source, receipt_no=receipt_no).first()
