"""A new member: one living member for each phone, however many people press the button."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction

from backoffice.actors import Actor
from backoffice.errors import KeyTaken
from backoffice.models import Brand, Store
from backoffice.services import audit
from members.cards import SECURE
from members.choices import NoteKind
from members.errors import PhoneTaken
from members.models import Member
from members.phones import normalise_phone
from members.services import notes
from members.services.blank_cards import claim
from members.services.card_numbers import free_card_no
from members.services.consents import ConsentAnswer, add_first
from members.services.constraints import violated
from members.services.profile_values import check_needs, cleaned

ATTEMPTS = 5
PHONE_OF_THE_LIVING = "member_phone_of_the_living"
ENROLLED_ONCE = "member_enrolled_once"


@transaction.atomic
def enrol(
    *,
    phone: str,
    source: str,
    store: Store | None,
    actor: Actor,
    key: str,
    now: datetime,
    name: str = "",
    gender: str = "",
    birthday: date | None = None,
    email: str = "",
    county: str = "",
    district: str = "",
    address: str = "",
    referring_store: Store | None = None,
    brand: Brand | None = None,
    consents: Sequence[ConsentAnswer] = (),
    note: str = "",
    blank_card: str = "",
    rng: random.Random = SECURE,
) -> Member:
    """Create an active member with an unverified phone and a new card number.

    `store` is where it happens (None: nowhere in particular), `brand` whose member he becomes (None: the
    group's). The profile must be what that brand, or the store's, asks for. `note` is what the desk wants to
    remember about him, `blank_card` the number of a card that has no owner yet: what it has collected is his
    (S28). `key` names the request: the same key again answers the member that it created, whatever happened
    to him since.

    Raises InvalidPhone, InvalidProfile (also ProfileIncomplete, FieldHidden), PhoneTaken with the id of the
    living member who has the phone, KeyTaken when the key came with another phone, SignedInFuture, and like
    `blank_cards.claim`.
    """
    normalised = normalise_phone(phone)
    home = {"county": county, "district": district, "address": address}
    told = {"name": name, "gender": gender, "birthday": birthday, "email": email}
    values = cleaned({**told, **home, "referring_store": referring_store}, now)
    if known := _of_key(key, normalised):
        return known
    check_needs(values, brand or (store.brand if store else None))
    row = values | {"phone": normalised, "source": source, "joined_at": now, "joined_store": store}
    member, created = _insert(row | {"brand": brand, "enrol_key": key}, rng)
    if created:
        add_first(member, consents, source, now)
        if note.strip():
            notes.add_first(member, note, NoteKind.GENERAL.value, actor, now)
        changes = {name: [None, str(value)] for name, value in row.items() if value}
        audit.record(actor=actor, action="member.enrol", subject=member, changes=changes, now=now)
        if blank_card.strip():
            member = claim(member=member, card_no=blank_card, actor=actor, now=now)
    return member


def _insert(values: dict[str, Any], rng: random.Random) -> tuple[Member, bool]:
    """(the new member, True), or (the member that the same request made meanwhile, False)."""
    for _attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return Member.objects.create(card_no=free_card_no(rng), **values), True
        except IntegrityError as error:
            constraint = violated(error)
            if constraint not in (PHONE_OF_THE_LIVING, ENROLLED_ONCE) and "card_no" not in constraint:
                raise
        # The same request may have come first, and then the phone is the first thing that it collides with.
        if known := _of_key(values["enrol_key"], values["phone"]):
            return known, False
        if constraint == PHONE_OF_THE_LIVING:
            owner = Member.objects.living().filter(phone=values["phone"]).values_list("pk", flat=True).first()
            if owner is not None:
                raise PhoneTaken(owner)
    raise RuntimeError(f"no member row after {ATTEMPTS} attempts")


def _of_key(key: str, phone: str) -> Member | None:
    known = Member.objects.filter(enrol_key=key).first() if key else None
    if known and known.phone != phone:
        raise KeyTaken()
    return known
