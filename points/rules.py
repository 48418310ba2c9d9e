"""The arithmetic of a program, pure: deadlines, worth, what a bill allows. No database, no clock.

Deadlines are half-open: a lot may be used strictly before its `expires_at`, which is a local midnight in the
program's zone, so "usable through 31 December" ends at 1 January 00:00:00.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from points.choices import ExpiryPolicy
from points.errors import BillOutOfRange

if TYPE_CHECKING:
    from points.models import Program

CENT = Decimal("0.01")


def add_months(day: date, months: int) -> date:
    """The same day `months` later; where the month is shorter, its last day (31 Jan + 1 month = 28 Feb)."""
    year, month_index = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month_index + 1, min(day.day, calendar.monthrange(year, month_index + 1)[1]))


def last_usable_day(program: Program, moment: datetime) -> date | None:
    """The last local day on which points that become usable at `moment` may be spent; None: for ever."""
    day = moment.astimezone(ZoneInfo(program.time_zone)).date()
    value, grace = program.expiry_value, timedelta(days=program.expiry_grace_days)
    match program.expiry_policy:
        case ExpiryPolicy.NEVER:
            return None
        case ExpiryPolicy.DAYS:
            return day + timedelta(days=value) + grace
        case ExpiryPolicy.MONTHS | ExpiryPolicy.SLIDING:
            return add_months(day, value) + grace
        case ExpiryPolicy.MONTH_END:
            end = add_months(day.replace(day=1), value)
            return end.replace(day=calendar.monthrange(end.year, end.month)[1]) + grace
        case ExpiryPolicy.YEAR_BUCKET:
            return date(day.year + value, 12, 31) + grace
    raise ValueError(f"unknown expiry policy {program.expiry_policy!r}")


def expiry_of(program: Program, moment: datetime) -> datetime | None:
    """The first instant at which such points can no longer be used (aware), or None when they never lapse."""
    day = last_usable_day(program, moment)
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(program.time_zone))


def slide_of(program: Program, moment: datetime) -> datetime | None:
    """Where an activity at `moment` moves the deadlines of live lots: only sliding programs answer."""
    return expiry_of(program, moment) if program.expiry_policy == ExpiryPolicy.SLIDING else None


def confirmation_of(program: Program, moment: datetime) -> datetime | None:
    """When points of `moment` are confirmed: the local midnight after `pending_days`; None: at once."""
    if not program.pending_days:
        return None
    zone = ZoneInfo(program.time_zone)
    day = moment.astimezone(zone).date() + timedelta(days=program.pending_days)
    return datetime.combine(day, time.min, zone)


def worth(program: Program, points: int) -> Decimal:
    """What points pay, in NT$, rounded down to the cent: 60 points at 60 = 2.00 are exactly 2.00."""
    return (program.cash_amount * points / program.cash_points).quantize(CENT, ROUND_DOWN)


def effective_return(program: Program) -> Decimal:
    """What a member gets back of what he pays, in percent: NT$5,000 for NT$1 is 0.02 (S97)."""
    per_dollar = Decimal(program.earn_points) / program.earn_amount
    return (per_dollar * program.cash_amount / program.cash_points * 100).quantize(Decimal("0.0001"))


@dataclass(frozen=True, slots=True)
class BillQuote:
    """What a bill of `amount` NT$ allows: points between `least` and `most` in steps of `step`.

    `most` is 0 when the member cannot use any (then `least` says what it would take).
    """

    amount: Decimal
    least: int
    most: int
    step: int
    worth_of_most: Decimal


def quote(program: Program, amount: Decimal, available: int) -> BillQuote:
    """The points that may pay a bill, by the program's least, most, share and step, and what is available."""
    step = program.spend_step
    share = amount * program.max_share_percent / 100
    by_share = (
        int((share * program.cash_points / program.cash_amount).to_integral_value(ROUND_DOWN))
        if (program.cash_amount)
        else 0
    )
    ceiling = min(by_share, available, program.max_spend if program.max_spend is not None else available)
    most = ceiling - ceiling % step
    least = -(-max(program.min_spend, step) // step) * step
    if most < least:
        most = 0
    return BillQuote(amount, least, most, step, worth(program, most))


def check_bill(program: Program, amount: Decimal, available: int, points: int) -> None:
    """Raises BillOutOfRange unless `points` may pay this bill (S99: the caller is told the range)."""
    allowed = quote(program, amount, available)
    if points % allowed.step or not allowed.least <= points <= allowed.most:
        raise BillOutOfRange(least=allowed.least, most=allowed.most, step=allowed.step)


def points_first(program: Program, amount: Decimal, available: int) -> tuple[int, Decimal]:
    """Points first, cash for the rest (S105): for 10.00 and 120 points at 60 = 2.00: (120, 6.00)."""
    allowed = quote(program, amount, available)
    return allowed.most, amount - allowed.worth_of_most


def cash_first(program: Program, amount: Decimal, cash: Decimal, available: int) -> int:
    """The points that pay what `cash` leaves (S106): 2.00 of a bill take 60. Raises BillOutOfRange."""
    rest = amount - cash
    if not program.cash_amount:
        raise BillOutOfRange(least=0, most=0, step=program.spend_step)
    exact = (rest * program.cash_points / program.cash_amount).to_integral_value(ROUND_UP)
    step = program.spend_step
    points = -(-int(exact) // step) * step
    check_bill(program, amount, available, points)
    return points
