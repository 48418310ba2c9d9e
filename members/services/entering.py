"""Signing in and signing up: what a right code opens.

One code serves both: whether the phone belongs to a member is found out only by who holds the phone (T10).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from backoffice.actors import Actor
from backoffice.models import Brand, Store
from members.choices import Channel, CodePurpose, ConsentPurpose
from members.errors import TermsOutdated, TicketWrong, UnknownStore
from members.models import Member, MemberSession, OneTimeCode
from members.selectors.standing import terms_in_force
from members.services import codes, referrals, sessions
from members.services.consents import ConsentAnswer
from members.services.enrolment import enrol
from members.services.phone_numbers import verify_phone
from members.services.secrets_of_rows import token_hash, token_of

TICKET_BEGINNING = "sku_"
TICKET_LIFE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Device:
    """`id` is drawn by the app once and kept; tokens work together with it only."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class NewMember:
    """What a sign-up asks for: a name and the version of the terms that was agreed to; all else can wait,
    but for what the brand requires. `details` are fields of the profile.
    """

    name: str
    terms_version: str
    source: str = Channel.APP.value
    referral_code: str = ""
    store_code: str = ""
    brand_code: str = ""
    card_no: str = ""
    marketing: Mapping[str, bool] | None = None
    details: Mapping[str, Any] | None = None


@transaction.atomic
def enter(
    *, challenge: str, code: str, device: Device, now: datetime, request_id: str = ""
) -> dict[str, Any]:
    """Answer {"outcome": "signed_in", "session", "generation"} for a member's phone, else {"outcome":
    "sign_up", "ticket"}. JSON without tokens: `with_tokens` draws them. Raises CodeWrong.
    """
    row = codes.redeem(challenge=challenge, code=code, purpose=CodePurpose.ENTER, now=now)
    member = Member.objects.living().filter(phone=row.phone).first()
    if member is None:
        row.ticket_hash = token_hash(_ticket(row.nonce))
        row.ticket_expires_at = now + TICKET_LIFE
        row.save(update_fields=["ticket_hash", "ticket_expires_at"])
        return {"outcome": "sign_up", "code": row.pk, "expires_at": row.ticket_expires_at.isoformat()}
    return _signed_in(member, row.phone, device, request_id, now)


@transaction.atomic
def sign_up(
    *, ticket: str, person: NewMember, device: Device, now: datetime, request_id: str = ""
) -> dict[str, Any]:
    """Make the member whose phone the ticket proves, with his consent, and sign his device in.

    A phone that became a member's meanwhile signs in instead: never two of one phone. Raises TicketWrong,
    TermsOutdated, UnknownStore, NoSuchReferralCode, InvalidProfile (ProfileIncomplete for what the brand
    requires), and CardNotClaimed for `card_no`.
    """
    terms = terms_in_force(now)
    if person.terms_version != terms.version:
        raise TermsOutdated(version=terms.version)
    row = OneTimeCode.objects.select_for_update().filter(ticket_hash=token_hash(ticket)).first()
    if row is None or not ticket or row.ticket_used_at or (row.ticket_expires_at or now) <= now:
        raise TicketWrong
    row.ticket_used_at = now
    row.save(update_fields=["ticket_used_at"])
    member = Member.objects.living().filter(phone=row.phone).first()
    if member is None:
        member = _enrolled(row.phone, person, f"api:{row.challenge}", request_id, now)
    return _signed_in(member, row.phone, device, request_id, now)


def with_tokens(body: dict[str, Any]) -> dict[str, Any]:
    """The answer as the app gets it. Drawn again for a repetition, byte for byte."""
    if body["outcome"] == "sign_up":
        row = OneTimeCode.objects.only("nonce").filter(pk=body["code"]).first()
        ticket = _ticket(row.nonce) if row else ""
        return {"outcome": "sign_up", "sign_up_token": ticket, "expires_at": body["expires_at"]}
    return {"outcome": "signed_in", **token_answer(body)}


def token_answer(body: Mapping[str, Any]) -> dict[str, Any]:
    """The pair of tokens of {"session", "generation"}, with how long they last."""
    tokens = sessions.tokens_of(session_id=body["session"], generation=body["generation"])
    return {
        "access_token": tokens.access,
        "refresh_token": tokens.refresh,
        "token_type": "Bearer",
        "expires_in_seconds": int(sessions.ACCESS_LIFE.total_seconds()),
        "refresh_expires_in_seconds": int(sessions.REFRESH_LIFE.total_seconds()),
    }


def stored_pair(session: MemberSession) -> dict[str, Any]:
    """What is stored of a pair of tokens: enough to draw it, nothing to use."""
    return {"session": session.pk, "generation": session.generation}


def _signed_in(member: Member, phone: str, device: Device, request_id: str, now: datetime) -> dict[str, Any]:
    actor = _himself(member, request_id)
    verify_phone(member=member, phone=phone, actor=actor, now=now)
    # Drawn here, so that looking at the profile never writes.
    referrals.code_of(member=member)
    session = sessions.open_session(
        member=member, device_id=device.id, device_name=device.name, actor=actor, now=now
    )
    return {"outcome": "signed_in", **stored_pair(session)}


def _enrolled(phone: str, person: NewMember, key: str, request_id: str, now: datetime) -> Member:
    brand = (
        Brand.objects.filter(code=person.brand_code, is_active=True).first() if person.brand_code else None
    )
    store = _store(person.store_code, brand)
    referrer = referrals.owner_of(code=person.referral_code) if person.referral_code else None
    nobody_yet = Actor("member", "0", "", request_id)
    member = enrol(
        phone=phone,
        name=person.name,
        source=person.source,
        store=store,
        referring_store=store,
        actor=nobody_yet,
        key=key,
        now=now,
        consents=_consents(person),
        blank_card=person.card_no,
        **(person.details or {}),
    )
    if referrer is not None:
        referrals.refer(member=member, referrer=referrer, actor=_himself(member, request_id), now=now)
    return member


def _consents(person: NewMember) -> Sequence[ConsentAnswer]:
    terms = ConsentAnswer(ConsentPurpose.TERMS.value, True, person.terms_version)
    others = (person.marketing or {}).items()
    return [terms, *(ConsentAnswer(purpose, given, person.terms_version) for purpose, given in others)]


def _store(code: str, brand: Brand | None) -> Store | None:
    """The one store of that code. Raises UnknownStore for none, and for a code that two brands use."""
    if not code:
        return None
    stores = Store.objects.filter(code=code, is_active=True, **({"brand": brand} if brand else {}))
    found = list(stores.select_related("brand")[:2])
    if len(found) != 1:
        raise UnknownStore
    return found[0]


def _himself(member: Member, request_id: str) -> Actor:
    return Actor("member", str(member.pk), "", request_id)


def _ticket(nonce: str) -> str:
    return f"{TICKET_BEGINNING}{token_of('ticket', nonce)}"
