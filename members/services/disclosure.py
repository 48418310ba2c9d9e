"""Showing personal data to somebody who asked for it: every look leaves a trace (S24, T19)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.actors import Actor
from backoffice.services import audit
from members.models import Member
from members.phones import display_phone
from members.services.rows import required_reason
from members.sockets import lifecycles

PERSONAL = ("phone", "name", "email", "birthday", "address")
EXPORTED = (*PERSONAL, "card_no", "external_id", "gender", "county", "district", "source", "joined_at")


@transaction.atomic
def reveal(
    *, member: Member, fields: Iterable[str], reason: str, actor: Actor, now: datetime
) -> dict[str, str]:
    """The unmasked values of these fields (`PERSONAL`), as people read them; who asked and why is recorded.

    Raises ReasonMissing, and ValueError for a field that is not masked in the first place.
    """
    why = required_reason(reason)
    asked = sorted(set(fields))
    if not asked or not set(asked) <= set(PERSONAL):
        raise ValueError(f"fields to reveal are among {PERSONAL}, not {asked}")
    audit.record(
        actor=actor, action="member.reveal", subject=member, changes={"fields": asked}, reason=why, now=now
    )
    return {field: _readable(field, getattr(member, field)) for field in asked}


@transaction.atomic
def export_person(*, member: Member, reason: str, actor: Actor, now: datetime) -> dict[str, Any]:
    """All that the house keeps about a person, for him: own fields, consents, each app's Lifecycle part.

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
