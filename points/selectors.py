"""Answers about points: accounts with their schedules, the timeline, what waits. Sums are in `reporting`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet, Sum

from backoffice import prepared
from backoffice.models import User
from members.models import Member
from points import remembered
from points.choices import AdjustmentStatus
from points.models import Account, Adjustment, Entry, Program, ProgramTerms
from points.rules import worth


@dataclass(frozen=True, slots=True)
class Expiring:
    """Points of one account that lapse at one instant; `expires_at` None: they never do."""

    expires_at: datetime | None
    points: int


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """One account as people want to see it. `available` may be spent now, `worth` is its value in NT$."""

    account: Account
    program: Program
    available: int
    worth: Decimal
    schedule: tuple[Expiring, ...]


# What of an account `sql/summaries_v1.sql` tells; the rest of the row is read when somebody asks for it.
TOLD = ("id", "program_id", "balance", "held", "debt", "pending", "spend_blocked")


def account_summaries(*, member: Member, now: datetime) -> list[AccountSummary]:
    """The member's accounts, spendable programs first, each with its whole expiry schedule (S101, N10)."""
    row = prepared.first("SELECT points_summaries_v1(%s)", [member.pk])
    return told_summaries(member=member, told=row[0] if row else None, now=now)


def told_summaries(*, member: Member, told: list[Any] | None, now: datetime) -> list[AccountSummary]:
    """`account_summaries` of what `points_summaries_v1` has told of this member, None for no account."""
    accounts: list[tuple[str, list[Any], Account]] = [
        (version, lots or [], prepared.made_of(Account, TOLD, values))
        for version, lots, *values in told or ()
    ]
    programs = remembered.programs({account.program_id: version for version, _lots, account in accounts})
    summaries = []
    for _version, lots, account in accounts:
        account.program = programs[account.program_id]
        account.member = member
        summaries.append(_summary(account, lots, now))
    return summaries


def _summary(account: Account, lots: list[Any], now: datetime) -> AccountSummary:
    schedule = []
    available = account.available
    for at, points, held in lots:
        expires_at = datetime.fromisoformat(at) if at else None
        if expires_at is not None and expires_at <= now:
            # Over, but the nightly run has not booked it yet: no longer to be spent.
            available -= points - held
        else:
            schedule.append(Expiring(expires_at, points))
    available = max(available, 0)
    return AccountSummary(
        account, account.program, available, worth(account.program, available), tuple(schedule)
    )


def summaries_of_nothing(*, member: Member) -> list[AccountSummary]:
    """What a member owns who has no account yet: nothing, in each active program that serves him."""
    served = Q(brand=None) | Q(brand=member.brand_id) if member.brand_id else Q()
    programs = Program.objects.filter(served, is_active=True).order_by("-is_default", "-spendable", "code")
    return [
        AccountSummary(Account(member=member, program=program), program, 0, Decimal("0.00"), ())
        for program in programs
    ]


def timeline(*, account: Account, before_seq: int | None = None, limit: int = 20) -> list[Entry]:
    """The latest entries of an account, newest first, with what each did to lots; older ones by `before_seq`.

    Each entry carries `lot`, `lot_uses` (with the lot) and `reversals`; the number of queries is constant.
    """
    entries = Entry.objects.filter(account=account)
    if before_seq is not None:
        entries = entries.filter(seq__lt=before_seq)
    return list(
        entries.select_related("store", "lot", "adjustment", "reverses")
        .prefetch_related("lot_uses__lot", "reversals")
        .order_by("-seq")[:limit]
    )


def balance_as_of(*, account: Account, moment: datetime) -> int:
    """The running balance (debt as negative) after the last entry booked at or before `moment`."""
    last = Entry.objects.filter(account=account, created_at__lte=moment).order_by("-seq").first()
    return last.balance_after if last else 0


@dataclass(frozen=True, slots=True)
class PastBalance:
    """One account as it was: `balance` and `debt` as the account row showed them then."""

    account_id: int
    program_name: str
    unit: str
    balance: int
    debt: int


def balances_as_of(*, member_ids: Sequence[int], moment: datetime) -> list[PastBalance]:
    """Every account of these members, replayed from the entries booked at or before `moment` (N25).

    Summed, not read off the last entry: the clocks of two tills may differ by more than the time between
    their bookings, and then the last number is not the last second.
    """
    rows = (
        Entry.objects.filter(account__member__in=member_ids, created_at__lte=moment)
        .order_by("-account__program__is_default", "account__program__code", "account")
        .values("account", "account__program__name", "account__program__unit")
        .annotate(total=Sum("points"), owed=Sum("debt_delta"))
    )
    return [
        PastBalance(
            row["account"],
            row["account__program__name"],
            row["account__program__unit"],
            int(row["total"] + row["owed"]),
            int(row["owed"]),
        )
        for row in rows
    ]


def programs_with_terms(*, now: datetime) -> list[tuple[Program, ProgramTerms | None]]:
    """The active programs in the order of their codes, each with its terms in force, in two statements."""
    programs = list(Program.objects.filter(is_active=True).select_related("brand").order_by("code"))
    rows = ProgramTerms.objects.filter(program__in=programs, effective_from__lte=now)
    latest = {terms.program_id: terms for terms in rows.order_by("effective_from", "pk")}
    return [(program, latest.get(program.pk)) for program in programs]


def waiting_corrections(*, user: User) -> QuerySet[Adjustment]:
    """Requests that wait for a second person, within the user's reach, oldest first."""
    return (
        Adjustment.objects.filter(
            status=AdjustmentStatus.PENDING, account__in=Account.objects.visible_to(user)
        )
        .select_related("account__member", "account__program", "requested_by")
        .order_by("created_at")
    )
