"""Points that had paid a part of a receipt: their share goes back with each return, all of them with the
last.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Sum

from backoffice.actors import Actor
from campaigns.earning import share_returned
from campaigns.models import PointsGivenBack, ReservedPoints
from campaigns.services.tills import points_parts
from members.models import Purchase, PurchaseReturn
from points.services.corrections import left_to_undo


def give_back_share(*, purchase: Purchase, recorded: PurchaseReturn, actor: Actor, now: datetime) -> int:
    """Put `floor(spent x returned / paid)` points back in all, once for each return; answers this one's.

    What staff or the till have given back by hand is not given twice. The caller has locked the member and
    the purchase.
    """
    parts = ReservedPoints.objects.filter(reservation__purchase=purchase.pk, entry__isnull=False)
    given = 0
    for part in parts.select_related("entry", "reservation__store").order_by("id"):
        assert part.entry is not None, "filtered"
        total = purchase.returns.aggregate(total=Sum("amount"))["total"]
        target = share_returned(granted=part.spent, returned=total, paid=purchase.paid)
        with_returns = PointsGivenBack.objects.filter(part=part, purchase_return__isnull=False)
        before = with_returns.aggregate(sum=Sum("points"))["sum"] or 0
        wanted = min(max(target - before, 0), left_to_undo(part.entry))
        points_parts.give_back(
            reservation=part.reservation,
            part=part,
            number=f"return:{recorded.pk}",
            points=wanted,
            actor=actor,
            now=now,
            purchase_return=recorded,
        )
        given += wanted
    return given


def given_back_with(*, return_id: int) -> int:
    """Points that went back with this return. Reads only."""
    rows = PointsGivenBack.objects.filter(purchase_return=return_id)
    return int(rows.aggregate(sum=Sum("points"))["sum"] or 0)
