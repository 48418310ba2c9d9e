"""Showing personal data to somebody who asked for it: every look leaves a trace (S24, T19)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.actors import Actor
from backoffice.services import audit
from members.choices import UnmaskPurpose
from members.models import Member
from members.phones import display_phone
from members.services.looks import count_unmasking
from members.services.rows import required_reason
from members.sockets import lifecycles

PERSONAL = ("phone", "name", "email", "birthday", "address")
EXPORTED = (*PERSONAL, "card_no", "external_id", "gender", "county", "district", "source", "joined_at")


def reveal(
    *,
    member: Member,
    fields: Iterable[str],
    reason: str,
    actor: Actor,
    now: datetime,
    purpose: str = UnmaskPurpose.OTHER.value,
) -> dict[str, str]:
    """The unmasked values of these fields (`PERSONAL`), as people read them; who asked, what for and why is
    recorded and counted.

    Raises ReasonMissing, TooManyUnmaskings when a staff user is over the limit of the hour, and ValueError
    for a field that is not masked in the first place. Opens its own transactions: the count, and the alarm
    of a refusal, stay whatever becomes of the look.
    """
    why = required_reason(reason)
    asked = sorted(set(fields))
    if not asked or not set(asked) <= set(PERSONAL):
        raise ValueError(f"fields to reveal are among {PERSONAL}, not {asked}")
    count_unmasking(actor=actor, now=now)
    with transaction.atomic():
        told = {"fields": asked, "purpose": UnmaskPurpose(purpose).value}
        audit.record(actor=actor, action="member.reveal", subject=member, changes=told, reason=why, now=now)
    return {field: _readable(field, getattr(member, field)) for field in asked}


@transaction.atomic
def export_person(*, member: Member, reason: str, actor: Actor, now: datetime) -> dict[str, Any]:
    """All that the house keeps about a person, for him: own fields, consents, notes, each app's part.

    JSON values; the key of an app's part is the key of its Lifecycle. Recorded like any look. Raises
    ReasonMissing.
    """
    why = required_reason(reason)
    audit.record(actor=actor, action="member.export_person", subject=member, reason=why, now=now)
    person: dict[str, Any] = {field: _readable(field, getattr(member, field)) for field in EXPORTED}
    person["consents"] = [
        {
            "purpose": consent.purpose,
            "given": consent.given,
            "version": consent.version,
            "at": consent.at.isoformat(),
        }
        for consent in member.consents.order_by("at", "id")
    ]
    person["notes"] = [
        {"kind": note.kind, "text": note.text, "at": note.at.isoformat()}
        for note in member.notes.order_by("at", "id")
    ]
    for lifecycle in lifecycles():
        if lifecycle.export:
            person[lifecycle.key] = dict(lifecycle.export(member))
    return person


def _readable(field: str, value: Any) -> str:
    if value in (None, ""):
        return ""
    if field == "phone":
        return display_phone(str(value))
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
