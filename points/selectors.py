"""Answers about points: accounts with their schedules, the timeline, what waits. Sums are in `reporting`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, QuerySet, Sum
from django.db.models.functions import JSONObject

from backoffice.models import User
from members.models import Member
from points.choices import AdjustmentStatus
from points.models import Account, Adjustment, Entry, Lot, Program, ProgramTerms
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


# What an account holds, by deadline, the soonest first: in the account's row, so that a balance is one query.
OPEN_LOTS = (
    Lot.objects.filter(account=OuterRef("pk"), remaining__gt=0)
    .order_by(F("expires_at").asc(nulls_last=True))
    .values("expires_at")
    .annotate(
        lot=JSONObject(expires_at="expires_at", points=Sum("remaining"), held=Sum("held")),
    )
    .values("lot")
)


def account_summaries(*, member: Member, now: datetime) -> list[AccountSummary]:
    """The member's accounts, spendable programs first, each with its whole expiry schedule (S101, N10)."""
    accounts = list(
        Account.objects.filter(member=member)
        .select_related("program")
        .annotate(open_lots=ArraySubquery(OPEN_LOTS))
        .order_by("-program__is_default", "-program__spendable", "program__code")
    )
    schedules: dict[int, list[Expiring]] = {}
    lapsed: dict[int, int] = {}
    for account in accounts:
        for lot in account.open_lots:
            expires_at = datetime.fromisoformat(lot["expires_at"]) if lot["expires_at"] else None
            if expires_at is not None and expires_at <= now:
                # Over, but the nightly run has not booked it yet: no longer to be spent.
                lapsed[account.pk] = lapsed.get(account.pk, 0) + lot["points"] - lot["held"]
            else:
                schedules.setdefault(account.pk, []).append(Expiring(expires_at, lot["points"]))
    return [
        AccountSummary(
            account,
            account.program,
            max(available := account.available - lapsed.get(account.pk, 0), 0),
            worth(account.program, max(available, 0)),
            tuple(schedules.get(account.pk, ())),
        )
        for account in accounts
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


def terms_in_force(*, program: Program, now: datetime) -> ProgramTerms | None:
    return program.terms.filter(effective_from__lte=now).order_by("-effective_from").first()


def waiting_corrections(*, user: User) -> QuerySet[Adjustment]:
    """Requests that wait for a second person, within the user's reach, oldest first."""
    return (
        Adjustment.objects.filter(
            status=AdjustmentStatus.PENDING, account__in=Account.objects.visible_to(user)
        )
        .select_related("account__member", "account__program", "requested_by")
        .order_by("created_at")
    )
