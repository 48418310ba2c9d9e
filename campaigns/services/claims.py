"""A receipt without a member finds its member afterwards: from the app by its invoice, or at the desk (S89).

Nothing is believed: number, day and amount must be those of a receipt that a till has told, and that is
nobody's yet. So one invoice earns once over all members, whoever finds the slip of paper.

Lock order: member, receipt, small change, account, as in `settlement`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.errors import LimitReached, OutOfReach
from backoffice.models import Brand, User
from backoffice.services import audit, limits
from backoffice.services.alarms import raise_alarm
from campaigns.earning import NO_MEMBER, EarningRule, judge
from campaigns.errors import ClaimedAlready, ClaimTooLate, NoSuchReceipt, TooManyClaims
from campaigns.models import Award
from campaigns.services.buyers import lock_buyers, look_at_buyers
from campaigns.services.late_awards import award_for
from campaigns.services.settlement import Settlement, reward_of
from members.choices import MemberStatus
from members.errors import WrongStatus
from members.models import Member, Purchase
from points.errors import OtherStore
from points.services.corrections import refuse_other_store, refuse_own_card, staff_with

PERMISSION = "campaigns.claim_receipt"
ALARM = "campaigns.receipts_added"
# Numbers of invoices follow each other: whoever guesses stops soon.
TRIES, TRIES_WINDOW = 10, timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Told:
    """What stands on the slip: number of invoice or receipt, local day, NT$ paid."""

    number: str
    bought_on: date
    amount: Decimal

    @property
    def plain_number(self) -> str:
        return "".join(self.number.upper().replace("-", "").split())


@dataclass(frozen=True, slots=True)
class ClaimPreview:
    """The receipt that was found, and (program, points) that it would give."""

    purchase: Purchase
    gives: tuple[tuple[str, int], ...]


def count_try(*, member_id: int, now: datetime) -> None:
    """Count a try of a member, and commit that before anything is compared. Raises LimitReached."""
    with transaction.atomic():
        bucket = limits.bucket_of("receipt_claim", str(member_id))
        limits.take_sliding(bucket=bucket, limit=TRIES, window=TRIES_WINDOW, now=now)


@transaction.atomic
def claim_by_member(*, member: Member, told: Told, actor: Actor, now: datetime) -> Settlement:
    """The member's own door; `count_try` has come before.

    Raises NoSuchReceipt, ClaimedAlready, ClaimTooLate, WrongStatus unless he is active, LimitReached for more
    than RECEIPT_CLAIMS_A_DAY on one local day.
    """
    settlement = _claim(member.pk, told, None, actor, now)
    _count("receipts_claimed", member.pk, settings.RECEIPT_CLAIMS_A_DAY, now)
    return settlement


@transaction.atomic
def claim_by_staff(*, member: Member, told: Told, actor: Actor, now: datetime) -> Settlement:
    """The desk's door, for a customer who forgot his card.

    Slips of other people lie about at every till, so a member gets no more of them here than in the app, and
    one person adds RECEIPT_CLAIMS_BY_STAFF_A_DAY at most; the last of these raises an alarm about him (T13).

    Raises like `claim_by_member`, but TooManyClaims for LimitReached, and NotAllowed, OwnCard, OtherStore.
    """
    user = staff_with(actor, PERMISSION)
    refuse_own_card(member.pk, user)
    to_one, by_one = settings.RECEIPT_CLAIMS_A_DAY, settings.RECEIPT_CLAIMS_BY_STAFF_A_DAY
    settlement = _claim(member.pk, told, user, actor, now)
    try:
        _count("receipts_claimed", member.pk, to_one, now)
        added = _count("receipts_added", user.pk, by_one, now)
    except LimitReached as limit:
        raise TooManyClaims(to_one=to_one, by_one=by_one) from limit
    if added == by_one:
        day = timezone.localdate(now).isoformat()
        raise_alarm(
            kind=ALARM,
            subject=actor.name,
            facts={"receipts": added, "day": day},
            key=f"{ALARM}:{user.pk}:{day}",
            actor=actor,
            now=now,
            about_id=user.pk,
        )
    return settlement


def _count(what: str, owner_id: int, most: int, now: datetime) -> int:
    """One more of this local day; answers how many. Raises LimitReached."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    bucket = limits.bucket_of(what, str(owner_id))
    return limits.take(bucket=bucket, limit=most, window=timedelta(days=1), now=now, start=midnight)


def preview(*, member: Member, told: Told, user: User, now: datetime) -> ClaimPreview:
    """What `claim_by_staff` would do. Reads only; raises like it."""
    refuse_own_card(member.pk, user)
    purchase = _found(told, user, now)
    buyer = look_at_buyers([member.pk])[member.pk]
    gives = []
    for award in _open_awards(purchase):
        rule = EarningRule.of(award.program)
        found = judge(rule=rule, buyer=buyer, store_brand_id=purchase.store.brand_id, base=purchase.paid)
        gives.append((award.program.name, found.points))
    return ClaimPreview(purchase, tuple(gives))


def _claim(member_id: int, told: Told, user: User | None, actor: Actor, now: datetime) -> Settlement:
    buyers = lock_buyers([member_id])
    if member_id not in buyers:
        raise OutOfReach
    buyer = buyers[member_id]
    if buyer.status != MemberStatus.ACTIVE:
        raise WrongStatus(status=MemberStatus(buyer.status).label)
    purchase = _found(told, user, now, lock=True)
    if buyer.brand_id not in (None, purchase.store.brand_id):
        # It could give him nothing, and would be lost to whose it is.
        raise NoSuchReceipt
    Purchase.objects.filter(pk=purchase.pk).update(member_id=buyer.member_id)
    purchase.member_id = buyer.member_id
    settled = []
    for stored in _open_awards(purchase):
        award = award_for(purchase, buyer, stored.program, actor, now)
        award.pk, award.created_at = stored.pk, stored.created_at
        award.explanation = award.explanation | {"claimed": now.isoformat()}
        award.save(force_update=True)
        settled.append(award)
    told_changes = {"member": [None, buyer.member_id], "points": [0, sum(award.points for award in settled)]}
    audit.record(actor=actor, action="purchase.claim", subject=purchase, changes=told_changes, now=now)
    return Settlement(purchase.pk, purchase.member_id, tuple(map(reward_of, settled)), replayed=False)


def _found(told: Told, user: User | None, now: datetime, *, lock: bool = False) -> Purchase:
    """The one receipt that the slip describes, free to be claimed."""
    start = timezone.make_aware(datetime.combine(told.bought_on, datetime.min.time()))
    of_day = Purchase.objects.filter(
        paid=told.amount, purchased_at__gte=start, purchased_at__lt=start + timedelta(days=1)
    )
    number = told.plain_number
    named = Q(invoice_no=number) & ~Q(invoice_no="")
    if user is not None:
        named |= Q(receipt_no=told.number.strip())
    rows = of_day.filter(named).select_related("store").order_by("pk")
    found = list((rows.select_for_update(of=("self",)) if lock else rows)[:2])
    if len(found) != 1:
        raise NoSuchReceipt
    purchase = found[0]
    if user is not None:
        refuse_other_store(purchase.store_id, user)
        if not Brand.objects.visible_to(user).filter(pk=purchase.store.brand_id).exists():
            raise OtherStore
    if purchase.member_id is not None or purchase.returns.exists():
        raise ClaimedAlready
    if purchase.purchased_at < now - timedelta(days=settings.RECEIPT_CLAIM_DAYS):
        raise ClaimTooLate(days=settings.RECEIPT_CLAIM_DAYS)
    return purchase


def _open_awards(purchase: Purchase) -> list[Award]:
    """The awards that gave nothing because nobody was named; programs of the day of the purchase."""
    rows = Award.objects.filter(purchase=purchase, account=None, explanation__failed=NO_MEMBER)
    return list(rows.select_related("program").order_by("pk"))
