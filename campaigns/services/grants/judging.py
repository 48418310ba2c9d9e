"""Whether a grant may be given, and by which deadlines, before anything of the member is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from backoffice import prepared
from backoffice.errors import Refusal
from campaigns.errors import GrantTooLarge, IssuingStopped, ProgramClosed, ProgramUnknown, TimeNotBelieved
from campaigns.grant_data import ToldGrant
from campaigns.services.tills.till import clock_fault
from points import remembered
from points.models import Program
from points.rules import confirmation_of, expiry_of, slide_of

PROGRAM = "SELECT program, version FROM campaigns_program_for_v1(%s, %s)"

# (brand, code) -> (program, version) as this process saw it last. The function that books looks whether it is
# still so, and what is not is read again: nobody is judged by a rule that is no longer the one.
_seen: dict[tuple[int, str], tuple[int, str]] = {}
MOST_SEEN = 1000


@dataclass(frozen=True, slots=True)
class Judged:
    """`refused` says why nothing may be given. Deadlines count from the grant's own time."""

    program: Program
    version: str
    expires_at: datetime | None
    slide_to: datetime | None
    confirm_at: datetime | None
    refused: Refusal | None

    def booking(self) -> dict[str, Any]:
        return {"expires_at": self.expires_at, "slide_to": self.slide_to, "confirm_at": self.confirm_at}


def judge(*, brand_id: int, told: ToldGrant, now: datetime, remember: bool) -> Judged:
    """`remember`: by the program as this process last saw it. Raises ProgramUnknown."""
    place = (brand_id, told.program)
    seen = _seen.get(place) if remember else None
    if seen is None:
        row = prepared.first(PROGRAM, place)
        if row is None or row[0] is None:
            raise ProgramUnknown(program=told.program)
        seen = (int(row[0]), str(row[1]))
        if len(_seen) >= MOST_SEEN:
            _seen.clear()
        _seen[place] = seen
    program = remembered.programs(dict([seen]))[seen[0]]
    confirm_at = confirmation_of(program, told.occurred_at)
    return Judged(
        program=program,
        version=seen[1],
        # Waiting points last from the moment at which they can be used.
        expires_at=None if confirm_at else expiry_of(program, told.occurred_at),
        slide_to=None if confirm_at else slide_of(program, told.occurred_at),
        confirm_at=confirm_at,
        refused=_refusal(program, told, now),
    )


def _refusal(program: Program, told: ToldGrant, now: datetime) -> Refusal | None:
    if told.points > settings.GRANT_MOST_POINTS:
        return GrantTooLarge(most=settings.GRANT_MOST_POINTS)
    fault = clock_fault(told.occurred_at, now)
    if fault is not None:
        return TimeNotBelieved(why=fault.label)
    if not program.is_active:
        return ProgramClosed(program=program.code)
    if program.issuing_stopped:
        return IssuingStopped(program=program.code)
    return None
