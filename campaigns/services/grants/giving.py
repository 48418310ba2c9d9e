"""The grant itself: one statement in the usual case, the long way in every other.

The long way claims the request's key by itself, then finds out what is unusual: a number that is known, a
code of a screen, a card that leads to another member, a rule that refuses. What is to be booked, the same
statement books.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from backoffice import prepared
from backoffice.actors import Actor
from backoffice.services.idempotency import InOne, KeyOfRequest
from backoffice.services.limits import seconds_until
from campaigns.errors import GrantDayFull, GrantDiffers, GrantMoved, ProgramUnknown
from campaigns.grant_data import Giver, ToldGrant
from campaigns.grant_words import explanation_of
from campaigns.models import Grant
from campaigns.services.buyers import lock_buyers
from campaigns.services.grants.judging import Judged, judge
from campaigns.services.tills.till import fingerprint
from members.cards import is_valid_card_no
from members.choices import MemberStatus
from members.errors import MembersRefusal
from members.selectors.lineage import survivor
from members.services import card_codes
from points.errors import refusal_of
from points.policy import ZONE
from points.services import ledger
from points.services.corrections import staff_with

GIVE = "SELECT campaigns_grant_v1(%s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s, %s, %s, %s::jsonb)"
COUNT = f"SELECT points_count_grant_v1(%s, %s, %s, {ledger.CONTEXT})"
THE_LONG_WAY, DAY_IS_FULL = "SC001", "SC002"
PERMISSION = "points.correct_points"
# The answer but for what only the books say.
KnownBefore = Callable[[ToldGrant, Judged], Mapping[str, Any]]


class LongWay(Exception):
    """The statement has found something unusual and has done nothing: `give` finds out what."""


def in_one(*, giver: Giver, told: ToldGrant, actor: Actor, now: datetime, body: KnownBefore) -> InOne | None:
    """The grant as one statement with its key and its answer, None where it is no usual one.

    What comes back raises LongWay, GrantDayFull and what the ledger refuses; nothing was written then.
    """
    scanned = "".join(told.card.split())
    if giver.user_id is not None or not is_valid_card_no(scanned):
        return None
    try:
        judged = judge(brand_id=giver.brand_id, told=told, now=now, remember=True)
    except ProgramUnknown:
        return None
    if judged.refused is not None:
        return None

    def give_at_once(key: KeyOfRequest) -> Mapping[str, Any] | None:
        values = _values(giver, told, judged, actor, now, body, {"card": scanned})
        return _booked([key.client, key.key, key.digest, *values], told, now)

    return give_at_once


def give(
    *, giver: Giver, told: ToldGrant, actor: Actor, now: datetime, body: KnownBefore
) -> Grant | Mapping[str, Any]:
    """Give the points, in the caller's transaction: what the statement answers, or the grant that is known.

    Raises GrantDiffers, NoSuchCard, CardReplaced, CardCodeInvalid, CardCodeExpired, ProgramUnknown,
    ProgramClosed, IssuingStopped, GrantTooLarge, TimeNotBelieved, GrantDayFull, MemberNotServed; for the key
    of a person NotAllowed, OwnCard, OverLimit; GrantMoved when something of it changed at this very moment (a
    repetition succeeds).
    """
    known = known_grant(brand_id=giver.brand_id, number=told.number)
    if known is not None:
        return _same(known, giver, told, now)
    judged = judge(brand_id=giver.brand_id, told=told, now=now, remember=False)
    if judged.refused is not None:
        raise judged.refused
    member = card_codes.resolve(told.card, min(told.occurred_at, now), brand_id=giver.brand_id)
    if giver.user_id is not None:
        _count_person(giver, told, judged, member.pk, actor, now)
    values = _values(giver, told, judged, actor, now, body, {"member": member.pk})
    # He has just read the program, and nothing is remembered of it here.
    values[3] = None
    try:
        answer = _booked([None, None, None, *values], told, now)
    except LongWay:
        # The same number, or a merge, this very moment.
        raise GrantMoved from None
    assert answer is not None, "only a key can be known"
    return answer


def known_grant(*, brand_id: int, number: str) -> Grant | None:
    rows = Grant.objects.select_related(
        "account__program", "account__member", "entry__lot", "pending", "cancel"
    )
    found: Grant | None = rows.filter(brand=brand_id, number=number).first()
    return found


def _same(known: Grant, giver: Giver, told: ToldGrant, now: datetime) -> Grant:
    """The grant, where the same is told again: by content, and by whom the card leads to."""
    owner = survivor(known.account.member)
    if known.told != fingerprint(told.as_json()):
        raise GrantDiffers(number=told.number)
    try:
        pointed = card_codes.resolve(told.card, min(told.occurred_at, now), brand_id=giver.brand_id)
    except MembersRefusal:
        # An erased member has no card any more, and nobody else's stands in its place.
        if owner.status == MemberStatus.ERASED:
            return known
        raise
    if pointed.pk != owner.pk:
        raise GrantDiffers(number=told.number)
    return known


def _count_person(
    giver: Giver, told: ToldGrant, judged: Judged, member_id: int, actor: Actor, now: datetime
) -> None:
    """A person's key gives within his own limits, and never to himself. The member is locked first."""
    staff_with(actor, PERMISSION)
    lock_buyers([member_id])
    account_id = ledger.open_account(member_id=member_id, program_id=judged.program.pk, now=now)
    context = ledger.Context(actor=actor, now=now, brand_id=giver.brand_id)
    ledger.call(COUNT, [giver.user_id, account_id, told.points, *context.values()], fenced=False)


def _values(
    giver: Giver,
    told: ToldGrant,
    judged: Judged,
    actor: Actor,
    now: datetime,
    body: KnownBefore,
    whom: dict[str, Any],
) -> list[Any]:
    """What the function takes after the request's key."""
    booking = {
        "brand": giver.brand_id,
        "key": giver.key_id,
        "code": told.program,
        "number": told.number,
        "points": told.points,
        "service": told.service,
        "reason": told.reason,
        "told": fingerprint(told.as_json()),
        "explanation": explanation_of(told),
        **judged.booking(),
        **whom,
    }
    midnight = now.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    return [
        now, _json(booking), judged.program.pk, judged.version, told.occurred_at, actor.type, actor.id,
        settings.PARTNER_DAY_MOST_POINTS, midnight, _json(body(told, judged)),
    ]  # fmt: skip


def _booked(values: list[Any], told: ToldGrant, now: datetime) -> Mapping[str, Any] | None:
    try:
        row = prepared.first(GIVE, values)
    except DatabaseError as error:
        refused = refusal_of(error)
        state = getattr(error.__cause__, "sqlstate", None)
        if refused is not None:
            raise refused from error
        if state == THE_LONG_WAY:
            raise LongWay from error
        if state == DAY_IS_FULL:
            midnight = values[-2] + timedelta(days=1)
            most = settings.PARTNER_DAY_MOST_POINTS
            raise GrantDayFull(most=most, retry_after=seconds_until(midnight, now)) from error
        raise
    assert row is not None, "the function answers one row"
    return row[0]


def _json(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))
