"""Taking a file in: stored, fingerprinted, recognised, and handed to the worker that looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, BinaryIO

from django.db import transaction

from backoffice.actors import Actor
from backoffice.choices import ImportState, Reach
from backoffice.errors import ImportReach
from backoffice.models import Brand, ImportBatch
from backoffice.services import audit
from backoffice.services.imports import steps, storage
from backoffice.services.imports.kinds import kind_of
from backoffice.tabular import sniffing

NAME_LENGTH = 200


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
    `head`.

    People of one brand bring in members of their brand, whatever `brand` says. The file goes to the storage
    before the transaction: what a rollback leaves behind is swept away with the other files.

    Raises FileRefused (nothing of the file was kept), ImportKindUnknown, ImportReach.
    """
    kind_of(kind)
    brand = _brand_of(actor, brand)
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


def earlier(batch: ImportBatch) -> ImportBatch | None:
    """The latest other import of the very same file, whatever its name, that was applied or is about to
    be.
    """
    same = ImportBatch.objects.filter(kind=batch.kind, state__in=("waiting", "applying", "applied"))
    by_file = same.filter(file_hash=batch.file_hash)
    rows = same.filter(content_hash=batch.content_hash) if batch.content_hash else by_file
    return (by_file | rows).exclude(pk=batch.pk).order_by("-pk").first()


def _brand_of(actor: Actor, brand: Brand | None) -> Brand | None:
    user = actor.user
    if user is None or user.reach == Reach.GROUP:
        return brand
    if user.reach == Reach.BRAND and user.brand is not None:
        return user.brand
    raise ImportReach
