"""What one till did on one local day, for whoever compares it with the drawer (half-open, by the brand's
zone).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.db.models import Count, Q, Sum

from backoffice.models import Brand
from campaigns.choices import ReservationState, TillItemState
from campaigns.models import Award, AwardReturn, PointsGivenBack, ReservedPoints, TillItem, TillRecord
from campaigns.services.tills.points_parts import worth_of
from campaigns.services.tills.till import Till

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class DayReport:
    """Counts and sums of what happened from `start` (included) to `end` (not included).

    `earned`, `taken_back` and `redeemed` are points by the program's code; `waiting` counts inbox items.
    """

    day: date
    start: datetime
    end: datetime
    purchases: int
    with_member: int
    gross: Decimal
    paid: Decimal
    returns: int
    returned: Decimal
    earned: dict[str, int]
    taken_back: dict[str, int]
    redemptions: int
    redeemed: dict[str, int]
    redeemed_worth: Decimal
    given_back: dict[str, int]
    waiting: int


def day_report(*, till: Till, day: date) -> DayReport:
    """The till's own day; seven queries, however many receipts."""
    zone = Brand.objects.get(pk=till.brand_id).zone
    start = datetime.combine(day, time.min, zone)
    end = datetime.combine(day + timedelta(days=1), time.min, zone)
    records = TillRecord.objects.filter(key=till.key_id, occurred_at__gte=start, occurred_at__lt=end)
    bought = records.aggregate(
        purchases=Count("purchase"),
        with_member=Count("purchase", filter=Q(purchase__member__isnull=False)),
        gross=Sum("purchase__gross"),
        paid=Sum("purchase__paid"),
        returns=Count("purchase_return"),
        returned=Sum("purchase_return__amount"),
    )
    awards = Award.objects.filter(purchase__in=records.values("purchase"))
    taken = AwardReturn.objects.filter(purchase_return__in=records.values("purchase_return"))
    parts = list(
        ReservedPoints.objects.filter(
            reservation__key=till.key_id,
            reservation__state=ReservationState.COMMITTED,
            reservation__settled_at__isnull=False,
        )
        .filter(_spent_within(start, end))
        .select_related("account__program")
    )
    back = PointsGivenBack.objects.filter(part__reservation__key=till.key_id, at__gte=start, at__lt=end)
    items = TillItem.objects.filter(
        key=till.key_id, occurred_at__gte=start, occurred_at__lt=end,
        state__in=[TillItemState.WAITING, TillItemState.PARKED],
    )  # fmt: skip
    redeemed: dict[str, int] = {}
    for part in parts:
        code = part.account.program.code
        redeemed[code] = redeemed.get(code, 0) + part.spent
    return DayReport(
        day=day,
        start=start,
        end=end,
        purchases=bought["purchases"],
        with_member=bought["with_member"],
        gross=bought["gross"] or ZERO,
        paid=bought["paid"] or ZERO,
        returns=bought["returns"],
        returned=bought["returned"] or ZERO,
        earned=_by_program(awards, "program__code", "points"),
        taken_back=_by_program(taken, "award__program__code", "points"),
        redemptions=len(parts),
        redeemed=redeemed,
        redeemed_worth=sum((worth_of(part, part.spent) for part in parts), ZERO),
        given_back=_by_program(back, "part__account__program__code", "points"),
        waiting=items.count(),
    )


def _spent_within(start: datetime, end: datetime) -> Q:
    """Held points count when they were spent; those spent at once by the till's own time."""
    held = Q(hold__isnull=False, reservation__settled_at__gte=start, reservation__settled_at__lt=end)
    at_once = Q(hold__isnull=True, reservation__occurred_at__gte=start, reservation__occurred_at__lt=end)
    return held | at_once


def _by_program(rows: object, code: str, points: str) -> dict[str, int]:
    found = rows.values(code).annotate(sum=Sum(points)).order_by(code)  # type: ignore[attr-defined]
    return {row[code]: int(row["sum"]) for row in found if row["sum"]}
