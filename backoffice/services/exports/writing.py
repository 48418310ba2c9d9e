"""The job behind an export: a part of the file for each chunk of rows, then all parts bound into one.

A chunk stores its part under a name of its own and commits that name with its checkpoint. Whatever is killed
or overtaken leaves a part that no checkpoint names; it goes when the file is bound. Rows are read by their
key, so that rows which come or go meanwhile move no other one into, or out of, the file.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import translation

from backoffice.actors import Actor
from backoffice.choices import ExportFormat, NoticeKind, NoticeSubject
from backoffice.errors import ExportTooLarge
from backoffice.models import Export, Job
from backoffice.services import audit, notices, outbox
from backoffice.services.exports import rows, storage
from backoffice.services.exports.kinds import Asked, ExportKind, kind_of
from backoffice.services.exports.permits import permit
from backoffice.services.jobs import ChunkResult
from backoffice.tabular.sheet_parts import SheetPart, bind
from backoffice.tabular.writing import MOST_SHEET_ROWS, MOST_TOLD, CsvWriter, TableWriter

CHUNK = 5000
# The head takes one.
SHEET_ROWS = MOST_SHEET_ROWS - 1
WRITE = "exports.write"
BIG5 = "cp950"


@dataclass(slots=True)
class Progress:
    """The checkpoint: `after` is the key of the last row, `last` that of the last one to come.

    `parts` are names in the export's folder, `sheets` how many parts each sheet has (workbooks only).
    """

    after: Any = None
    last: Any = None
    rows: int = 0
    lost: int = 0
    parts: tuple[str, ...] = ()
    sheets: tuple[int, ...] = ()

    @classmethod
    def of(cls, checkpoint: dict[str, Any]) -> Progress:
        return cls(
            **{**checkpoint, "parts": tuple(checkpoint["parts"]), "sheets": tuple(checkpoint["sheets"])}
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "after": self.after, "last": self.last, "rows": self.rows, "lost": self.lost,
            "parts": list(self.parts), "sheets": list(self.sheets),
        }  # fmt: skip


def write_chunk(job: Job, now: datetime) -> ChunkResult:
    """The next CHUNK rows; the first call counts them, the last one binds the file.

    Raises NotYours when the owner has lost the right since he asked, ExportTooLarge.
    """
    export = Export.objects.select_related("owner").get(pk=job.params["export"])
    kind = kind_of(export.kind)
    permit(kind, export.owner, whole=export.whole)
    asked = asked_of(export)
    with translation.override(export.language):
        if not job.checkpoint:
            return _begin(kind, asked)
        progress = Progress.of(job.checkpoint)
        if progress.after != progress.last:
            return _write(export, kind, asked, progress)
        return _finish(export, progress, now)


def asked_of(export: Export) -> Asked:
    """What the export asks for. Rows of after its asking stay out, however late the worker is."""
    return Asked(export.owner, export.query, export.columns, export.whole, export.created_at)


def _begin(kind: ExportKind, asked: Asked) -> ChunkResult:
    found = kind.until(kind.narrowed(asked), asked)
    total = found.order_by().count()
    if total > settings.EXPORT_MOST_ROWS:
        raise ExportTooLarge(rows=f"{total:,}", most=f"{settings.EXPORT_MOST_ROWS:,}")
    last = found.order_by("-pk").values_list("pk", flat=True).first()
    progress = Progress(last=_plain(last))
    return ChunkResult(0, progress.as_json(), finished=False, total=total)


def _write(export: Export, kind: ExportKind, asked: Asked, progress: Progress) -> ChunkResult:
    found = kind.until(kind.narrowed(asked), asked).filter(pk__lte=_key(progress.last))
    if progress.after is not None:
        found = found.filter(pk__gt=_key(progress.after))
    page = list(found.order_by("pk")[: _room(export, progress)])
    if page:
        part = _part(export, kind, asked, progress, page)
    # A row that was the last one may be gone by now.
    after = _plain(page[-1].pk) if page else progress.last
    written = Progress(
        after, progress.last, progress.rows + len(page), progress.lost, progress.parts, progress.sheets
    )
    if page:
        written.lost += part.lost
        written.parts += (part.name,)
        written.sheets = _sheets(progress)
    return ChunkResult(len(page), written.as_json(), finished=False)


def _room(export: Export, progress: Progress) -> int:
    """A part of a workbook never reaches over the end of its sheet."""
    if export.format != ExportFormat.XLSX:
        return CHUNK
    return min(CHUNK, SHEET_ROWS - progress.rows % SHEET_ROWS)


def _sheets(progress: Progress) -> tuple[int, ...]:
    if progress.rows % SHEET_ROWS == 0:
        return (*progress.sheets, 1)
    return (*progress.sheets[:-1], progress.sheets[-1] + 1)


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    lost: int


def _part(export: Export, kind: ExportKind, asked: Asked, progress: Progress, page: list[Any]) -> Part:
    writers: list[TableWriter] = []

    def write(target: BinaryIO) -> None:
        writer = _writer(export, target, first=not progress.rows)
        if not progress.rows or (export.format == ExportFormat.XLSX and not progress.rows % SHEET_ROWS):
            writer.write(rows.heads(kind, asked))
        for cells in rows.cells(kind, asked, kind.dress(page, asked)):
            writer.write(cells)
        writer.close()
        writers.append(writer)

    name, _size, _digest = storage.keep_written(export.folder, "part", write)
    writer = writers[0]
    if not isinstance(writer, CsvWriter) or not writer.lost:
        return Part(name, 0)
    room = MOST_TOLD - len(export.lost_texts)
    if room > 0 and not export.lossy:
        export.lost_texts = [*export.lost_texts, *writer.lost_texts[:room]]
        export.save(update_fields=["lost_texts"])
    return Part(name, writer.lost)


def _writer(export: Export, target: BinaryIO, *, first: bool) -> TableWriter:
    if export.format == ExportFormat.XLSX:
        return SheetPart(target)
    if export.format == ExportFormat.BIG5:
        return CsvWriter(target, BIG5)
    # The mark of UTF-8 stands at the beginning of the file, not of each part.
    return CsvWriter(target, "utf-8-sig" if first else "utf-8")


def _finish(export: Export, progress: Progress, now: datetime) -> ChunkResult:
    """Bind the parts, unless characters were lost and nobody has allowed that."""
    export.rows, export.lost, export.ready_at = progress.rows, progress.lost, now
    if progress.lost and not export.lossy:
        _keep(export)
        return _told(export, "unfit", now)
    suffix = "xlsx" if export.format == ExportFormat.XLSX else "csv"

    def write(target: BinaryIO) -> None:
        if not progress.parts:
            _write_empty(export, target)
        elif suffix == "xlsx":
            bind(target, _bound_sheets(export, progress))
        else:
            for part in _opened(export, progress.parts):
                shutil.copyfileobj(part, target)

    export.file, export.file_size, export.file_hash = storage.keep_written(export.folder, suffix, write)
    export.expires_at = now + timedelta(hours=settings.EXPORT_LINK_HOURS)
    _keep(export)
    return _told(export, "ready", now)


def _write_empty(export: Export, target: BinaryIO) -> None:
    """No rows: the head alone says which list it is."""
    kind, asked = kind_of(export.kind), asked_of(export)
    writer = _writer(export, target, first=True)
    if not isinstance(writer, SheetPart):
        writer.write(rows.heads(kind, asked))
        writer.close()
        return

    def write(part: BinaryIO) -> None:
        head = SheetPart(part)
        head.write(rows.heads(kind, asked))
        head.close()

    name, _size, _digest = storage.keep_written(export.folder, "part", write)
    bind(target, [(str(kind.title), _opened(export, (name,)))])


def _bound_sheets(export: Export, progress: Progress) -> list[tuple[str, Iterator[BinaryIO]]]:
    title = str(kind_of(export.kind).title)
    sheets, first = [], 0
    for number, count in enumerate(progress.sheets, 1):
        name = title if len(progress.sheets) == 1 else f"{title} {number}"
        sheets.append((name, _opened(export, progress.parts[first : first + count])))
        first += count
    return sheets


def _opened(export: Export, parts: tuple[str, ...]) -> Iterator[BinaryIO]:
    for name in parts:
        with storage.opened(export.folder, name) as part:
            yield part


def _keep(export: Export) -> None:
    export.save(update_fields=["rows", "lost", "ready_at", "file", "file_size", "file_hash", "expires_at"])
    folder, file = export.folder, export.file
    transaction.on_commit(lambda: storage.forget(folder, but=file))


def _told(export: Export, what: str, now: datetime) -> ChunkResult:
    """The trail and a message for the owner. Numbers, filter and columns, no person."""
    actor = Actor.staff(export.owner) if export.owner else Actor.job("run_export")
    told = {"rows": export.rows, "checksum": export.file_hash, "bytes": export.file_size, "lost": export.lost}
    audit.record(
        actor=actor,
        action=f"export.{what}",
        subject=export,
        changes={**_facts(export), **told},
        reason=export.reason,
        now=now,
    )
    payload = {"export": export.pk, "kind": export.kind, "owner": export.owner_id, **told}
    outbox.publish(topic=f"export.{what}", subject_id=export.pk, payload=payload)
    notices.put(
        users=[export.owner_id], kind=NoticeKind(f"export.{what}"), key=f"export:{export.pk}:{what}",
        subject=(NoticeSubject.EXPORT, export.pk), facts={}, now=now,
    )  # fmt: skip
    return ChunkResult(0, {"over": True}, finished=True, result=told)


def _facts(export: Export) -> dict[str, Any]:
    return {
        "kind": export.kind,
        "filter": kind_of(export.kind).unnamed(export.query),
        "columns": export.columns,
        "format": export.format,
        "whole": export.whole,
    }


def _plain(key: Any) -> Any:
    return list(key) if isinstance(key, tuple) else key


def _key(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key
