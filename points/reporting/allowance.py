"""What one person may still give by himself today: told before he types, judged when it is booked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from backoffice.choices import Reach
from backoffice.models import User
from points import policy

# The sums that the function which books adds up (sql/limits_v2.sql), read without its locks.
LEFT = """
WITH RECURSIVE persons AS (
    SELECT a.member_id AS id, 0 AS step FROM points_account a WHERE a.id = %(account)s
    UNION ALL
    SELECT m.id, p.step + 1 FROM persons p JOIN members_member m ON m.merged_into_id = p.id WHERE p.step < 20
), shops AS (
    SELECT s.id, s.name FROM backoffice_user_stores w JOIN backoffice_store s ON s.id = w.store_id
    WHERE w.user_id = %(user)s AND %(stores)s
    UNION ALL
    SELECT NULL, NULL WHERE NOT %(stores)s
), tightest AS (
    SELECT s.name, coalesce(t.given, 0) AS given FROM shops s
    LEFT JOIN points_storedaytotal t ON t.store_id IS NOT DISTINCT FROM s.id AND t.day = %(day)s
    ORDER BY given DESC, s.name LIMIT 1
)
SELECT l.per_request,
    l.per_receiver_day, l.per_receiver_day - coalesce((
        SELECT sum(t.given) FROM persons p JOIN points_account a ON a.member_id = p.id
        JOIN points_receiverdaytotal t ON t.account_id = a.id AND t.day = %(day)s), 0),
    l.per_clerk_day, l.per_clerk_day - coalesce((
        SELECT t.given FROM points_staffdaytotal t WHERE t.user_id = %(user)s AND t.day = %(day)s), 0),
    l.per_store_day, l.per_store_day - coalesce(s.given, 0), s.name
FROM points_limits_v1(%(user)s) l LEFT JOIN tightest s ON true
"""


@dataclass(frozen=True, slots=True)
class Room:
    """Of a limit of `most` points a day, `left` are free (never below 0)."""

    most: int
    left: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be given to one account without a second person, in points.

    `request` bounds one correction, giving or taking; the others are the day's. `shop` is the name of the
    store with the least room of those that the person works for, empty for people of the office.
    """

    request: int
    member: Room
    person: Room
    store: Room
    shop: str = ""

    @property
    def now(self) -> int:
        """The most that a gift may be right now without waiting for anybody."""
        return min(self.request, self.member.left, self.person.left, self.store.left)


def allowance(*, user: User, account_id: int, now: datetime) -> Allowance:
    """What is left to `user` for this account on the local day of `now`. One query, no locks: a hint.

    Whoever gives at the same time may take it; the function that books decides.
    """
    values: dict[str, int | str | bool] = {
        "user": user.pk,
        "account": account_id,
        "day": policy.local_day(now),
        "stores": user.reach == Reach.STORES,
    }
    with connection.cursor() as cursor:
        cursor.execute(LEFT, values)
        row = cursor.fetchone()
    request, *rooms, shop = row
    member, person, store = (Room(rooms[n], max(int(rooms[n + 1]), 0)) for n in (0, 2, 4))
    return Allowance(request, member, person, store, shop or "")
