"""Staff accounts: opened, changed and closed here, so that sessions and jobs end with the account."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from backoffice.actors import Actor
from backoffice.choices import Reach, Role
from backoffice.errors import (
    OutOfReach,
    OwnAccount,
    ReachIncomplete,
    SuperuserOnly,
    UsernameTaken,
    WeakPassword,
)
from backoffice.models import Brand, Store, User
from backoffice.services import audit, jobs
from backoffice.services.roles import group_of


@transaction.atomic
def create_staff(
    *,
    actor: Actor,
    username: str,
    name: str,
    password: str,
    roles: Collection[Role],
    reach: Reach,
    now: datetime,
    brand: Brand | None = None,
    stores: Sequence[Store] = (),
    email: str = "",
) -> User:
    """Open an account with roles and a reach. Never a superuser; those come from the command line only.

    Raises UsernameTaken, WeakPassword, ReachIncomplete.
    """
    _require_reach(reach, brand, stores)
    user = User(
        username=username,
        name=name,
        email=email,
        is_staff=True,
        reach=reach.value,
        brand=brand if reach == Reach.BRAND else None,
        date_joined=now,
    )
    _set_password(user, password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise UsernameTaken(username=username) from error
    user.groups.set([group_of(role) for role in roles])
    user.stores.set(stores if reach == Reach.STORES else [])
    changes = {"roles": [[], _names(user)], "reach": [None, _reach_of(user)]}
    audit.record(actor=actor, action="staff.create", subject=user, changes=changes, now=now)
    return user


@transaction.atomic
def assign_staff(
    *,
    actor: Actor,
    user_id: int,
    roles: Collection[Role],
    reach: Reach,
    now: datetime,
    reason: str,
    brand: Brand | None = None,
    stores: Sequence[Store] = (),
) -> User:
    """Give other roles and another reach; they count from the person's next request on.

    Raises OutOfReach for an unknown account, OwnAccount (nobody gives himself a role), SuperuserOnly,
    ReachIncomplete.
    """
    _require_reach(reach, brand, stores)
    user = _others_account(actor, user_id)
    before = {"roles": _names(user), "reach": _reach_of(user)}
    user.reach = reach.value
    user.brand = brand if reach == Reach.BRAND else None
    user.save(update_fields=["reach", "brand"])
    user.groups.set([group_of(role) for role in roles])
    user.stores.set(stores if reach == Reach.STORES else [])
    after = {"roles": _names(user), "reach": _reach_of(user)}
    changes = {field: [before[field], after[field]] for field in after if before[field] != after[field]}
    audit.record(actor=actor, action="staff.assign", subject=user, changes=changes, reason=reason, now=now)
    return user


@transaction.atomic
def disable_staff(*, actor: Actor, user_id: int, reason: str, now: datetime) -> User:
    """Close an account: its sessions end with their next request, its open jobs are cancelled (T29).

    Safe to repeat. Raises OutOfReach for an unknown account, OwnAccount, SuperuserOnly.
    """
    user = _others_account(actor, user_id)
    if not user.is_active:
        return user
    user.is_active = False
    user.session_epoch += 1
    user.save(update_fields=["is_active", "session_epoch"])
    changes = {"is_active": [True, False], "jobs_cancelled": [0, jobs.cancel_all_of(owner=user, now=now)]}
    audit.record(actor=actor, action="staff.disable", subject=user, changes=changes, reason=reason, now=now)
    return user


@transaction.atomic
def enable_staff(*, actor: Actor, user_id: int, reason: str, now: datetime) -> User:
    """Open a closed account again. Sessions and jobs from before stay ended. Safe to repeat.

    Raises OutOfReach for an unknown account, OwnAccount, SuperuserOnly.
    """
    user = _others_account(actor, user_id)
    if user.is_active:
        return user
    user.is_active = True
    user.session_epoch += 1
    user.save(update_fields=["is_active", "session_epoch"])
    changes = {"is_active": [False, True]}
    audit.record(actor=actor, action="staff.enable", subject=user, changes=changes, reason=reason, now=now)
    return user


@transaction.atomic
def reset_password(*, actor: Actor, user_id: int, password: str, reason: str, now: datetime) -> User:
    """Give somebody else a new password and end his sessions. One's own is changed with the old one at hand.

    Raises OutOfReach for an unknown account, OwnAccount, SuperuserOnly, WeakPassword.
    """
    user = _others_account(actor, user_id)
    _set_password(user, password)
    user.session_epoch += 1
    user.save(update_fields=["password", "session_epoch"])
    audit.record(actor=actor, action="staff.reset_password", subject=user, reason=reason, now=now)
    return user


def _others_account(actor: Actor, user_id: int) -> User:
    """The row, locked. Only its own columns: rows that refer to it may go on being written."""
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise OutOfReach
    if actor.user is not None and actor.user.pk == user.pk:
        raise OwnAccount
    if user.is_superuser and not (actor.user is not None and actor.user.is_superuser):
        raise SuperuserOnly
    return user


def _require_reach(reach: Reach, brand: Brand | None, stores: Sequence[Store]) -> None:
    if (reach == Reach.BRAND and brand is None) or (reach == Reach.STORES and not stores):
        raise ReachIncomplete


def _set_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(why=" ".join(error.messages)) from error
    user.set_password(password)


def _names(user: User) -> list[str]:
    return sorted(user.groups.values_list("name", flat=True))


def _reach_of(user: User) -> dict[str, Any]:
    return {
        "reach": user.reach,
        "brand": user.brand_id,
        "stores": sorted(user.stores.values_list("pk", flat=True)),
    }
