"""Taking a file in: stored, fingerprinted, recognised, and handed to the worker that looks at it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO

from django.db import transaction

from backoffice.actors import Actor
from backoffice.choices import ImportState, Reach
from backoffice.errors import ImportReach
from backoffice.models import Brand, ImportBatch, User
from backoffice.services import audit
from backoffice.services.imports import steps, storage
from backoffice.services.imports.kinds import kind_of
from backoffice.tabular import gzipped, sniffing

NAME_LENGTH = 200
# Rows of an import that is being taken back are in until it is undone, also when its job was given up.
STANDING = ("waiting", "held", "applying", "applied", "undoing")


def upload(
    *,
    file: BinaryIO,
    name: str,
    kind: str,
    actor: Actor,
    now: datetime,
    brand: Brand | None = None,
    wishes: Mapping[str, Any] | None = None,
) -> ImportBatch:
    """Store a file and ask a worker to look at it. `wishes` may name `encoding`, `delimiter`, `sheet`,
    `head`. A gzipped file is stored, and known by its checksum, as what it holds.

    People of one brand bring in members of their brand, whatever `brand` says. The file goes to the storage
    before the transaction: what a rollback leaves behind is swept away with the other files.

    Raises FileRefused (nothing of the file was kept), ImportKindUnknown, ImportReach.
    """
    kind_of(kind)
    brand = _brand_of(actor, brand)
    if gzipped.is_gzipped(file):
        file, name = gzipped.unpack(file, storage.MOST_BYTES), name.removesuffix(gzipped.SUFFIX)
    digest, size = storage.fingerprint(file)
    suffix = sniffing.type_of(file, name)
    stored = storage.keep(file, suffix)
    with transaction.atomic():
        batch = ImportBatch(
            kind=kind,
            file_name=name.rsplit("/", 1)[-1][-NAME_LENGTH:],
            file=stored,
            file_size=size,
            file_hash=digest,
            layout={"type": suffix, "wishes": dict(wishes or {})},
            brand=brand,
            owner=actor.user,
            created_at=now,
        )
        batch.save()
        steps.ask_for(batch, steps.LOOK, now)
        steps.move(batch, ImportState.UPLOADED)
        audit.record(
            actor=actor,
            action="import.upload",
            subject=batch,
            changes={"kind": [None, kind], "checksum": [None, digest], "bytes": [None, size]},
            now=now,
        )
    return batch


@transaction.atomic
def collect(
    *,
    kind: str,
    name: str,
    query: Mapping[str, Any],
    policy: Mapping[str, Any],
    fields: Sequence[str],
    facts: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> ImportBatch:
    """A batch whose rows a worker takes from a filter of one of the house's own lists (`ImportKind.collect`).

    `query` is the filter as it is stored, `facts` what the kind remembers beside it, `fields` the staged
    columns that the rows fill. Raises ImportKindUnknown, ImportPolicyWrong, ImportReach.
    """
    batch = ImportBatch(
        kind=kind,
        state=ImportState.CHECKING,
        file_name=name[:NAME_LENGTH],
        file_size=0,
        layout={"type": "list", "filter": dict(query), "heads": [], "fields": list(fields), **facts},
        policy=kind_of(kind).policy(policy),
        brand=_brand_of(actor, None),
        owner=actor.user,
        created_at=now,
    )
    batch.save()
    # Each asking is a content of its own: the same list holds other people tomorrow.
    batch.file_hash = hashlib.sha256(f"{kind}:{batch.pk}".encode()).hexdigest()
    batch.save(update_fields=["file_hash"])
    steps.ask_for(batch, steps.COLLECT, now)
    steps.move(batch, ImportState.CHECKING)
    audit.record(
        actor=actor,
        action="import.collect",
        subject=batch,
        changes={"kind": [None, kind], "filter": [None, dict(query)], "policy": [None, batch.policy]},
        now=now,
    )
    return batch


def earlier(batch: ImportBatch) -> ImportBatch | None:
    """The latest other import of the very same file, whatever its name, that was applied and is not undone
    yet, or is about to be applied.
    """
    same = ImportBatch.objects.filter(kind=batch.kind, state__in=STANDING)
    by_file = same.filter(file_hash=batch.file_hash)
    rows = same.filter(content_hash=batch.content_hash) if batch.content_hash else by_file
    return (by_file | rows).exclude(pk=batch.pk).order_by("-pk").first()


def may_bring(user: User) -> bool:
    """Whether the person works for a whole brand or for the group: a file reaches members of every store."""
    return user.reach == Reach.GROUP or (user.reach == Reach.BRAND and user.brand_id is not None)


def _brand_of(actor: Actor, brand: Brand | None) -> Brand | None:
    user = actor.user
    if user is None:
        return brand
    if not may_bring(user):
        raise ImportReach
    return brand if user.reach == Reach.GROUP else user.brand
