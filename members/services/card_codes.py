"""The code on the member's screen: short-lived and signed, so that a screenshot does not serve for ever.

32 characters of base32: member id (6 bytes), minute of expiry (4), seal (10) over both and the card number. A
replaced card makes every code of before worthless.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils.crypto import salted_hmac

from members.cards import is_valid_card_no
from members.choices import MemberStatus
from members.errors import CardCodeExpired, CardCodeInvalid, CardReplaced, NoSuchCard
from members.models import Member, RetiredCard
from members.selectors.lineage import survivor

LIFE = timedelta(minutes=5)
ID_BYTES, MINUTE_BYTES, SEAL_BYTES = 6, 4, 10
CODE_LENGTH = 32


@dataclass(frozen=True, slots=True)
class CardCode:
    """What the app shows, and until when a till takes it."""

    code: str
    expires_at: datetime


def issue(*, member: Member, now: datetime) -> CardCode:
    """A code that a till takes for the next four to five minutes."""
    minute = int((now + LIFE).timestamp()) // 60
    head = int(member.pk).to_bytes(ID_BYTES) + minute.to_bytes(MINUTE_BYTES)
    code = base64.b32encode(head + _seal(head, member.card_no, settings.SECRET_KEY)).decode()
    return CardCode(code, datetime.fromtimestamp(minute * 60, tz=UTC))


def resolve(code: str, now: datetime, *, brand_id: int | None = None) -> Member:
    """The living member to whom a scanned card number or card code leads, also over a merge.

    With `brand_id` only members whom that brand serves: the group's, and its own. Raises CardCodeInvalid for
    what is neither, CardCodeExpired, CardReplaced, and NoSuchCard for a card that is unknown here.
    """
    scanned = "".join(code.split()).upper()
    if is_valid_card_no(scanned):
        return _of_card(scanned, brand_id)
    if len(scanned) != CODE_LENGTH:
        raise CardCodeInvalid
    try:
        raw = base64.b32decode(scanned)
    except ValueError:
        raise CardCodeInvalid from None
    head, seal = raw[: ID_BYTES + MINUTE_BYTES], raw[ID_BYTES + MINUTE_BYTES :]
    member = Member.objects.filter(pk=int.from_bytes(head[:ID_BYTES])).first()
    # An unknown member is sealed against all the same: the time tells nothing.
    card_no = member.card_no if member else ""
    houses = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(hmac.compare_digest(_seal(head, card_no, house), seal) for house in houses) or member is None:
        raise CardCodeInvalid
    if int(now.timestamp()) >= int.from_bytes(head[ID_BYTES:]) * 60:
        raise CardCodeExpired
    return _served(member, brand_id)


def _of_card(card_no: str, brand_id: int | None) -> Member:
    found = Member.objects.filter(card_no=card_no).first()
    if found is None:
        retired = RetiredCard.objects.select_related("member").filter(card_no=card_no).first()
        if retired is not None:
            _served(retired.member, brand_id)
            raise CardReplaced
        raise NoSuchCard
    return _served(found, brand_id)


def _served(member: Member, brand_id: int | None) -> Member:
    living = survivor(member)
    if living.status not in (MemberStatus.ACTIVE, MemberStatus.FROZEN):
        raise NoSuchCard
    if brand_id is not None and living.brand_id not in (None, brand_id):
        raise NoSuchCard
    return living


def _seal(head: bytes, card_no: str, secret: str) -> bytes:
    said = head.hex() + card_no
    return salted_hmac("members.card_code", said, secret=secret, algorithm="sha256").digest()[:SEAL_BYTES]
