"""What tills told and nobody could settle at once: stored, never lost, decided by a person once.

Lock order: the item first, then what the verb locks that settles it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import translation

from backoffice.actors import Actor
from backoffice.errors import OutOfReach, Refusal
from backoffice.services import audit
from campaigns.choices import TillItemKind, TillItemReason, TillItemState
from campaigns.errors import ItemDecided, ToldDifferently
from campaigns.models import TillItem
from campaigns.services.tills.till import Till, fingerprint
from points.services.corrections import refuse_own_card, staff_with

PERMISSION = "campaigns.decide_tillitem"
OPEN = (TillItemState.PARKED.value, TillItemState.WAITING.value)


def known(*, till: Till, kind: TillItemKind, number: str, told: Mapping[str, Any]) -> TillItem | None:
    """The item of that number at the till's store. Raises ToldDifferently when it was told otherwise."""
    item = TillItem.objects.filter(store=till.store_id, kind=kind, number=number).first()
    if item is not None and item.fingerprint != fingerprint(told):
        raise ToldDifferently(number=number)
    return item


def store(
    *,
    till: Till,
    kind: TillItemKind,
    number: str,
    reason: TillItemReason,
    told: Mapping[str, Any],
    occurred_at: datetime,
    now: datetime,
    about: str = "",
    member_id: int | None = None,
    state: TillItemState = TillItemState.WAITING,
    refusal: Refusal | None = None,
) -> TillItem:
    """Keep what was told. Two tills at once with one number: one stores it, the other gets the stored one.

    Raises ToldDifferently.
    """
    item = TillItem(
        store_id=till.store_id,
        key_id=till.key_id,
        kind=kind.value,
        number=number,
        about=about,
        member_id=member_id,
        reason=reason.value,
        code=refusal.code if refusal else "",
        detail=sentence_for_staff(refusal) if refusal else "",
        payload=dict(told),
        fingerprint=fingerprint(told),
        occurred_at=occurred_at,
        received_at=now,
        state=state.value,
    )
    try:
        with transaction.atomic():
            item.save(force_insert=True)
    except IntegrityError:
        stored = known(till=till, kind=kind, number=number, told=told)
        if stored is None:
            raise
        return stored
    return item


def locked(*, item_id: int, actor: Actor) -> TillItem:
    """An open item within the reach of a person who may decide it, and not about his own card.

    Raises NotAllowed, OutOfReach, OwnCard, ItemDecided.
    """
    user = staff_with(actor, PERMISSION)
    item: TillItem | None = (
        TillItem.objects.visible_to(user).select_for_update(of=("self",)).filter(pk=item_id).first()
    )
    if item is None:
        raise OutOfReach
    if item.member_id is not None:
        refuse_own_card(item.member_id, user)
    if item.state not in OPEN:
        raise ItemDecided(status=TillItemState(item.state).label)
    return item


def end(
    item: TillItem, *, state: TillItemState, result: Mapping[str, Any], note: str, actor: Actor, now: datetime
) -> TillItem:
    """Write the decision: by a person, or by the system where what it waited for has come."""
    item.state, item.result = state.value, dict(result)
    item.decided_at, item.decided_by, item.note = now, actor.user, note
    item.save(update_fields=["state", "result", "decided_at", "decided_by", "note"])
    if actor.user is not None:
        audit.record(
            actor=actor,
            action="till_item.settled" if state == TillItemState.SETTLED else "till_item.refused",
            subject=item,
            changes={"kind": [item.kind, item.kind], "result": [None, dict(result)]},
            reason=note,
            now=now,
        )
    return item


@transaction.atomic
def refuse(*, item_id: int, note: str, actor: Actor, now: datetime) -> TillItem:
    """Say no to an item, for good: nothing moves. Raises like `locked`."""
    item = locked(item_id=item_id, actor=actor)
    return end(item, state=TillItemState.REFUSED, result={}, note=note, actor=actor, now=now)


def sentence_for_staff(refusal: Refusal) -> str:
    """The sentence is stored for staff: in their language, whatever the till's is."""
    with translation.override(None):
        return str(refusal)[:300]
