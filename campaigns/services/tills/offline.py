"""A till without a line (N13): a small signed allowance beforehand, its queue afterwards.

The queue is replayed in the till's own order, with its own times. Each item is one transaction under the lock
of its allowance and final once it is stored: settled, or in the inbox for staff. So a queue may be sent again
from any place, also by two lines at once, and nothing is lost or doubled.

Lock order: the allowance, then what the verb of the item locks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import transaction

from backoffice.actors import Actor
from backoffice.errors import CallerNotAllowed, Refusal
from campaigns.choices import TillItemKind, TillItemReason
from campaigns.errors import AllowanceExceeded, AllowanceWrong, PurchaseMoved, QueueGap, ToldDifferently
from campaigns.models import OfflineItem, OfflinePack, TillItem
from campaigns.services.tills import inbox, purchases, reservations, returns
from campaigns.services.tills.customers import by_card
from campaigns.services.tills.till import Till, clock_fault, fingerprint
from campaigns.till_data import ToldHold, ToldPurchase, ToldReturn
from members.errors import MembersRefusal

SALT = "campaigns.offline_allowance"
Told = ToldPurchase | ToldReturn | ToldHold


@dataclass(frozen=True, slots=True)
class QueueItem:
    """The `seq`-th thing of an allowance's queue, counted from 1, and when it happened."""

    seq: int
    occurred_at: datetime
    told: Told

    @property
    def kind(self) -> TillItemKind:
        kinds = {
            ToldPurchase: TillItemKind.PURCHASE,
            ToldReturn: TillItemKind.RETURN,
            ToldHold: TillItemKind.REDEMPTION,
        }
        return kinds[type(self.told)]

    @property
    def number(self) -> str:
        match self.told:
            case ToldPurchase(receipt=receipt):
                return receipt.receipt_no
            case ToldReturn(return_no=number) | ToldHold(hold_no=number):
                return number


@transaction.atomic
def issue(*, till: Till, hours: int, now: datetime) -> OfflinePack:
    """A new allowance of this till, for at most the hours and points that the settings allow.

    An earlier one ends now, so that a till never has two; what was redeemed under it still counts on it.
    """
    hours = min(hours, settings.OFFLINE_MOST_HOURS)
    earlier = OfflinePack.objects.select_for_update().filter(key=till.key_id, valid_until__gt=now)
    for pack in earlier.order_by("id"):
        pack.valid_until = max(now, pack.valid_from)
        pack.save(update_fields=["valid_until"])
    return OfflinePack.objects.create(
        key_id=till.key_id,
        store_id=till.store_id,
        max_points=settings.OFFLINE_MOST_POINTS,
        max_redemptions=settings.OFFLINE_MOST_REDEMPTIONS,
        valid_from=now,
        valid_until=now + timedelta(hours=hours),
    )


def allowance_of(pack: OfflinePack) -> str:
    """The signed text that the till keeps and sends with its queue; the same one whenever it is asked for."""
    told = {
        "pack": pack.pk,
        "till": pack.key_id,
        "points": pack.max_points,
        "redemptions": pack.max_redemptions,
    }
    return signing.Signer(salt=SALT).sign_object(told)


def replay(
    *,
    till: Till,
    allowance: str,
    items: Sequence[QueueItem],
    may_spend: bool,
    actor: Actor,
    now: datetime,
) -> None:
    """Carry out a piece of the queue, item by item, each in a transaction of its own; what is done stays
    done.

    Raises CallerNotAllowed (redemptions of a till that may not spend; nothing is done), AllowanceWrong,
    QueueGap
    (an earlier item is missing), ToldDifferently (an item that is final was told otherwise). The items before
    that one are final.
    """
    pack_id = _opened(till, allowance)
    spends = any(item.kind == TillItemKind.REDEMPTION or _redeems(item.told) for item in items)
    if spends and not may_spend:
        raise CallerNotAllowed
    for item in sorted(items, key=lambda queued: queued.seq):
        _one(till, pack_id, item, actor, now)


def results(*, till: Till, allowance: str, items: Sequence[QueueItem]) -> list[OfflineItem]:
    """What became of these items, in the order of the queue. Raises AllowanceWrong."""
    seqs = {item.seq for item in items}
    rows = OfflineItem.objects.filter(pack=_opened(till, allowance), seq__in=seqs)
    return list(rows.select_related("item").order_by("seq"))


def _redeems(told: Told) -> bool:
    return isinstance(told, ToldPurchase) and told.redeem is not None


def _opened(till: Till, allowance: str) -> int:
    try:
        told = signing.Signer(salt=SALT).unsign_object(allowance)
    except (signing.BadSignature, ValueError):
        raise AllowanceWrong from None
    if told["till"] != till.key_id:
        raise AllowanceWrong
    return int(told["pack"])


@transaction.atomic(durable=True)
def _one(till: Till, pack_id: int, item: QueueItem, actor: Actor, now: datetime) -> None:
    pack = OfflinePack.objects.select_for_update().get(pk=pack_id)
    said = fingerprint(
        {"at": item.occurred_at, "card": getattr(item.told, "card", ""), **item.told.as_json()}
    )
    known = OfflineItem.objects.filter(pack=pack, seq=item.seq).first()
    if known is not None:
        if known.fingerprint != said:
            raise ToldDifferently(number=item.number)
        return
    if item.seq != pack.next_seq:
        raise QueueGap(expected=pack.next_seq)
    result: dict[str, Any] = {}
    inboxed: TillItem | None = None
    try:
        with transaction.atomic():
            result, inboxed = _carried_out(till, pack, item, actor, now)
    except PurchaseMoved:
        # A merge came in between; the same piece of the queue succeeds when it is sent again.
        raise
    except Refusal as refusal:
        # The counters of the allowance went back with the savepoint.
        pack.refresh_from_db()
        inboxed = _conflict(till, pack, item, refusal, now)
    pack.next_seq += 1
    pack.save(update_fields=["next_seq", "used_points", "used_redemptions"])
    OfflineItem.objects.create(
        pack=pack,
        seq=item.seq,
        kind=item.kind.value,
        number=item.number,
        fingerprint=said,
        result=result,
        item=inboxed,
        occurred_at=item.occurred_at,
        received_at=now,
    )


def _carried_out(
    till: Till, pack: OfflinePack, item: QueueItem, actor: Actor, now: datetime
) -> tuple[dict[str, Any], TillItem | None]:
    match item.told:
        case ToldPurchase() as told:
            posted = purchases.post(till=till, told=told, actor=actor, now=now)
            if posted.settlement is None:
                return {}, posted.item
            return {"purchase": posted.settlement.purchase_id}, None
        case ToldReturn() as told:
            returned = returns.post(till=till, told=told, actor=actor, now=now)
            if returned.settlement is None:
                return {}, returned.item
            return {"return": returned.settlement.return_id}, None
        case ToldHold() as told:
            return _redeemed(till, pack, item, told, actor, now), None


def _redeemed(
    till: Till, pack: OfflinePack, item: QueueItem, told: ToldHold, actor: Actor, now: datetime
) -> dict[str, Any]:
    """The card counts as it was when it was scanned; the points are those that are there now."""
    within = (
        pack.valid_from <= item.occurred_at < pack.valid_until and clock_fault(item.occurred_at, now) is None
    )
    pack.used_points += told.points
    pack.used_redemptions += 1
    fits = pack.used_points <= pack.max_points and pack.used_redemptions <= pack.max_redemptions
    if not within or not fits:
        raise AllowanceExceeded
    member = by_card(till=till, card=told.card, now=item.occurred_at).member
    done = reservations.spend_at_once(
        till=till, told=told, member_id=member.pk, actor=actor, now=now, occurred_at=item.occurred_at
    )
    return {"reservation": done.reservation.pk, "points": told.points}


def _conflict(till: Till, pack: OfflinePack, item: QueueItem, refusal: Refusal, now: datetime) -> TillItem:
    told = item.told
    member_id = None
    card = getattr(told, "card", "")
    if card:
        try:
            member_id = by_card(till=till, card=card, now=min(item.occurred_at, now)).member.pk
        except MembersRefusal:
            member_id = None
    return inbox.store(
        till=till,
        kind=item.kind,
        # Its own number may be in the inbox already, told otherwise: this is another thing to decide.
        number=f"#{pack.pk}/{item.seq}",
        about=getattr(told, "receipt_no", item.number)[:64],
        member_id=member_id,
        reason=TillItemReason.CONFLICT,
        told=told.as_json(),
        refusal=refusal,
        occurred_at=item.occurred_at,
        now=now,
    )
