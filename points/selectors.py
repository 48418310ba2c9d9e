"""Answers about points: accounts with their schedules, the timeline, previews, flows of a period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.db.models import F, Q, QuerySet, Sum

from backoffice.models import User
from members.models import Member
from points.choices import AdjustmentStatus
from points.models import Account, Adjustment, Entry, Lot, LotUse, Program, ProgramTerms
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


def account_summaries(*, member: Member, now: datetime) -> list[AccountSummary]:
    """The member's accounts, spendable programs first, each with its whole expiry schedule (S101, N10)."""
    accounts = list(
        Account.objects.filter(member=member)
        .select_related("program")
        .order_by("-program__is_default", "-program__spendable", "program__code")
    )
    lots = (
        Lot.objects.filter(account__in=accounts, remaining__gt=0)
        .values("account_id", "expires_at")
        .annotate(points=Sum("remaining"), held_points=Sum("held"))
        .order_by(F("expires_at").asc(nulls_last=True))
    )
    schedules: dict[int, list[Expiring]] = {}
    lapsed: dict[int, int] = {}
    for lot in lots:
        if lot["expires_at"] is not None and lot["expires_at"] <= now:
            # Over, but the nightly run has not booked it yet: no longer to be spent.
            lapsed[lot["account_id"]] = lapsed.get(lot["account_id"], 0) + lot["points"] - lot["held_points"]
        else:
            schedules.setdefault(lot["account_id"], []).append(Expiring(lot["expires_at"], lot["points"]))
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


@dataclass(frozen=True, slots=True)
class Flow:
    """One month of a program, in points: what was issued, redeemed, lapsed, otherwise corrected."""

    month: datetime
    issued: int
    redeemed: int
    expired: int
    corrected: int

    @property
    def net(self) -> int:
        return self.issued - self.redeemed - self.expired + self.corrected


def monthly_flows(*, program: Program, start: datetime, end: datetime) -> list[Flow]:
    """Issued, redeemed and lapsed points by local month, booked in [start, end) (S100)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT date_trunc('month', e.created_at AT TIME ZONE %(zone)s) AT TIME ZONE %(zone)s AS month,
                   coalesce(sum(points) FILTER (
                       WHERE kind IN ('earn', 'bonus', 'import', 'reverse_earn')), 0),
                   coalesce(-sum(points) FILTER (WHERE kind IN ('spend', 'refund_spend')), 0),
                   coalesce(-sum(points) FILTER (WHERE kind = 'expire'), 0),
                   coalesce(sum(points) FILTER (WHERE kind IN ('adjust', 'transfer')), 0)
            FROM points_entry e JOIN points_account a ON a.id = e.account_id
            WHERE a.program_id = %(program)s AND e.created_at >= %(start)s AND e.created_at < %(end)s
            GROUP BY 1 ORDER BY 1
            """,
            {"zone": program.time_zone, "program": program.pk, "start": start, "end": end},
        )
        return [Flow(row[0], *(int(value) for value in row[1:])) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What members still own of a program: points, their worth in NT$, and what they owe."""

    points: int
    worth: Decimal
    debt: int
    pending: int


def outstanding(*, program: Program) -> Outstanding:
    sums = Account.objects.filter(program=program).aggregate(
        points=Sum("balance"), debt=Sum("debt"), pending=Sum("pending")
    )
    points = int(sums["points"] or 0)
    return Outstanding(points, worth(program, points), int(sums["debt"] or 0), int(sums["pending"] or 0))


@dataclass(frozen=True, slots=True)
class SettlementRow:
    """Points that one brand issued and another let a member spend, with their worth in NT$ (S98)."""

    program_id: int
    issuer_id: int | None
    redeemer_id: int | None
    points: int
    worth: Decimal


def settlement(*, program: Program, start: datetime, end: datetime) -> list[SettlementRow]:
    """Who issued what was spent where, booked in [start, end); undone redemptions are taken out again.

    Read from the lot uses, which are facts of their own: nothing is written twice.
    """
    rows = (
        LotUse.objects.filter(
            entry__account__program=program,
            entry__created_at__gte=start,
            entry__created_at__lt=end,
            entry__kind__in=["spend", "refund_spend"],
        )
        .values(issuer=F("lot__brand_id"), redeemer=F("entry__store__brand_id"))
        .annotate(used=Sum("points"))
        .filter(~Q(used=0))
        .order_by("issuer", "redeemer")
    )
    return [
        SettlementRow(program.pk, row["issuer"], row["redeemer"], row["used"], worth(program, row["used"]))
        for row in rows
    ]
