"""Whose account somebody may touch: everybody's but his own, a superuser's only as a superuser."""

from __future__ import annotations

from backoffice.actors import Actor
from backoffice.errors import OutOfReach, OwnAccount, SuperuserOnly
from backoffice.models import User


def others_account(actor: Actor, user_id: int) -> User:
    """The row, locked. Only its own columns: rows that refer to it may go on being written.

    Raises OutOfReach for an unknown account, OwnAccount, SuperuserOnly.
    """
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise OutOfReach
    if actor.user is not None and actor.user.pk == user.pk:
        raise OwnAccount
    if user.is_superuser and not (actor.user is not None and actor.user.is_superuser):
        raise SuperuserOnly
    return user
