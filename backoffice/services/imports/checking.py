"""Checking: read and validate rows, stage them by COPY, and say what each would do. Takes no write locks on
anything but the staging table, so no till waits for a preview.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from django.db import connection

from backoffice.choices import ImportState, RowOutcome
from backoffice.models import ImportBatch, ImportRow, Job
from backoffice.services.imports import reading, staging, steps, storage, twins
from backoffice.services.imports.cells import RowReader
from backoffice.services.imports.kinds import OneWrite, Span, kind_of
from backoffice.services.imports.spans import next_window
from backoffice.services.jobs import ChunkResult
from backoffice.tabular.csv_rows import Place
from backoffice.tabular.faults import FileRefused

CHUNK = 5000
MOST_ROWS = 5_000_000
CLEARED = 50_000


def check_chunk(job: Job, now: datetime) -> ChunkResult:
    """The next CHUNK records. The first chunks take away what an earlier check of the same batch has staged.

    A fault of the whole file ends the job: the batch is refused, and none of its rows stays.
    """
    batch = steps.of_job(job)
    checkpoint = dict(job.checkpoint)
    if not checkpoint.get("cleared"):
        return _clear(batch, checkpoint)
    if "looked" in checkpoint:
        return _second_look(batch, job, checkpoint, now)
    try:
        return _read(batch, job, checkpoint, now)
    except FileRefused as refusal:
        # Rows that earlier chunks have staged stay out of the counts; they go with the batch.
        steps.move(batch, ImportState.FAILED, problem=refusal.as_json(), counts={})
        steps.tell(batch, "refused", now)
        return ChunkResult(0, checkpoint, finished=True)


def _clear(batch: ImportBatch, checkpoint: dict[str, Any]) -> ChunkResult:
    window = next_window(batch, checkpoint.get("clearing", -1), CLEARED)
    if window is not None:
        ImportRow.objects.filter(batch=batch, line__lte=window.last).delete()
        return ChunkResult(0, checkpoint | {"clearing": window.last}, finished=False)
    return ChunkResult(0, {"cleared": True, "hash": "", "rows": 0} | batch.layout["start"], finished=False)


def _read(batch: ImportBatch, job: Job, checkpoint: dict[str, Any], now: datetime) -> ChunkResult:
    kind = kind_of(batch.kind)
    reader = RowReader(kind, batch.layout, batch.policy, kind.reader(batch, now))
    one_write = kind.one_write(batch)
    with storage.stored(batch.canonical or batch.file) as file:
        read = reading.next_rows(
            file,
            batch.layout,
            Place(checkpoint["offset"], checkpoint["line"]),
            CHUNK,
            reader,
            hashlib.sha256(checkpoint["hash"].encode()),
            short=one_write is not None,
        )
        size = file.seek(0, 2)
    count, place = read.count, read.place
    total = checkpoint["rows"] + count
    if total > MOST_ROWS:
        raise FileRefused("too_many_rows", most=f"{MOST_ROWS:,}")
    if count:
        span = Span(batch, checkpoint["line"], place.line - 1, now, steps.actor_of(batch))
        _stage(span, read, one_write)
    mark = read.mark
    after = checkpoint | {"offset": place.offset, "line": place.line, "hash": mark, "rows": total}
    if count == CHUNK:
        guess = round(total * size / max(place.offset, 1))
        return ChunkResult(count, after, finished=False, total=max(guess, total))
    if not total:
        raise FileRefused("no_rows")
    if one_write:
        twins.mark(batch, one_write)
    if kind.second_look(batch.policy):
        return ChunkResult(count, after | {"looked": -1}, finished=False, total=total)
    return finish(batch, count, after, now)


def _stage(span: Span, read: reading.Read, one_write: OneWrite | None) -> None:
    """The rows into the staging table, with what each would do."""
    kind = kind_of(span.batch.kind)
    if one_write is not None:
        if read.lines:
            one_write.place(span, read.lines, read.columns)
        if read.rows:
            staging.stage(span.batch.pk, read.rows)
            kind.diff(span)
        return
    staging.stage(span.batch.pk, read.rows)
    mark_duplicates(span)
    kind.diff(span)


def _second_look(batch: ImportBatch, job: Job, checkpoint: dict[str, Any], now: datetime) -> ChunkResult:
    """The same difference once more, for kinds whose rows depend on rows behind them."""
    window = next_window(batch, checkpoint["looked"], CHUNK)
    if window is None:
        return finish(batch, 0, checkpoint, now)
    span = Span(batch, window.first, window.last, now, steps.actor_of(batch), whole=True)
    kind_of(batch.kind).diff(span)
    return ChunkResult(0, checkpoint | {"looked": window.last}, finished=False)


def finish(batch: ImportBatch, count: int, after: dict[str, Any], now: datetime) -> ChunkResult:
    total = after["rows"]
    counts = steps.count_rows(batch)
    totals = kind_of(batch.kind).totals(batch)
    steps.move(
        batch, ImportState.CHECKED, counts=counts, totals=totals, content_hash=after["hash"], problem={}
    )
    steps.tell(batch, "checked", now)
    return ChunkResult(count, after, finished=True, total=total, result=counts)


def mark_duplicates(span: Span) -> None:
    """Rows whose key stands elsewhere in the file: all but the first, all but the last, or none may stay."""
    policy = span.batch.policy.get("duplicates", "first")
    with connection.cursor() as cursor:
        cursor.execute(
            {"first": KEEP_FIRST, "last": KEEP_LAST, "error": KEEP_NONE}[policy],
            {
                "batch": span.batch.pk,
                "first": span.first,
                "last": span.last,
                "duplicate": RowOutcome.DUPLICATE.value,
            },
        )


TWICE = (
    "jsonb_build_array(jsonb_build_object("
    "'column', '', 'value', '', 'fault', 'twice', 'details', jsonb_build_object('line', {line})))"
)
# The span is read first and for itself: of a batch that came in a minute ago the planner knows nothing, and
# with its number before its eyes it takes every way into the table for the same.
KEYS = """
WITH own AS MATERIALIZED (
    SELECT batch_id, line, key FROM backoffice_importrow
    WHERE batch_id = %(batch)s AND line BETWEEN %(first)s AND %(last)s
)"""
KEEP_FIRST = f"""
{KEYS}, again AS MATERIALIZED (
    SELECT own.batch_id, own.line, e.line AS other
    FROM own CROSS JOIN LATERAL (
        SELECT min(line + 0) AS line FROM backoffice_importrow
        WHERE batch_id = own.batch_id AND key = own.key
    ) e
    WHERE e.line < own.line
)
UPDATE backoffice_importrow r SET outcome = %(duplicate)s, faults = {TWICE.format(line="again.other")}
FROM again WHERE r.batch_id = again.batch_id AND r.line = again.line
"""
# Earlier rows were taken for good when their chunk was read; a later one takes their place.
KEEP_LAST = f"""
{KEYS}, latest AS MATERIALIZED (
    SELECT batch_id, key, max(line) AS line FROM own WHERE key IS NOT NULL GROUP BY batch_id, key
)
UPDATE backoffice_importrow r
SET outcome = %(duplicate)s, faults = {TWICE.format(line="latest.line")}, subject_id = NULL, changes = NULL
FROM latest
WHERE r.batch_id = latest.batch_id AND r.key = latest.key AND r.line < latest.line
  AND r.outcome <> %(duplicate)s
"""
KEEP_NONE = f"""
{KEYS}, keys AS MATERIALIZED (
    SELECT DISTINCT batch_id, key FROM own WHERE key IS NOT NULL
), again AS MATERIALIZED (
    SELECT m.batch_id, m.line, o.line AS other
    FROM keys JOIN backoffice_importrow m ON m.batch_id = keys.batch_id AND m.key = keys.key
    CROSS JOIN LATERAL (
        SELECT min(line + 0) AS line FROM backoffice_importrow
        WHERE batch_id = keys.batch_id AND key = keys.key AND line <> m.line
    ) o
    WHERE o.line IS NOT NULL
)
UPDATE backoffice_importrow r
SET outcome = %(duplicate)s, faults = {TWICE.format(line="again.other")}, subject_id = NULL, changes = NULL
FROM again
WHERE r.batch_id = again.batch_id AND r.line = again.line AND r.outcome <> %(duplicate)s
"""
