"""Taking a file in: stored, fingerprinted, recognised, and handed to the worker that looks at it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import QuerySet

from backoffice.actors import Actor
from backoffice.choices import ImportState, Reach
from backoffice.errors import ImportReach
from backoffice.models import Brand, ImportBatch, User
from backoffice.services import audit
from backoffice.services.imports import steps, storage
from backoffice.services.imports.kinds import STAYED_POINTS, STAYED_ROWS, kind_of
from backoffice.tabular import gzipped, sniffing

NAME_LENGTH = 200
# Rows of an import that is being taken back are in until it is undone, also when its job was given up.
STANDING = ("waiting", "held", "applying", "applied", "undoing")
# Nothing more is brought in of an import that is so far.
OVER = (ImportState.APPLIED, ImportState.UNDOING, ImportState.UNDONE, ImportState.DROPPED)


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
    return _same(batch).filter(state__in=STANDING).first()


@dataclass(frozen=True, slots=True)
class Stayed:
    """What the undo of an earlier import could not take back: rows, and the sum of their points, signed."""

    batch: ImportBatch
    rows: int
    points: int


def left_behind(batch: ImportBatch) -> Stayed | None:
    """What stayed of the latest other import of the same content that was undone and left something in."""
    for undone in _same(batch).filter(
        state=ImportState.UNDONE, counts__has_any_keys=["done:kept", "done:stuck"]
    ):
        told = undone.totals
        if STAYED_ROWS not in told and undone.removed_at is None:
            # Undone before this was counted.
            told = kind_of(undone.kind).totals(undone)
        if told.get(STAYED_ROWS):
            return Stayed(undone, int(told[STAYED_ROWS]), int(told[STAYED_POINTS]))
    return None


def _same(batch: ImportBatch) -> QuerySet[ImportBatch]:
    """Other imports of the very same file, or of the same rows, latest first."""
    same = ImportBatch.objects.filter(kind=batch.kind).exclude(pk=batch.pk)
    by_file = same.filter(file_hash=batch.file_hash)
    rows = same.filter(content_hash=batch.content_hash) if batch.content_hash else by_file
    return (by_file | rows).order_by("-pk")


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
