"""Many receipts back whole: what `settle_return` does to one, for a chunk of receipts that nobody touched.

A call is one transaction and safe to repeat. Lock order as in `returns`; members, receipts and accounts in id
order.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from backoffice.actors import Actor
from campaigns.errors import PurchaseMoved
from campaigns.models import Award, AwardReturn, Reservation
from campaigns.services.bulk_taking_back import take_back_whole
from campaigns.services.buyers import lock_buyers
from campaigns.services.taking_back import Taken
from members.models import Purchase, PurchaseReturn
from members.purchase_data import REASON_LENGTH
from members.services.bulk_purchases import record_whole_returns
from points.choices import EntryKind
from points.models import Account, Entry, Lot, LotUse


class Ending(enum.Enum):
    """What became of a receipt: it came back whole; it cost nothing, so there is nothing to bring back; it
    was left as it is, because something has happened to it since.
    """

    RETURNED = "returned"
    NOTHING = "nothing"
    KEPT = "kept"


@transaction.atomic
def return_whole(
    *, purchase_ids: Sequence[int], source: str, number: str, reason: str, actor: Actor, now: datetime
) -> dict[int, Ending]:
    """Bring these receipts back whole, each under the return number `<number>-<receipt's id>`.

    Kept are receipts of which something came back before, whose bill points have paid, and of whose points
    something was spent, is held, has moved to another account or was undone by hand. Points that have lapsed,
    and those that still wait, go back. The last receipt goes first, so that each finds the small change as it
    left it.

    Raises PurchaseMoved when a member was merged this very moment, and what taking points back refuses.
    """
    bought = dict(Purchase.objects.filter(pk__in=purchase_ids).values_list("pk", "member"))
    buyers = lock_buyers({member_id for member_id in bought.values() if member_id is not None})
    locked = {
        purchase.pk: purchase
        for purchase in Purchase.objects.filter(pk__in=purchase_ids)
        .order_by("pk")
        .select_for_update(no_key=True)
    }
    if any(purchase.member_id != bought[pk] for pk, purchase in locked.items()):
        raise PurchaseMoved
    touched = _touched(purchase_ids, source, number)
    endings = {
        pk: Ending.KEPT if pk in touched else Ending.RETURNED if purchase.paid else Ending.NOTHING
        for pk, purchase in locked.items()
    }
    back = [purchase for pk, purchase in locked.items() if endings[pk] is Ending.RETURNED]
    recorded = record_whole_returns(
        back, source=source, number=number, reason=reason[:REASON_LENGTH], now=now
    )
    takings = {
        purchase.pk: Taken(actor, now, buyers[purchase.member_id].member_id, recorded[purchase.pk])
        for purchase in back
        if purchase.member_id is not None
    }
    take_back_whole(takings)
    return endings


def _touched(purchase_ids: Sequence[int], source: str, number: str) -> set[int]:
    """The receipts that are not as they were settled. Locks their accounts, so that they stay like this.

    Points that another return of this call's number has taken do not count: in programs with small change a
    return may cost the points of a neighbour, which comes back next.
    """
    awards = Award.objects.filter(purchase__in=purchase_ids)
    accounts = Account.objects.filter(pk__in=awards.exclude(account=None).values("account"))
    list(accounts.order_by("pk").select_for_update().values_list("pk", flat=True))
    taken = AwardReturn.objects.filter(award__in=awards)
    ours = taken.filter(purchase_return__source=source, purchase_return__return_no__startswith=f"{number}-")
    own_entries = list(ours.exclude(entry=None).values_list("entry", flat=True))
    by_entry = dict(awards.exclude(entry=None).values_list("entry", "purchase"))
    lots = list(by_entry)
    used = (
        LotUse.objects.filter(lot__in=lots)
        .exclude(entry__kind=EntryKind.EXPIRE)
        .exclude(entry__in=own_entries)
        .values("lot")
        .annotate(points_used=Sum("points"))
        .exclude(points_used=0)
    )
    held = Lot.objects.filter(pk__in=lots, held__gt=0)
    undone = Entry.objects.filter(reverses__in=lots).exclude(pk__in=own_entries)
    moved = [
        *used.values_list("lot", flat=True),
        *held.values_list("pk", flat=True),
        *undone.values_list("reverses", flat=True),
    ]
    returned = PurchaseReturn.objects.filter(purchase__in=purchase_ids)
    paid_with_points = Reservation.objects.filter(purchase__in=purchase_ids)
    return {
        *(by_entry[pk] for pk in moved if pk is not None),
        *returned.values_list("purchase", flat=True),
        *paid_with_points.values_list("purchase_id", flat=True),
        *taken.exclude(pk__in=ours.values("pk"))
        .filter(points__gt=0)
        .values_list("award__purchase", flat=True),
    }
