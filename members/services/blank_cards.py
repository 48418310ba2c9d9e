"""Cards that are handed out before anybody is named: they collect, and join whoever claims them (S28).

A blank card is an active member without phone and name. Its number is the only proof of who owns it, so it is
claimed by showing it, once.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.errors import KeyTaken, LimitReached
from backoffice.models import Brand, Store
from backoffice.services import audit, limits
from members.cards import SECURE, new_card_no
from members.choices import Channel, MemberStatus
from members.errors import (
    CardNotBlank,
    CardNotClaimed,
    CardReplaced,
    MembersRefusal,
    NoSuchCard,
    TooManyCards,
    TooManyCardsJoined,
)
from members.models import Member, RetiredCard
from members.selectors.lineage import survivor
from members.services.merging import join

MOST = 500
# Cards that join one member on one local day.
MOST_A_DAY = 5


@transaction.atomic
def issue(
    *,
    count: int,
    store: Store,
    actor: Actor,
    key: str,
    now: datetime,
    brand: Brand | None = None,
    rng: random.Random = SECURE,
) -> list[Member]:
    """Make `count` (1 to MOST) blank cards for `store`; the same `key` again answers the same cards.

    `brand`: whose members their owners become (None: the group's). Raises TooManyCards, KeyTaken when the key
    came with another count.
    """
    if not 1 <= count <= MOST:
        raise TooManyCards(most=MOST)
    keys = [f"card:{key}:{number}" for number in range(count)]
    known = _of_key(keys, key)
    if known:
        return known
    cards = [
        Member(
            card_no=number, enrol_key=name, source=Channel.STORE.value, joined_at=now, joined_store=store,
            brand=brand,
        )
        for name, number in zip(keys, _free_numbers(count, rng), strict=True)
    ]  # fmt: skip
    made = Member.objects.bulk_create(cards)
    told = {"cards": [0, count], "store": [None, store.code]}
    audit.record(actor=actor, action="card.issue", subject=store, changes=told, now=now)
    return made


@transaction.atomic
def claim(*, member: Member, card_no: str, actor: Actor, now: datetime) -> Member:
    """What a blank card has collected becomes the member's, and the card leads to him from now on.

    The same card again changes nothing. Raises NoSuchCard, CardReplaced and CardNotBlank to staff and
    CardNotClaimed for all three to a member (N19), WrongStatus unless the member is active, OwnAccount, and
    TooManyCardsJoined after MOST_A_DAY for one member: the till's pile of cards is nobody's savings (T13).
    """
    number = "".join(card_no.split())
    cards = Member.objects.all() if actor.user is None else Member.objects.visible_to(actor.user)
    card = cards.filter(card_no=number).first()
    if card is not None and survivor(card).pk == member.pk:
        return member
    if card is None or not is_blank(card):
        raise CardNotClaimed if actor.user is None else _why_not(card, number)
    _refuse_named_meanwhile(card, member, actor)
    kept = join(gone=card, kept=member, why="", actor=actor, now=now)
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    bucket, day = limits.bucket_of("cards_joined", str(kept.pk)), timedelta(days=1)
    try:
        limits.take(bucket=bucket, limit=MOST_A_DAY, window=day, now=now, start=midnight)
    except LimitReached as limit:
        raise TooManyCardsJoined(most=MOST_A_DAY) from limit
    return kept


def _refuse_named_meanwhile(card: Member, member: Member, actor: Actor) -> None:
    """Under both rows' locks, in the order of `join`: somebody may have given the card a name or a phone."""
    rows = Member.objects.select_for_update(no_key=True).filter(pk__in={card.pk, member.pk})
    now_there = {row.pk: row for row in rows.order_by("pk")}[card.pk]
    if now_there.phone or now_there.name:
        raise CardNotClaimed if actor.user is None else CardNotBlank


def is_blank(member: Member) -> bool:
    """Whether nobody is named for this card yet."""
    return member.status == MemberStatus.ACTIVE and not member.phone and not member.name


def _why_not(card: Member | None, number: str) -> MembersRefusal:
    if card is not None:
        return CardNotBlank()
    return CardReplaced() if RetiredCard.objects.filter(card_no=number).exists() else NoSuchCard()


def _of_key(keys: Sequence[str], key: str) -> list[Member]:
    known = list(Member.objects.filter(enrol_key__in=keys).order_by("pk"))
    beyond = Member.objects.filter(enrol_key=f"card:{key}:{len(keys)}").exists()
    if known and (len(known) != len(keys) or beyond):
        raise KeyTaken
    return known


def _free_numbers(count: int, rng: random.Random) -> list[str]:
    """Numbers that no card has or had. A number that somebody draws at the same instant fails the verb."""
    free: dict[str, None] = {}
    while len(free) < count:
        drawn = {new_card_no(rng) for _card in range(count - len(free))}
        drawn -= set(Member.objects.filter(card_no__in=drawn).values_list("card_no", flat=True))
        drawn -= set(RetiredCard.objects.filter(card_no__in=drawn).values_list("card_no", flat=True))
        free.update(dict.fromkeys(sorted(drawn)))
    return list(free)
