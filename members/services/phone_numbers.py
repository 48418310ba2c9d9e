"""The member's phone: his account. Changing it asks for a new proof that he owns it."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from backoffice.actors import Actor
from backoffice.services import audit
from members.errors import PhoneChanged, PhoneTaken
from members.models import Member, PhoneChange
from members.phones import normalise_phone
from members.services import phone_notices, sessions
from members.services.constraints import violated
from members.services.rows import locked, required_reason, write
from members.sockets import lifecycles


@transaction.atomic
def verify_phone(*, member: Member, phone: str, actor: Actor, now: datetime) -> Member:
    """Stamp that the member proved to own `phone`. A second proof keeps the first stamp.

    Raises PhoneChanged when the member has another phone by now, InvalidPhone, WrongStatus.
    """
    proven = normalise_phone(phone)
    row = locked(member)
    if row.phone != proven:
        raise PhoneChanged()
    if row.phone_verified_at is not None:
        return row
    write(row, {"phone_verified_at": now}, now)
    audit.record(
        actor=actor,
        action="member.verify_phone",
        subject=row,
        changes={"phone_verified_at": [None, now]},
        now=now,
    )
    for lifecycle in lifecycles():
        if lifecycle.verified:
            lifecycle.verified(member=row, actor=actor, now=now)
    return row


@transaction.atomic
def change_phone(
    *,
    member: Member,
    phone: str,
    reason: str,
    actor: Actor,
    now: datetime,
    proven: bool = False,
    stays_signed_in: int | None = None,
) -> Member:
    """Give the member another phone, unverified. The phone that he has already changes nothing.

    His devices are signed out, but the session `stays_signed_in`; and for a day large spending asks for more
    (T6). `proven`: he has shown that he owns both numbers; otherwise the old one is told by text message.

    Raises InvalidPhone, PhoneTaken with the id of the living member who has it, ReasonMissing, WrongStatus.
    """
    why = required_reason(reason)
    new = normalise_phone(phone)
    row = locked(member)
    old = row.phone
    if old == new:
        return row
    try:
        with transaction.atomic():
            write(row, {"phone": new, "phone_verified_at": None}, now)
    except IntegrityError as error:
        if violated(error) != "member_phone_of_the_living":
            raise
        owner = Member.objects.living().filter(phone=new).values_list("pk", flat=True).first()
        raise PhoneTaken(owner or 0) from error
    audit.record(
        actor=actor,
        action="member.change_phone",
        subject=row,
        changes={"phone": [old, new]},
        reason=why,
        now=now,
    )
    change = PhoneChange.objects.create(member=row, proven=proven, at=now)
    if not proven:
        phone_notices.tell_old_phone(member=row, phone=old, change=change)
    sessions.revoke_all_of(member=row, why="phone_changed", actor=actor, now=now, but=stays_signed_in)
    return row
