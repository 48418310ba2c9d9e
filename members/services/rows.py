"""The member's row: locked before every verb, written with the verb's own clock.

The lock is FOR NO KEY UPDATE: it stops every other verb of this member, but not a till that stores a receipt
for him, whose foreign key only needs the row to stay.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from backoffice.services.locks import wait_for
from members.choices import LIVING
from members.errors import ChangedMeanwhile, ReasonMissing, WrongStatus
from members.models import Member

# Taken before any row: a chunk of tags takes it alone, whoever lets members go takes it with others.
LEAVING = "members.leaving"


def nobody_leaves() -> None:
    """Until the transaction ends nobody is erased or merged; wait for whoever is at it. Instead of a lock on
    each row, for work that touches so many that the locks would cost as much as the work.
    """
    wait_for(LEAVING)


def lets_go() -> None:
    """Before a member is erased or merged: not while a chunk is at work that relies on who is there."""
    wait_for(LEAVING, shared=True)


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
