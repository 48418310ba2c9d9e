"""The member changes his own phone: codes on the old and on the new one, the old one is told, other devices
are signed out, and large spending asks for more for a day (T6).

Whoever has lost the old phone goes to the store, where staff change it after looking at a proof of identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import translation

from backoffice.actors import Actor
from backoffice.services import outbox
from members.choices import CodePurpose
from members.errors import CodeWrong
from members.models import Member, PhoneChange
from members.services import codes, phone_notices
from members.services.phone_numbers import change_phone, verify_phone


@dataclass(frozen=True, slots=True)
class Answered:
    """A challenge and the code that came with it."""

    challenge: str
    code: str


@transaction.atomic
def ask(*, member: Member, new_phone: str, neighbourhood: str, now: datetime) -> dict[str, codes.Asked]:
    """Send a code to the old phone and one to the new: {"old", "new"}.

    Says nothing about who has the new phone. Raises InvalidPhone, CountryNotServed, LimitReached,
    SmsUnavailable.
    """
    places = {"old": (member.phone, CodePurpose.OLD_PHONE), "new": (new_phone, CodePurpose.NEW_PHONE)}
    return {
        name: codes.ask(phone=phone, purpose=purpose, neighbourhood=neighbourhood, now=now, member=member)
        for name, (phone, purpose) in places.items()
    }


@transaction.atomic
def confirm(
    *, member: Member, old: Answered, new: Answered, session_id: int | None, actor: Actor, now: datetime
) -> Member:
    """Give the member the phone that the new code proves, when the old code is right, too.

    `session_id` is the device that stays signed in. Raises CodeWrong, PhoneTaken, WrongStatus.
    """
    before = member.phone
    from_old = codes.redeem(
        challenge=old.challenge, code=old.code, purpose=CodePurpose.OLD_PHONE, now=now, member=member
    )
    if from_old.phone != before:
        # It changed since the code was sent: that code proves nothing any more.
        raise CodeWrong
    from_new = codes.redeem(
        challenge=new.challenge, code=new.code, purpose=CodePurpose.NEW_PHONE, now=now, member=member
    )
    # Into the trail, for staff who read it in their own language.
    row = change_phone(
        member=member,
        phone=from_new.phone,
        reason="changed by the member",
        actor=actor,
        now=now,
        proven=True,
        stays_signed_in=session_id,
    )
    row = verify_phone(member=row, phone=from_new.phone, actor=actor, now=now)
    change = PhoneChange.objects.filter(member=row).latest("pk")
    # By the code's id and not by the number: the outbox is kept, and must not keep phones of the erased.
    payload = {"code": from_old.pk, "language": translation.get_language()}
    outbox.publish(topic=phone_notices.TOPIC, subject_id=change.pk, payload=payload)
    return row
