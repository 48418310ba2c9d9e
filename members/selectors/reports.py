"""Answers for managers and auditors: who joins where, and which card is shown to which cashier too often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import connection
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import TruncDate, TruncMonth
from django.utils.timezone import get_default_timezone, localdate

from backoffice.choices import Reach
from backoffice.models import Store, User
from members.choices import LIVING
from members.models import Member

MOST = 100
# A card that one cashier scans so often within one shift rings an alarm (N4).
SCANS_PER_SHIFT = 6


@dataclass(frozen=True, slots=True)
class Concentration:
    """One card at one cashier: `orders` on `days` local days, of the `cashier_orders` with any card there.

    `is_staff_card` says that somebody who works here owns the card.
    """

    cashier: str
    store_id: int
    store: str
    member_id: int
    card_no: str
    orders: int
    days: int
    most_in_a_day: int
    cashier_orders: int
    paid: Decimal
    is_staff_card: bool

    @property
    def share(self) -> Decimal:
        """Percent of the cashier's orders with a card that were this card."""
        return Decimal(100 * self.orders) / self.cashier_orders

    @property
    def per_day(self) -> Decimal:
        return Decimal(self.orders) / self.days


def cards_at_cashiers(*, user: User, start: datetime, end: datetime, most: int = MOST) -> list[Concentration]:
    """Cards that a few cashiers know too well, purchased in [start, end) within the user's stores (T13, N4).

    The first ones are those with many orders that are at the same time a large share of what the cashier
    does with cards: a regular of a busy till has only the one, somebody's third customer of the day only the
    other. Cards that were used once or twice are no pattern.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH daily AS (
                SELECT p.store_id, p.cashier, p.member_id,
                       (p.purchased_at AT TIME ZONE %(zone)s)::date AS day, count(*) AS orders,
                       sum(p.paid) AS paid
                FROM members_purchase p
                WHERE p.purchased_at >= %(start)s AND p.purchased_at < %(end)s AND p.cashier <> ''
                  AND p.member_id IS NOT NULL AND p.store_id = ANY(%(stores)s)
                GROUP BY 1, 2, 3, 4
            ), cards AS (
                SELECT store_id, cashier, member_id, sum(orders) AS orders, count(*) AS days,
                       max(orders) AS most_in_a_day, sum(paid) AS paid,
                       sum(sum(orders)) OVER (PARTITION BY store_id, cashier) AS cashier_orders
                FROM daily GROUP BY 1, 2, 3
            )
            SELECT c.cashier, c.store_id, concat(s.code, ' ', s.name), c.member_id, m.card_no,
                   c.orders::int, c.days, c.most_in_a_day::int, c.cashier_orders::int, c.paid,
                   EXISTS (SELECT FROM members_staffcard k WHERE k.member_id = c.member_id)
            FROM cards c
            JOIN backoffice_store s ON s.id = c.store_id
            JOIN members_member m ON m.id = c.member_id
            WHERE c.orders > 2
            ORDER BY c.orders * c.orders / c.cashier_orders DESC, c.orders DESC, c.store_id, c.cashier,
                     c.member_id
            LIMIT %(most)s
            """,
            {
                "zone": str(get_default_timezone()),
                "start": start,
                "end": end,
                "stores": list(Store.objects.visible_to(user).values_list("pk", flat=True)),
                "most": most,
            },
        )
        return [Concentration(*row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Shift:
    """One card that one cashier scanned `times` times on one local day, his shift."""

    store_id: int
    cashier: str
    member_id: int
    card_no: str
    day: date
    times: int
    owner_id: int | None


def cards_scanned_too_often(*, start: datetime, end: datetime, times: int = SCANS_PER_SHIFT) -> list[Shift]:
    """Cards that one cashier scanned `times` times or more in one shift, purchased in [start, end) (N4).

    Tills tell no shifts, so a shift is a cashier's local day at a store. `owner_id` is the staff user whose
    own card it is.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT p.store_id, p.cashier, p.member_id, m.card_no,
                   (p.purchased_at AT TIME ZONE %(zone)s)::date AS day, count(*),
                   (SELECT min(k.user_id) FROM members_staffcard k WHERE k.member_id = p.member_id)
            FROM members_purchase p JOIN members_member m ON m.id = p.member_id
            WHERE p.purchased_at >= %(start)s AND p.purchased_at < %(end)s AND p.cashier <> ''
            GROUP BY 1, 2, 3, 4, 5
            HAVING count(*) >= %(times)s
            ORDER BY 5, 1, 2, 3
            """,
            {"zone": str(get_default_timezone()), "start": start, "end": end, "times": times},
        )
        return [Shift(*row) for row in cursor.fetchall()]


def joined_per_day(*, user: User, start: datetime, end: datetime) -> list[tuple[date, int]]:
    """How many members joined on each local day of [start, end), days without one left out."""
    day = TruncDate("joined_at", tzinfo=get_default_timezone())
    rows = _joined(user, start, end).annotate(day=day).values_list("day").annotate(members=Count("pk"))
    return list(rows.order_by("day"))


def joined_per_store_and_day(
    *, user: User, start: datetime, end: datetime
) -> list[tuple[int | None, date, int]]:
    """(store, local day, members) of all who joined in [start, end), for whoever wants both sums at once."""
    day = TruncDate("joined_at", tzinfo=get_default_timezone())
    rows = _joined(user, start, end).annotate(day=day).values_list("joined_store", "day")
    return list(rows.annotate(members=Count("pk")).order_by("day"))


def joined_per_store(*, user: User, start: datetime, end: datetime) -> dict[int | None, int]:
    """How many members joined at each store of the user's in [start, end)."""
    return dict(_joined(user, start, end).values_list("joined_store").annotate(members=Count("pk")))


@dataclass(frozen=True, slots=True)
class Referred:
    """Members whom a store brought in one local month, and how many of them are members still."""

    month: date
    store_id: int
    store: str
    members: int
    living: int


def referred_per_month(*, user: User, start: datetime, end: datetime) -> list[Referred]:
    """Who joined in [start, end) by month and referring store, of the user's stores only (S13)."""
    zone = get_default_timezone()
    rows = (
        Member.objects.visible_to(user)
        .filter(joined_at__gte=start, joined_at__lt=end)
        .filter(referring_store__in=Store.objects.visible_to(user))
        .annotate(month=TruncMonth("joined_at", tzinfo=zone))
        .order_by()
        .values_list("month", "referring_store", "referring_store__code", "referring_store__name")
        .annotate(members=Count("pk"), living=Count("pk", filter=Q(status__in=LIVING)))
        .order_by("-month", F("members").desc(), "referring_store__code")
    )
    return [
        Referred(localdate(month, zone), store_id, f"{code} {name}", members, living)
        for month, store_id, code, name, members, living in rows
    ]


def _joined(user: User, start: datetime, end: datetime) -> QuerySet[Member]:
    """Whoever sees the group also counts those who joined at no store."""
    rows = Member.objects.visible_to(user).filter(joined_at__gte=start, joined_at__lt=end).order_by()
    if user.reach == Reach.GROUP:
        return rows
    return rows.filter(joined_store__in=Store.objects.visible_to(user))
