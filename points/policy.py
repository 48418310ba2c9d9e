"""The house's numbers for what staff may do without asking a second person.

`CorrectionLimit` rows say what a role really may; these are their defaults, and for the first two the
ceilings that a CHECK holds. `sql/limits_v1.sql` repeats them for a database without rows; a test compares.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

# One correction above this many points, either way, waits for a second person (I31).
APPROVAL_ABOVE = 1_000
# What one staff user may give without approval on one local day, all corrections together (I33, T17).
DAILY_GIVEN = 5_000
# What one person may be given so on one local day on all his accounts, by whomever; and by one store's staff.
# Redemptions that staff undo count as given.
RECEIVER_GIVEN = 5_000
STORE_GIVEN = 20_000
# Two people who approve each other's corrections above this many points within these days (T18).
MUTUAL_ABOVE = 3_000
MUTUAL_DAYS = 30
MOST_MUTUAL_DAYS = 366
# The clock of staff limits.
ZONE = ZoneInfo("Asia/Taipei")
# Under this many percent back, a program looks like an insult to its members (S97).
LOW_RETURN_PERCENT = "0.5"


def local_day(now: datetime) -> str:
    return now.astimezone(ZONE).date().isoformat()
