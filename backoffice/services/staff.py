"""Staff accounts: opened, changed and closed here, so that sessions and jobs end with the account."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Protocol

from django.db import IntegrityError, transaction

from backoffice.actors import Actor
from backoffice.choices import Reach, Role
from backoffice.errors import OutOfReach, ReachIncomplete, SuperuserOnly, UsernameTaken
from backoffice.models import Brand, Store, User
from backoffice.services import api_keys, audit, jobs
from backoffice.services.accounts import others_account
from backoffice.services.credentials import reset_password, set_password
from backoffice.services.roles import group_of

__all__ = [
    "assign_staff",
    "create_staff",
    "disable_staff",
    "edit_staff",
    "enable_staff",
    "on_disabled",
    "reset_password",
]


class Ender(Protocol):
    """Ends what belongs to a person whose account is closed, in the same transaction; how many there were."""

    def __call__(self, *, owner: User, actor: Actor, reason: str, now: datetime) -> int: ...


def _end_jobs(*, owner: User, actor: Actor, reason: str, now: datetime) -> int:
    return jobs.cancel_all_of(owner=owner, now=now)


# Word in the audit trail -> what ends with an account. Upper modules add theirs by `on_disabled`.
_ENDERS: dict[str, Ender] = {"jobs_cancelled": _end_jobs, "keys_revoked": api_keys.revoke_all_of}


def on_disabled(word: str, ender: Ender) -> None:
    """Let something else end with an account; `word` names it in the audit trail ("keys_revoked")."""
    _ENDERS[word] = ender


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
        # Whoever opens the account knows its first password.
        must_choose_password=actor.user is not None,
    )
    set_password(user, password)
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
def edit_staff(*, actor: Actor, user_id: int, name: str, email: str, now: datetime) -> User:
    """Change how somebody is called and reached; oneself as well. Nothing to change writes nothing.

    Raises OutOfReach for an unknown account, SuperuserOnly.
    """
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise OutOfReach
    if user.is_superuser and not (actor.user is not None and actor.user.is_superuser):
        raise SuperuserOnly
    wanted = {"name": name, "email": email}
    changes = {
        field: [getattr(user, field), new] for field, new in wanted.items() if getattr(user, field) != new
    }
    if not changes:
        return user
    for field, (_old, new) in changes.items():
        setattr(user, field, new)
    user.save(update_fields=list(changes))
    audit.record(actor=actor, action="staff.edit", subject=user, changes=changes, now=now)
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
    user = others_account(actor, user_id)
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
    """Close an account: its sessions end with their next request, its jobs and keys at once (T29).

    Safe to repeat. Raises OutOfReach for an unknown account, OwnAccount, SuperuserOnly.
    """
    user = others_account(actor, user_id)
    if not user.is_active:
        return user
    user.is_active = False
    user.session_epoch += 1
    user.save(update_fields=["is_active", "session_epoch"])
    changes: dict[str, list[Any]] = {"is_active": [True, False]}
    for word, ender in _ENDERS.items():
        changes[word] = [0, ender(owner=user, actor=actor, reason=reason, now=now)]
    audit.record(actor=actor, action="staff.disable", subject=user, changes=changes, reason=reason, now=now)
    return user


@transaction.atomic
def enable_staff(*, actor: Actor, user_id: int, reason: str, now: datetime) -> User:
    """Open a closed account again. Sessions and jobs from before stay ended. Safe to repeat.

    Raises OutOfReach for an unknown account, OwnAccount, SuperuserOnly.
    """
    user = others_account(actor, user_id)
    if user.is_active:
        return user
    user.is_active = True
    user.session_epoch += 1
    user.save(update_fields=["is_active", "session_epoch"])
    changes = {"is_active": [False, True]}
    audit.record(actor=actor, action="staff.enable", subject=user, changes=changes, reason=reason, now=now)
    return user


def _require_reach(reach: Reach, brand: Brand | None, stores: Sequence[Store]) -> None:
    if (reach == Reach.BRAND and brand is None) or (reach == Reach.STORES and not stores):
        raise ReachIncomplete


def _names(user: User) -> list[str]:
    return sorted(user.groups.values_list("name", flat=True))


def _reach_of(user: User) -> dict[str, Any]:
    return {
        "reach": user.reach,
        "brand": user.brand_id,
        "stores": sorted(user.stores.values_list("pk", flat=True)),
    }
