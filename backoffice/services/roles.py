"""Writes the table of `backoffice/roles.py` into Django's groups and permissions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from backoffice import roles
from backoffice.choices import Role
from backoffice.errors import RoleTableWrong
from backoffice.services.locks import wait_for


@dataclass(frozen=True, slots=True)
class RoleChange:
    """What a sync did to one group: permissions ("app.codename") that it got and that it lost."""

    role: Role
    added: tuple[str, ...]
    removed: tuple[str, ...]


@transaction.atomic
def sync_roles() -> list[RoleChange]:
    """Make the seven groups say what the table says, no more and no less. Safe to repeat and to run twice.

    Needs the permissions of a finished `migrate`. Raises RoleTableWrong, and changes nothing, when the table
    names a permission that does not exist or lets somebody write evidence.
    """
    wait_for("sync_roles")
    _make_verbs()
    known = _permissions()
    wrong = _unknown(known) | _writing_evidence()
    if wrong:
        raise RoleTableWrong(names=", ".join(sorted(wrong)))
    return [_sync(role, known) for role in Role]


def group_of(role: Role) -> Group:
    """The group of a role; the first call on an empty database makes all seven."""
    group = Group.objects.filter(name=role.value).first()
    if group is None:
        sync_roles()
        group = Group.objects.get(name=role.value)
    return group


def _make_verbs() -> None:
    # Migrations create the permissions of Meta only; these hang on models of apps that we do not know.
    for verb in roles.VERBS:
        content_type = ContentType.objects.get_by_natural_key(verb.app, verb.model)
        Permission.objects.get_or_create(
            content_type=content_type, codename=verb.codename, defaults={"name": verb.name}
        )


def _permissions() -> dict[str, Permission]:
    rows = Permission.objects.select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}": row for row in rows}


def _named() -> Iterable[str]:
    return (name for names in roles.PERMISSIONS.values() for name in names)


def _unknown(known: dict[str, Permission]) -> set[str]:
    return {name for name in _named() if name not in known}


def _writing_evidence() -> set[str]:
    written = set()
    for label in roles.EVIDENCE:
        app, model = label.split(".")
        written |= {f"{app}.{act}_{model}" for act in ("add", "change", "delete")}
    return written.intersection(_named())


def _sync(role: Role, known: dict[str, Permission]) -> RoleChange:
    group, _created = Group.objects.get_or_create(name=role.value)
    wanted = set(roles.PERMISSIONS[role])
    ids = set(group.permissions.values_list("pk", flat=True))
    present = {name for name, row in known.items() if row.pk in ids}
    group.permissions.set([known[name] for name in wanted])
    return RoleChange(role, tuple(sorted(wanted - present)), tuple(sorted(present - wanted)))
