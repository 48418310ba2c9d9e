"""A person settles what waits in the inbox: by the same verbs as ever, with his own name and limits.

Lock order: the item, then what the verb itself locks.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from backoffice.actors import Actor
from campaigns.choices import TillItemKind, TillItemState, TimeTaken
from campaigns.errors import ItemDecided
from campaigns.models import TillItem
from campaigns.services.tills import inbox, points_parts, purchases, reservations, returns
from campaigns.services.tills.till import Till
from campaigns.till_data import ToldHold, ToldPurchase, ToldReturn
from members.errors import NoSuchCard
from members.selectors.lineage import survivor_id
from members.selectors.search import member_of_card
from points.services import corrections, ledger
from points.services.corrections import refuse_own_card, staff_with

Result = dict[str, Any]


@transaction.atomic
def settle_item(
    *,
    item_id: int,
    time_taken: TimeTaken = TimeTaken.TOLD,
    card_no: str = "",
    note: str,
    actor: Actor,
    now: datetime,
) -> TillItem:
    """Carry out what the till told, now that a person says so. It counts on no till's limits or allowance.

    `time_taken` says which time a receipt or return gets; `card_no` names the member where the till's card
    led
    to nobody. Raises like `inbox.locked`, NoSuchCard, and what the verb behind the item refuses: it goes on
    waiting then.
    """
    item = inbox.locked(item_id=item_id, actor=actor)
    if item.state == TillItemState.PARKED and item.kind != TillItemKind.RETURN:
        raise ItemDecided(status=TillItemState.PARKED.label)
    member_id = _member(item, card_no, actor)
    at = item.received_at if time_taken == TimeTaken.ARRIVAL else item.occurred_at
    till = Till(item.key_id, item.store_id, item.store.brand_id)
    settle = {
        TillItemKind.PURCHASE: _purchase,
        TillItemKind.RETURN: _return,
        TillItemKind.REDEMPTION: _redemption,
        TillItemKind.CORRECTION: _correction,
    }[TillItemKind(item.kind)]
    result = settle(item, till, member_id, at, note, actor, now)
    if member_id != item.member_id:
        item.member_id = member_id
        item.save(update_fields=["member"])
    return inbox.end(item, state=TillItemState.SETTLED, result=result, note=note, actor=actor, now=now)


def _member(item: TillItem, card_no: str, actor: Actor) -> int | None:
    if not card_no:
        return survivor_id(item.member_id)
    user = staff_with(actor, inbox.PERMISSION)
    member = member_of_card(card_no=card_no, user=user)
    refuse_own_card(member.pk, user)
    return int(member.pk)


def _purchase(
    item: TillItem, till: Till, member_id: int | None, at: datetime, note: str, actor: Actor,
    now: datetime,
) -> Result:  # fmt: skip
    told = ToldPurchase.from_json(item.payload, member_id=member_id, at=at)
    done = purchases.settle(till=till, told=told, actor=actor, now=now)
    assert done.settlement is not None, "whatever is settled has a settlement"
    return {"purchase": done.settlement.purchase_id, "member": member_id, "at": at.isoformat()}


def _return(
    item: TillItem, till: Till, member_id: int | None, at: datetime, note: str, actor: Actor,
    now: datetime,
) -> Result:  # fmt: skip
    told = ToldReturn.from_json(item.payload, at=at)
    done = returns.settle(till=till, told=told, actor=actor, now=now)
    return {"return": done.return_id, "at": at.isoformat()}


def _redemption(
    item: TillItem, till: Till, member_id: int | None, at: datetime, note: str, actor: Actor,
    now: datetime,
) -> Result:  # fmt: skip
    if member_id is None:
        raise NoSuchCard
    told = ToldHold(
        hold_no=item.payload["hold_no"],
        card="",
        amount=Decimal(item.payload["amount"]),
        points=item.payload["points"],
        program=item.payload["program"],
    )
    done = reservations.spend_at_once(
        till=till, told=told, member_id=member_id, actor=actor, now=now, occurred_at=at
    )
    return {"reservation": done.reservation.pk, "points": told.points}


def _correction(
    item: TillItem, till: Till, member_id: int | None, at: datetime, note: str, actor: Actor,
    now: datetime,
) -> Result:  # fmt: skip
    if member_id is None:
        raise NoSuchCard
    program = points_parts.program_of(brand_id=till.brand_id, code=item.payload["program"])
    done = corrections.correct(
        account_id=ledger.open_account(member_id=member_id, program_id=program.pk, now=now),
        points=item.payload["points"],
        reason=item.payload["reason"],
        note=note or item.payload["note"],
        key=f"till-item:{item.pk}",
        actor=actor,
        now=now,
    )
    return {"request": done.adjustment_id, "waiting": done.posting is None}
