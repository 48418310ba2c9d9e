"""The list of the ledger that leaves as a file. Registered by `plugs.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from backoffice.choices import ActorType, Reach
from backoffice.services.exports import archive
from backoffice.services.exports.kinds import Asked, ExportKind, choice, columns_of, register
from points.choices import EntryKind
from points.models import Account, Entry
from points.resources import EntryResource


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


def evidence() -> Iterator[Sequence[str]]:
    """Every entry, for the archive: how each balance came about."""
    columns = columns_of(EntryResource).values()
    rows = Entry.objects.select_related("account__member", "account__program", "store").order_by("pk")
    for entry in rows.iterator(chunk_size=archive.CHUNK):
        yield [str(column.export(entry)) for column in columns]


def register_all() -> None:
    register(LEDGER)
    archive.register_file(archive.ArchiveFile("ledger.csv", tuple(EntryResource._meta.fields), evidence))
