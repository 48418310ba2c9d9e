"""Who may touch which account.

What he may give away by himself is judged where it is booked (`sql/limits_v1.sql`).
"""

from __future__ import annotations

from django.db import connection

from backoffice.actors import Actor
from backoffice.errors import OutOfReach
from backoffice.models import User
from points.errors import NotAllowed, OtherStore, OwnCard
from points.models import Account
from points.reach import acts_for_all_stores


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
    refuse_own_card(account.member_id, user)
    return account


def refuse_own_card(member_id: int, user: User) -> None:
    """Raises OwnCard when the member is the user's own card, or one was merged into the other (I32)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT points_own_card_v1(%s, %s)", [user.pk, member_id])
        if cursor.fetchone()[0]:
            raise OwnCard


def refuse_other_store(store_id: int | None, user: User) -> None:
    """Raises OtherStore: what happened at a store is undone there, or by somebody who may approve (T15)."""
    if store_id is None or acts_for_all_stores(user):
        return
    if not user.stores.filter(pk=store_id).exists():
        raise OtherStore
