"""A member leaves by himself: proven by a code on his own phone, then the person is taken out for good."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from backoffice.actors import Actor
from members.choices import CodePurpose
from members.models import Member
from members.services import codes
from members.services.erasure import erase


@transaction.atomic
def leave(*, member: Member, challenge: str, code: str, actor: Actor, now: datetime) -> Member:
    """Erase the member. Raises CodeWrong, WrongStatus, and whatever an app's Lifecycle refuses."""
    codes.redeem(challenge=challenge, code=code, purpose=CodePurpose.LEAVE, now=now, member=member)
    return erase(member=member, reason="asked by the member", actor=actor, now=now)
