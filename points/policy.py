"""What staff may give without asking a second person. These are the numbers of the house."""

from datetime import datetime
from zoneinfo import ZoneInfo

# One correction above this many points, either way, waits for a second person (I31).
APPROVAL_ABOVE = 1_000
# What one staff user may give without approval on one local day, all corrections together (I33, T17).
DAILY_GIVEN = 5_000
# The clock of staff limits.
ZONE = ZoneInfo("Asia/Taipei")
# Under this many percent back, a program looks like an insult to its members (S97).
LOW_RETURN_PERCENT = "0.5"


def needs_second_person(points: int) -> bool:
    return abs(points) > APPROVAL_ABOVE


def local_day(now: datetime) -> str:
    return now.astimezone(ZONE).date().isoformat()
