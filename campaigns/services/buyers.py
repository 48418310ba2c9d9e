"""The first lock of every settlement: the members. Freezing, merging and erasing take the same lock."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from django.db.models import QuerySet

from campaigns.earning import Buyer
from campaigns.errors import PurchaseMoved
from members.choices import MemberStatus
from members.models import Member
from members.selectors.lineage import survivors


def lock_buyers(member_ids: Iterable[int]) -> dict[int, Buyer]:
    """Lock these members until commit and answer each as an earner, a merged one as who he has become.

    Locks are taken in id order, so that two callers with the same members wait and never circle. Raises
    PurchaseMoved when one was merged between looking and locking (a repetition succeeds), RuntimeError
    outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a member is locked for the length of a transaction")
    return _buyers(member_ids, Member.objects.select_for_update(no_key=True))


def look_at_buyers(member_ids: Iterable[int]) -> dict[int, Buyer]:
    """The same answer without the locks, for a look that decides nothing. Raises PurchaseMoved."""
    return _buyers(member_ids, Member.objects.all())


def _buyers(member_ids: Iterable[int], members: QuerySet[Member]) -> dict[int, Buyer]:
    given = set(member_ids)
    if not given:
        return {}
    merged = Member.objects.filter(pk__in=given, status=MemberStatus.MERGED)
    became = {pk: member.pk for pk, member in survivors(merged).items()}
    wanted = sorted({became.get(pk, pk) for pk in given})
    rows = members.filter(pk__in=wanted).order_by("pk").values_list("pk", "status", "brand_id")
    found = {pk: Buyer(pk, status, brand_id) for pk, status, brand_id in rows}
    if any(buyer.status == MemberStatus.MERGED for buyer in found.values()):
        raise PurchaseMoved
    return {pk: found[became.get(pk, pk)] for pk in given}
