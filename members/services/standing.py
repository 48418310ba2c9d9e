"""Freezing a member and letting him go on. A frozen member keeps everything and can use nothing."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from backoffice.actors import Actor
from backoffice.services import audit
from members.choices import MemberStatus
from members.models import Member
from members.services.rows import locked, required_reason, write


@transaction.atomic
def freeze(*, member: Member, reason: str, actor: Actor, now: datetime) -> Member:
    """Active → frozen. Raises ReasonMissing, WrongStatus (also when he is frozen already)."""
    return _move(member, MemberStatus.ACTIVE, MemberStatus.FROZEN, "member.freeze", reason, actor, now)


@transaction.atomic
def unfreeze(*, member: Member, reason: str, actor: Actor, now: datetime) -> Member:
    """Frozen → active. Raises ReasonMissing, WrongStatus (also when he is active already)."""
    return _move(member, MemberStatus.FROZEN, MemberStatus.ACTIVE, "member.unfreeze", reason, actor, now)


def _move(
    member: Member,
    old: MemberStatus,
    new: MemberStatus,
    action: str,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Member:
    why = required_reason(reason)
    row = locked(member, statuses=(old.value,))
    write(row, {"status": new.value}, now)
    audit.record(
        actor=actor,
        action=action,
        subject=row,
        changes={"status": [old.value, new.value]},
        reason=why,
        now=now,
    )
    return row
