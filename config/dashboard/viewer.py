"""Who looks at the overview, when, and the figures that several of its parts need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.utils import timezone

from backoffice.choices import Reach
from points.models import Program
from points.reporting import totals

MONTHS = 12


@dataclass
class Viewer:
    """The signed-in user and the moment. What is asked for twice is read once."""

    user: Any
    now: datetime

    @classmethod
    def of(cls, user: Any, now: datetime) -> Viewer:
        return cls(user, now)

    def may(self, permission: str) -> bool:
        return bool(self.user.has_perm(permission))

    @property
    def whole(self) -> bool:
        return bool(self.user.reach == Reach.GROUP)

    @cached_property
    def today(self) -> date:
        return timezone.localdate(self.now)

    def midnight(self, day: date) -> datetime:
        return timezone.make_aware(datetime.combine(day, time.min))

    @cached_property
    def day_start(self) -> datetime:
        return self.midnight(self.today)

    @cached_property
    def month_start(self) -> date:
        return totals.today(self.now).replace(day=1)

    @cached_property
    def tomorrow(self) -> date:
        """The first day of the books that does not count any more."""
        return totals.today(self.now) + timedelta(days=1)

    @cached_property
    def program(self) -> Program | None:
        """The program whose totals the user may see: those of the whole group are for who sees the group."""
        if not (self.whole and self.may("points.view_daytotal")):
            return None
        return Program.objects.filter(is_default=True).first()

    @cached_property
    def mark(self) -> totals.Mark:
        return totals.mark()

    @cached_property
    def year(self) -> list[totals.Flow]:
        """The last twelve months of the program, oldest first, the current one last; empty ones are zero."""
        assert self.program is not None
        year, month = self.month_start.year, self.month_start.month
        backwards = [divmod(year * 12 + month - 1 - back, 12) for back in range(MONTHS - 1, -1, -1)]
        months = [date(number, index + 1, 1) for number, index in backwards]
        found = totals.flows(
            program=self.program, first=months[0], after=self.tomorrow, by=totals.MONTH, at=self.mark
        )
        by_month = {flow.key: flow for flow in found}
        return [by_month.get(day, totals.Flow(day, 0, 0, 0, 0, 0, 0)) for day in months]
