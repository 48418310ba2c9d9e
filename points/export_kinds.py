"""The list of the ledger that leaves as a file. Registered by `plugs.py`."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from backoffice.choices import ActorType, Reach
from backoffice.services.exports.kinds import Asked, ExportKind, choice, columns_of, register
from points.choices import EntryKind
from points.export_columns import EntryResource
from points.models import Account, Entry


def entries(asked: Asked) -> QuerySet[Any]:
    """Entries of the accounts within reach, with what the columns read."""
    rows = Entry.objects.select_related("account__member", "account__program", "store")
    if asked.user is None or (asked.user.is_active and asked.user.reach == Reach.GROUP):
        return rows
    return rows.filter(account__in=Account.objects.visible_to(asked.user))


LEDGER = ExportKind(
    name="ledger",
    title=_("Ledger"),
    permission="points.export_entry",
    rows=entries,
    columns=lambda asked: columns_of(EntryResource),
    criteria={
        "kind__exact": choice(_("kind"), "kind", EntryKind.choices),
        "actor_type__exact": choice(_("actor kind"), "actor_type", ActorType.choices),
    },
    whole_permission="members.unmask_member",
)


def register_all() -> None:
    register(LEDGER)
