"""Changes of the profile, each with who, when, old and new value in the audit trail (S22)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.actors import Actor
from backoffice.services import audit
from members.errors import ReferringStoreLocked
from members.models import Member
from members.services.profile_values import cleaned
from members.services.rows import locked, write
from members.sockets import lifecycles


@transaction.atomic
def change_profile(
    *,
    member: Member,
    changes: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    expected_updated_at: datetime | None,
) -> Member:
    """Set the named profile fields (ProfileField) and answer the row; what stays the same is not written.

    Required fields are asked of new members only: who joined before a rule stays valid (S10). Raises
    InvalidProfile, ReferringStoreLocked, WrongStatus unless living, ChangedMeanwhile when the row is not the
    version of `expected_updated_at` any more (None: not looked at).
    """
    values = cleaned(changes, now)
    row = locked(member, expected_updated_at=expected_updated_at)
    moved = {name: value for name, value in values.items() if getattr(row, name) != value}
    if "referring_store" in moved and row.referring_store_locked:
        raise ReferringStoreLocked()
    if not moved:
        return row
    trail = {name: [_plain(getattr(row, name)), _plain(value)] for name, value in moved.items()}
    answered = [name for name, value in moved.items() if value and not getattr(row, name)]
    write(row, moved, now)
    audit.record(actor=actor, action="member.change_profile", subject=row, changes=trail, now=now)
    for lifecycle in lifecycles() if answered else ():
        if lifecycle.answered:
            lifecycle.answered(member=row, fields=answered, actor=actor, now=now)
    return row


@transaction.atomic
def lock_referring_store(*, member: Member, actor: Actor, now: datetime) -> Member:
    """Settle the referring store for good (S13). Locking twice is locking once. Raises WrongStatus."""
    row = locked(member)
    if row.referring_store_locked:
        return row
    write(row, {"referring_store_locked": True}, now)
    audit.record(
        actor=actor,
        action="member.lock_referring_store",
        subject=row,
        changes={"referring_store_locked": [False, True]},
        now=now,
    )
    return row


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int) else str(value)
