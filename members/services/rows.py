"""The member's row: locked before every verb, written with the verb's own clock.

The lock is FOR NO KEY UPDATE: it stops every other verb of this member, but not a till that stores a receipt
for him, whose foreign key only needs the row to stay.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from members.choices import LIVING
from members.errors import ChangedMeanwhile, ReasonMissing, WrongStatus
from members.models import Member


def locked(
    member: Member,
    *,
    statuses: Collection[str] = LIVING,
    expected_updated_at: datetime | None = None,
) -> Member:
    """The member's row as it is now, locked until the transaction ends.

    Raises WrongStatus unless its status is one of `statuses`, ChangedMeanwhile when it is not the version of
    `expected_updated_at` that the person looked at (None: he looked at none).
    """
    row = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
    if row.status not in statuses:
        raise WrongStatus(status=row.get_status_display())
    if expected_updated_at is not None and row.updated_at != expected_updated_at:
        raise ChangedMeanwhile()
    return row


def write(row: Member, values: Mapping[str, Any], now: datetime) -> None:
    """Put `values` into the locked row. One UPDATE of these columns only: nothing stale goes back."""
    changed = {**values, "updated_at": now}
    Member.objects.filter(pk=row.pk).update(**changed)
    for name, value in changed.items():
        setattr(row, name, value)


def required_reason(reason: str) -> str:
    """The reason without its blanks. Raises ReasonMissing."""
    if not reason.strip():
        raise ReasonMissing()
    return reason.strip()
