"""Who stands at the counter: by card number, by the code on his screen, by phone, or by the answer to those.

A look answers a token that stands for the member at this store for a while, because a code on a screen is
over
after five minutes and a phone number is no key to somebody's points for ever.
"""

from __future__ import annotations

import base64
import hmac
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils.crypto import salted_hmac

from backoffice.services import limits
from campaigns.errors import NoSuchCustomer
from campaigns.services.tills.till import Till
from members.cards import is_valid_card_no
from members.choices import MemberStatus
from members.errors import CardCodeExpired, CardCodeInvalid, MembersRefusal, NoSuchCard
from members.models import Member
from members.phones import normalise_phone
from members.selectors.lineage import survivor
from members.services import card_codes

TOKEN = "skt_"
TOKEN_LIFE = timedelta(minutes=30)
ID_BYTES, TIME_BYTES, SEAL_BYTES = 8, 6, 16
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Customer:
    """A member as a till may know him, and the token that stands for him until `token_until`."""

    member: Member
    at: datetime

    @property
    def token_until(self) -> datetime:
        return self.at + TOKEN_LIFE


def count_look(*, till: Till, now: datetime) -> None:
    """Count one look before it is carried out, whatever comes of it. Raises LimitReached (N19)."""
    limits.take(
        bucket=f"till-looks:{till.key_id}", limit=settings.TILL_LOOKUPS_PER_HOUR, window=HOUR, now=now
    )


def by_phone(*, till: Till, phone: str, now: datetime) -> Customer:
    """Raises InvalidPhone, NoSuchCustomer: also for somebody whom this brand does not serve."""
    member = Member.objects.living().filter(phone=normalise_phone(phone)).first()
    if member is None or member.brand_id not in (None, till.brand_id):
        raise NoSuchCustomer
    return Customer(member, now)


def pointed_at(*, till: Till, card: str, now: datetime) -> tuple[str | None, int | None]:
    """(card number, None) or (None, member id) where `card` alone says whose it is, else two times None.

    A read less than `by_card`, which has to be asked wherever nobody is found.
    """
    scanned = "".join(card.split())
    if is_valid_card_no(scanned):
        return scanned, None
    if card.startswith(TOKEN):
        with suppress(MembersRefusal):
            return None, _named(card, till, now)
    return None, None


def is_served(member: Member | None, till: Till) -> bool:
    """Whether a till of this brand serves this member."""
    return (
        member is not None
        and member.status in (MemberStatus.ACTIVE, MemberStatus.FROZEN)
        and member.brand_id in (None, till.brand_id)
    )


def by_card(*, till: Till, card: str, now: datetime) -> Customer:
    """`card` is a card number, a code from the member's screen, or a token of an earlier look.

    Raises CardCodeInvalid, CardCodeExpired, CardReplaced, NoSuchCard.
    """
    if card.startswith(TOKEN):
        return Customer(_of_token(card, till, now), now)
    return Customer(card_codes.resolve(card, now, brand_id=till.brand_id), now)


def token_of(*, till: Till, member_id: int, at: datetime) -> str:
    """The token of a look at `at`: the same one whenever it is asked for, so that no table holds it."""
    head = int(member_id).to_bytes(ID_BYTES) + int(at.timestamp()).to_bytes(TIME_BYTES)
    return TOKEN + base64.urlsafe_b64encode(head + _seal(head, till, settings.SECRET_KEY)).decode()


def _named(token: str, till: Till, now: datetime) -> int:
    """The id in a token. Raises CardCodeInvalid, CardCodeExpired."""
    try:
        raw = base64.urlsafe_b64decode(token.removeprefix(TOKEN))
    except ValueError:
        raise CardCodeInvalid from None
    head, seal = raw[: ID_BYTES + TIME_BYTES], raw[ID_BYTES + TIME_BYTES :]
    houses = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(hmac.compare_digest(_seal(head, till, house), seal) for house in houses):
        raise CardCodeInvalid
    if now >= datetime.fromtimestamp(int.from_bytes(head[ID_BYTES:]), tz=UTC) + TOKEN_LIFE:
        raise CardCodeExpired
    return int.from_bytes(head[:ID_BYTES])


def _of_token(token: str, till: Till, now: datetime) -> Member:
    found = Member.objects.filter(pk=_named(token, till, now)).first()
    member = survivor(found) if found else None
    if member is None or not is_served(member, till):
        raise NoSuchCard
    return member


def _seal(head: bytes, till: Till, secret: str) -> bytes:
    # Of one store: what another store's till was told is nothing here.
    said = f"{till.store_id}:{head.hex()}"
    return salted_hmac("campaigns.till_token", said, secret=secret, algorithm="sha256").digest()[:SEAL_BYTES]
