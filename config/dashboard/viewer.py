"""Who looks at the overview, when, and the figures that several of its parts need."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from backoffice.admin.reports import Period
from backoffice.choices import Reach
from backoffice.selectors import (
    counted,
    imports_over,
    imports_waiting,
    jobs_failed,
    open_alarms,
    outbox_overdue,
    unread_notices,
)
from members.selectors.reports import joined_per_store_and_day
from points.choices import AdjustmentStatus
from points.models import Adjustment, Program
from points.reporting import staff, totals
from points.reporting.overview import Span, Standing, flows_of, standing
from points.rules import worth
from points.selectors import waiting_corrections

MONTHS = 12
RECENT_DAYS = 30


@dataclass
class Viewer:
    """The signed-in user and the moment. What is asked for twice is read once."""

    user: Any
    now: datetime

    @classmethod
    def of(cls, request: HttpRequest) -> Viewer:
        """The viewer of this request: what the navigation asked is not asked again by the page."""
        known: Viewer = vars(request).setdefault("viewer", cls(request.user, timezone.now()))
        return known

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

    def own_today(self) -> QuerySet[Any]:
        """What this person corrected today, latest first."""
        return staff.own_today(user=self.user, start=self.day_start, end=self.day_start + timedelta(days=1))

    @cached_property
    def waiting(self) -> dict[str, int]:
        """How much waits of what this person may see: counts by name, all in one round trip."""
        rows: dict[str, QuerySet[Any]] = {"notices": unread_notices(self.user)}
        if self.may("points.correct_points"):
            rows["today"] = self.own_today()
            rows["own"] = Adjustment.objects.filter(requested_by=self.user, status=AdjustmentStatus.PENDING)
        if self.may("points.approve_correction"):
            rows["approvals"] = waiting_corrections(user=self.user)
        if self.may("backoffice.view_alarm"):
            rows["alarms"] = open_alarms(self.user)
        if self.may("backoffice.view_importbatch"):
            rows["imports"] = imports_waiting(self.user)
            rows["files"] = imports_over(self.user, self.now)
        if self.may("backoffice.view_outboxmessage"):
            rows["overdue"] = outbox_overdue(self.now)
        if self.may("backoffice.view_job"):
            rows["failed"] = jobs_failed()
        return counted(**rows)

    @cached_property
    def recent(self) -> Period:
        """The last RECENT_DAYS days, today included."""
        return Period(self.today - timedelta(days=RECENT_DAYS - 1), self.today + timedelta(days=1))

    @cached_property
    def joined(self) -> list[tuple[int | None, date, int]]:
        """(store, day, members) of those who joined lately within the user's reach."""
        return joined_per_store_and_day(user=self.user, start=self.recent.start, end=self.recent.end)

    @property
    def joined_per_day(self) -> list[tuple[date, int]]:
        days: Counter[date] = Counter()
        for _store, day, members in self.joined:
            days[day] += members
        return sorted(days.items())

    @property
    def joined_per_store(self) -> Counter[int | None]:
        stores: Counter[int | None] = Counter()
        for store, _day, members in self.joined:
            stores[store] += members
        return stores

    @cached_property
    def standing(self) -> Standing | None:
        """The program whose totals the user may see: those of the whole group are for who sees the group."""
        return standing() if self.whole and self.may("points.view_daytotal") else None

    @property
    def program(self) -> Program | None:
        return self.standing.program if self.standing else None

    @property
    def mark(self) -> totals.Mark:
        assert self.standing is not None
        return self.standing.mark

    @cached_property
    def flows(self) -> tuple[list[totals.Flow], totals.Flow, totals.Flow]:
        """Twelve months one by one, all since the beginning, and the days of the ratio: one round trip."""
        assert self.standing is not None
        after = self.tomorrow
        spans = [
            Span(self.months[0], after, totals.MONTH),
            Span(totals.EPOCH, after),
            Span(totals.ratio_first(self.now), after),
        ]
        months, ever, lately = flows_of(program=self.standing.program, spans=spans, at=self.mark)
        return months, ever[0], lately[0]

    @cached_property
    def owned(self) -> totals.Outstanding:
        """What members own of the program now."""
        assert self.standing is not None
        ever = self.flows[1]
        value = worth(self.standing.program, ever.grown)
        return totals.Outstanding(ever.grown, value, ever.debt, self.standing.pending)

    @property
    def ratio(self) -> totals.Ratio:
        assert self.standing is not None
        return totals.ratio_of(self.standing.program, self.flows[2])

    @cached_property
    def months(self) -> list[date]:
        """The first days of the last twelve months, oldest first."""
        year, month = self.month_start.year, self.month_start.month
        backwards = [divmod(year * 12 + month - 1 - back, 12) for back in range(MONTHS - 1, -1, -1)]
        return [date(number, index + 1, 1) for number, index in backwards]

    @cached_property
    def year(self) -> list[totals.Flow]:
        """The last twelve months of the program, oldest first, the current one last; empty ones are zero."""
        by_month = {flow.key: flow for flow in self.flows[0]}
        return [by_month.get(day, totals.Flow(day, 0, 0, 0, 0, 0, 0)) for day in self.months]
