"""Limits of staff are changed here, with the old and the new number in the trail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from backoffice.actors import Actor
from backoffice.services import audit
from points.errors import InvalidLimits, LimitsMoved
from points.models import CorrectionLimit
from points.services.corrections.guard import staff_with

PERMISSION = "points.set_correction_limit"
# More of these is looser; more days of remembered approvals is tighter.
LOOSER_WHEN_MORE = ("per_request", "per_receiver_day", "per_clerk_day", "per_store_day", "mutual_above")
TIGHTER_WHEN_MORE = ("mutual_days",)
FIELDS = (*LOOSER_WHEN_MORE, *TIGHTER_WHEN_MORE)


@dataclass(frozen=True, slots=True)
class LimitChange:
    """One number that would change. `looser`: staff may do more by themselves than before."""

    field: str
    before: int
    after: int

    @property
    def looser(self) -> bool:
        more = self.after > self.before
        return more if self.field in LOOSER_WHEN_MORE else not more


def changes(*, limit: CorrectionLimit, numbers: Mapping[str, int]) -> list[LimitChange]:
    """What `numbers` (FIELDS -> points or days) would change, in the order of FIELDS. Reads only."""
    return [
        LimitChange(name, getattr(limit, name), numbers[name])
        for name in FIELDS
        if name in numbers and numbers[name] != getattr(limit, name)
    ]


@transaction.atomic
def set_limits(
    *,
    role: str,
    numbers: Mapping[str, int],
    note: str,
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> CorrectionLimit:
    """Set the limits of a role ("" for all without their own); the next correction keeps to them.

    `expected_version` is the one that the person looked at. The same numbers again change nothing.
    Raises NotAllowed, InvalidLimits (above what the house allows), LimitsMoved.
    """
    staff_with(actor, PERMISSION)
    CorrectionLimit.objects.bulk_create([CorrectionLimit(role=role)], ignore_conflicts=True)
    limit = CorrectionLimit.objects.select_for_update().get(role=role)
    moved = changes(limit=limit, numbers=numbers)
    if not moved:
        return limit
    if expected_version not in (None, limit.version):
        raise LimitsMoved
    for change in moved:
        setattr(limit, change.field, change.after)
    try:
        limit.full_clean()
    except ValidationError as error:
        raise InvalidLimits(why=" ".join(error.messages)) from error
    limit.version += 1
    limit.save(update_fields=[*(change.field for change in moved), "version"])
    audit.record(
        actor=actor,
        action="points.limits.loosen" if any(change.looser for change in moved) else "points.limits.tighten",
        subject=limit,
        changes={change.field: [change.before, change.after] for change in moved},
        reason=note,
        now=now,
    )
    return limit
