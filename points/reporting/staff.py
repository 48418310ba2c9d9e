"""What staff gave and took by hand, whose redemptions they undid, and who approved whom (N4, T15-T18)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.db.models import Count, Max, Q, QuerySet, Sum, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Abs, Cast, Coalesce

from backoffice.choices import ActorType
from backoffice.models import User
from backoffice.selectors import staff_of
from points.choices import AdjustmentStatus, EntryKind
from points.models import Adjustment, Entry
from points.reporting.files import KIND

MOST = 50


@dataclass(frozen=True, slots=True)
class ClerkGrants:
    """Corrections that one person asked for: how many, points given and taken, the largest one.

    `above` counts those that were above a limit, so that a second person had to decide.
    """

    user_id: int
    name: str
    corrections: int
    given: int
    taken: int
    largest: int
    above: int
    receivers: int

    @property
    def share_above(self) -> Decimal:
        return Decimal(100 * self.above) / self.corrections


@dataclass(frozen=True, slots=True)
class Receiver:
    """What one person gave to one member by hand; `share` is the percent of all that he gave."""

    user_id: int
    name: str
    member_id: int
    card_no: str
    corrections: int
    given: int
    share: Decimal


@dataclass(frozen=True, slots=True)
class ClerkUndos:
    """Redemptions that one person undid: how many, the points that came back, to how many members."""

    user_id: int
    name: str
    undone: int
    points: int
    largest: int
    members: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two people who decided on each other's corrections and files: how often, and how many points, either
    way. `files` says how many of these were files of points; whoever uploaded, confirmed or decided about one
    has asked for it.
    """

    first: str
    second: str
    first_by_second: int
    second_by_first: int
    points: int
    files: int = 0

    @property
    def mutual(self) -> int:
        return min(self.first_by_second, self.second_by_first)


def grants_by_clerk(*, user: User, start: datetime, end: datetime) -> list[ClerkGrants]:
    """Who corrected points in [start, end), those who gave most first; people within the user's reach."""
    rows = (
        _applied(user, start, end)
        .values("requested_by", "requested_by__name", "requested_by__username")
        .annotate(
            corrections=Count("pk"),
            given=Coalesce(Sum("points", filter=Q(points__gt=0)), 0),
            taken=Coalesce(-Sum("points", filter=Q(points__lt=0)), 0),
            largest=Max(Abs("points")),
            above=Count("pk", filter=Q(needs_approval=True)),
            receivers=Count("account__member", distinct=True),
        )
        .order_by("-given", "-corrections", "requested_by")
    )
    return [
        ClerkGrants(
            row["requested_by"],
            row["requested_by__name"] or row["requested_by__username"],
            row["corrections"],
            int(row["given"]),
            int(row["taken"]),
            int(row["largest"]),
            row["above"],
            row["receivers"],
        )
        for row in rows
    ]


def top_receivers(*, user: User, start: datetime, end: datetime, most: int = MOST) -> list[Receiver]:
    """Which member got most by hand from whom in [start, end)."""
    rows = (
        _applied(user, start, end)
        .filter(points__gt=0)
        .values(
            "requested_by", "requested_by__name", "requested_by__username", "account__member",
            "account__member__card_no",
        )
        .annotate(corrections=Count("pk"), given=Sum("points"))
        .order_by("-given", "requested_by", "account__member")[:most]
    )  # fmt: skip
    all_given = {clerk.user_id: clerk.given for clerk in grants_by_clerk(user=user, start=start, end=end)}
    return [
        Receiver(
            row["requested_by"],
            row["requested_by__name"] or row["requested_by__username"],
            row["account__member"],
            row["account__member__card_no"],
            row["corrections"],
            int(row["given"]),
            Decimal(100 * int(row["given"])) / max(all_given.get(row["requested_by"], 0), 1),
        )
        for row in rows
    ]


def undos_by_clerk(*, user: User, start: datetime, end: datetime) -> list[ClerkUndos]:
    """Who undid redemptions by hand in [start, end), most points first (T15).

    One that waited for a second person counts for whoever asked.
    """
    names = {
        str(pk): name or username
        for pk, name, username in staff_of(user).values_list("pk", "name", "username")
    }
    rows = (
        # Named twice: the index of reversals holds no other entries.
        Entry.objects.filter(reverses__isnull=False, kind=EntryKind.REFUND_SPEND)
        .filter(actor_type=ActorType.STAFF, created_at__gte=start, created_at__lt=end)
        .annotate(
            clerk=Coalesce(KeyTextTransform("requested_by", "explanation"), Cast("actor_id", TextField()))
        )
        .filter(clerk__in=names)
        .order_by()
        .values("clerk")
        .annotate(
            undone=Count("pk"),
            sum=Sum("points"),
            largest=Max("points"),
            members=Count("member", distinct=True),
        )
        .order_by("-sum", "clerk")
    )
    return [
        ClerkUndos(
            int(row["clerk"]),
            names[row["clerk"]],
            row["undone"],
            int(row["sum"]),
            int(row["largest"]),
            row["members"],
        )
        for row in rows
    ]


def approving_pairs(*, user: User, start: datetime, end: datetime, most: int = MOST) -> list[Pair]:
    """Two people and what they decided for each other in [start, end); those who do it both ways first (T18).

    A file counts for everybody who had a hand in it, as the rule about two who approve for each other counts
    it. A pair is shown when one of the two is within the user's reach.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(nullif(a.name, ''), a.username), coalesce(nullif(b.name, ''), b.username),
                   p.first_by_second, p.second_by_first, p.points, p.files
            FROM (
                SELECT least(asker, approver) AS one, greatest(asker, approver) AS two,
                       count(*) FILTER (WHERE asker < approver) AS first_by_second,
                       count(*) FILTER (WHERE asker > approver) AS second_by_first,
                       sum(points)::bigint AS points, count(*) FILTER (WHERE is_file) AS files
                FROM (
                    SELECT requested_by_id AS asker, approved_by_id AS approver, abs(points) AS points,
                           false AS is_file
                    FROM points_adjustment
                    WHERE status = 'applied' AND applied_at >= %(start)s AND applied_at < %(end)s
                      AND requested_by_id IS NOT NULL AND approved_by_id IS NOT NULL
                    UNION ALL
                    SELECT hand.pk, b.approver_id, coalesce((b.totals ->> 'moved')::bigint, 0), true
                    FROM backoffice_importbatch b
                    CROSS JOIN LATERAL (
                        SELECT DISTINCT unnest(b.deciders::bigint[] || b.owner_id || b.confirmer_id) AS pk
                    ) hand
                    WHERE b.kind = %(kind)s AND b.applied_at >= %(start)s AND b.applied_at < %(end)s
                      AND hand.pk IS NOT NULL AND b.approver_id IS NOT NULL
                ) decided
                GROUP BY 1, 2
            ) p
            JOIN backoffice_user a ON a.id = p.one
            JOIN backoffice_user b ON b.id = p.two
            WHERE p.one = ANY(%(staff)s) OR p.two = ANY(%(staff)s)
            ORDER BY least(p.first_by_second, p.second_by_first) DESC,
                     p.first_by_second + p.second_by_first DESC, p.points DESC, p.one, p.two
            LIMIT %(most)s
            """,
            {
                "start": start,
                "end": end,
                "staff": list(staff_of(user).values_list("pk", flat=True)),
                "most": most,
                "kind": KIND,
            },
        )
        return [Pair(*row) for row in cursor.fetchall()]


def own_today(*, user: User, start: datetime, end: datetime) -> QuerySet[Adjustment]:
    """What the user himself asked for in [start, end), the latest first."""
    return (
        Adjustment.objects.filter(requested_by=user, created_at__gte=start, created_at__lt=end)
        .select_related("account__member")
        .order_by("-id")
    )


def _applied(user: User, start: datetime, end: datetime) -> QuerySet[Adjustment]:
    return Adjustment.objects.filter(
        status=AdjustmentStatus.APPLIED,
        applied_at__gte=start,
        applied_at__lt=end,
        requested_by__in=staff_of(user),
        # What was undone has a table of its own.
        undoes=None,
    ).order_by()
