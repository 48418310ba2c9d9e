"""Who may touch which account, and how much he may give away by himself."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from backoffice.actors import Actor
from backoffice.errors import OutOfReach
from backoffice.models import User
from members.models import StaffCard
from points import policy
from points.errors import NotAllowed, OwnCard
from points.models import Account


def staff_with(actor: Actor, permission: str) -> User:
    """The staff user behind an actor. Raises NotAllowed unless he may."""
    user = actor.user
    if user is None or not user.is_active or not user.has_perm(permission):
        raise NotAllowed
    return user


def reachable_account(account_id: int, user: User) -> Account:
    """An account within reach that is not the user's own. Raises OutOfReach, OwnCard."""
    account = (
        Account.objects.visible_to(user).select_related("program", "member").filter(pk=account_id).first()
    )
    if account is None:
        raise OutOfReach
    if StaffCard.objects.filter(user=user, member_id=account.member_id).exists():
        raise OwnCard
    return account


def within_daily_limit(user: User, points: int, now: datetime) -> bool:
    """Count `points` on the clerk's day if they fit.

    One statement: the row lock makes parallel calls queue.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO points_staffdaytotal AS t (user_id, day, given) VALUES (%(user)s, %(day)s, %(points)s)
            ON CONFLICT (user_id, day) DO UPDATE SET given = t.given + excluded.given
            WHERE t.given + excluded.given <= %(limit)s
            RETURNING given
            """,
            {
                "user": user.pk,
                "day": policy.local_day(now),
                "points": points,
                "limit": policy.DAILY_GIVEN,
            },
        )
        return cursor.fetchone() is not None
