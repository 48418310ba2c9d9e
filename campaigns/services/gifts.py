"""Gifts: points for joining and for answers, once for each phone and for all time (S16, S18, S20).

Lock order: member (the caller's), account (inside the ledger's functions), then the row that says it is had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from backoffice.actors import Actor
from backoffice.services import audit
from backoffice.services.locks import wait_for
from campaigns.choices import GiftOccasion
from campaigns.models import Gift, GiftTaken
from members.choices import MemberStatus
from members.models import Member
from points.choices import EntryKind
from points.rules import expiry_of, slide_of
from points.services import ledger

SOURCE_TYPE = "gift"
RULE = "gift"
SHOWN = ("name", "occasion", "field", "program_id", "points", "starts_at", "ends_at", "is_active")


@transaction.atomic
def save_gift(*, gift: Gift, actor: Actor, now: datetime) -> Gift:
    """Store a new or edited gift with its trail. Who has had one before keeps it. Nothing changed writes
    nothing.
    """
    before = Gift.objects.select_for_update().filter(pk=gift.pk).first()
    changes = {
        name: [_plain(getattr(before, name, None)), _plain(getattr(gift, name))]
        for name in SHOWN
        if before is None or getattr(before, name) != getattr(gift, name)
    }
    if changes:
        gift.save()
        action = "gift.change" if before else "gift.create"
        audit.record(actor=actor, action=action, subject=gift, changes=changes, now=now)
    return gift


@transaction.atomic
def welcome(*, member: Member, actor: Actor, now: datetime) -> list[GiftTaken]:
    """What a member gets whose phone was proven for the first time. The caller has locked the member."""
    return _give(_open_gifts(GiftOccasion.WELCOME, now), member, actor, now)


@transaction.atomic
def answered(*, member: Member, fields: Sequence[str], actor: Actor, now: datetime) -> list[GiftTaken]:
    """What a member gets for profile fields that were empty before. Unverified phones get nothing: whoever
    types any number could collect with it.
    """
    if member.phone_verified_at is None:
        return []
    return _give(_open_gifts(GiftOccasion.ANSWER, now).filter(field__in=fields), member, actor, now)


def seal_of(phone: str, secret: str | None = None) -> str:
    """64 hexadecimal digits that stand for a phone (E.164) and cannot be turned back without the secret."""
    return salted_hmac("campaigns.gift", phone, secret=secret, algorithm="sha256").hexdigest()


def sentences(explanation: Mapping[str, Any]) -> list[str]:
    """The stored explanation of an entry in words."""
    told = {"name": explanation.get("name", ""), "points": f"{explanation.get('points', 0):,}"}
    return [_("Gift “%(name)s”: %(points)s points, once for this phone.") % told]


def _open_gifts(occasion: GiftOccasion, now: datetime) -> Any:
    return (
        Gift.objects.filter(occasion=occasion, is_active=True, program__is_active=True, starts_at__lte=now)
        .filter(Q(ends_at=None) | Q(ends_at__gt=now))
        .select_related("program")
        .order_by("pk")
    )


def _give(gifts: Any, member: Member, actor: Actor, now: datetime) -> list[GiftTaken]:
    if member.status != MemberStatus.ACTIVE or not member.phone:
        return []
    served = [
        gift
        for gift in gifts
        if gift.program.brand_id in (None, member.brand_id) or member.brand_id is None
        if not gift.program.issuing_stopped
    ]
    taken = [_take(gift, member, actor, now) for gift in served]
    return [row for row in taken if row is not None]


def _take(gift: Gift, member: Member, actor: Actor, now: datetime) -> GiftTaken | None:
    """The gift, or None for a phone or a member that has had it: then the try is on the record (S18)."""
    matter = f"{gift.occasion}:{gift.field}" if gift.field else gift.occasion
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    seals = [seal_of(member.phone, secret) for secret in secrets]
    # The second of two waits, and then reads what the first has written.
    wait_for(f"gift:{seals[0]}:{matter}:{gift.program_id}")
    had = GiftTaken.objects.filter(Q(phone_seal__in=seals) | Q(member=member), matter=matter)
    earlier = had.filter(program=gift.program_id).first()
    if earlier is not None:
        if earlier.member_id != member.pk:
            told = {"matter": [None, matter], "had_by": [earlier.member_id, earlier.member_id]}
            audit.record(actor=actor, action="gift.refused", subject=member, changes=told, now=now)
        return None
    entry_id = _posted(gift, matter, seals[0], member, actor, now)
    return GiftTaken.objects.create(
        gift=gift, program=gift.program, matter=matter, phone_seal=seals[0], member=member,
        points=gift.points, entry_id=entry_id, at=now,
    )  # fmt: skip


def _posted(gift: Gift, matter: str, seal: str, member: Member, actor: Actor, now: datetime) -> int:
    account_id = ledger.open_account(member_id=member.pk, program_id=gift.program_id, now=now)
    explanation = {"rule": RULE, "gift": gift.pk, "name": gift.name, "matter": matter, "points": gift.points}
    posting = ledger.credit(
        account_id=account_id,
        kind=EntryKind.BONUS,
        points=gift.points,
        # The phone is in the key: a second account cannot book the same gift, whatever the table says.
        source=ledger.Source(SOURCE_TYPE, f"{matter}:{seal[:40]}"),
        context=ledger.Context(actor=actor, now=now, brand_id=gift.program.brand_id, explanation=explanation),
        expires_at=expiry_of(gift.program, now),
        slide_to=slide_of(gift.program, now),
    )
    assert posting.entry_id is not None, "a credit of points is an entry"
    return posting.entry_id


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | str) else str(value)
