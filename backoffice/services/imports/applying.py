"""Applying and undoing: batches of rows, each one transaction that commits with its checkpoint.

A row is carried out exactly once whatever is killed: its result (`done`) commits with what it did, and the
lease of the job keeps a second worker out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pghistory
from django.db.models import Q

from backoffice.choices import ImportState, RowDone, RowOutcome
from backoffice.models import ImportBatch, Job
from backoffice.services import audit, pressure
from backoffice.services.imports import ends, steps
from backoffice.services.imports.kinds import Span, kind_of
from backoffice.services.imports.spans import Window, last_window, next_window
from backoffice.services.jobs import ChunkResult

# The most that any kind does in a chunk: it stays below a second, so that nobody waits for its locks for
# longer than that.
CHUNK = 5000
# And while others are at work: their commits wait until the log is flushed, with all that a chunk has put
# there.
GENTLE = 500
WRITING = (RowOutcome.NEW.value, RowOutcome.CHANGED.value)


def apply_chunk(job: Job, now: datetime) -> ChunkResult:
    """The next lines, CHUNK at most: the rows among them that would change something."""
    batch = steps.of_job(job)
    kind = kind_of(batch.kind)
    if not job.checkpoint:
        kind.prepare(batch, steps.actor_of(batch), now)
    # Behind the checkpoint a result of the short way is a promise.
    promised = (RowDone.OPEN, RowDone.APPLIED) if kind.one_write(batch) else (RowDone.OPEN,)
    rows = Q(outcome__in=WRITING, done__in=promised)
    window = next_window(batch, int(job.checkpoint.get("line", -1)), _lines(batch), rows)
    if window is None:
        return _applied(batch, now)
    _act(kind.apply, window, batch, job, now)
    if batch.state == ImportState.HELD:
        steps.move(batch, ImportState.APPLYING)
    return ChunkResult(window.rows, {"line": window.last}, finished=False)


def undo_chunk(job: Job, now: datetime) -> ChunkResult:
    """The last lines that are left, CHUNK at most: the rows among them that were applied. What came last goes
    first, so that each row finds what it left; lines that the apply had not passed are left alone.
    """
    batch = steps.of_job(job)
    through = ends.through(batch)
    before = job.checkpoint.get("before", None if through is None else through + 1)
    window = last_window(batch, before, _lines(batch), Q(done=RowDone.APPLIED))
    if window is None:
        return _undone(batch, now)
    _act(kind_of(batch.kind).undo, window, batch, job, now)
    return ChunkResult(window.rows, {"before": window.first}, finished=False)


def _lines(batch: ImportBatch) -> int:
    """How many lines the next chunk takes."""
    lines = min(CHUNK, kind_of(batch.kind).chunk)
    return GENTLE if lines > GENTLE and pressure.others_at_work() else lines


def _act(act: Callable[[Span], None], window: Window, batch: ImportBatch, job: Job, now: datetime) -> None:
    if not window.rows:
        return
    actor = steps.actor_of(batch)
    with pghistory.context(import_batch=batch.pk, job=job.pk, user=batch.owner_id):
        act(Span(batch, window.first, window.last, now, actor, again=True))


def _applied(batch: ImportBatch, now: datetime) -> ChunkResult:
    counts = steps.count_rows(batch)
    totals = kind_of(batch.kind).totals(batch)
    steps.move(batch, ImportState.APPLIED, counts=counts, totals=totals, applied_at=now)
    return _told(batch, "applied", "import.applied", now)


def _undone(batch: ImportBatch, now: datetime) -> ChunkResult:
    counts = steps.count_rows(batch)
    totals = kind_of(batch.kind).totals(batch)
    steps.move(batch, ImportState.UNDONE, counts=counts, totals=totals, undone_at=now)
    return _told(batch, "undone", "import.undone", now)


def _told(batch: ImportBatch, what: str, action: str, now: datetime) -> ChunkResult:
    steps.tell(batch, what, now)
    audit.record(
        actor=steps.actor_of(batch),
        action=action,
        subject=batch,
        changes={name: [None, count] for name, count in batch.counts.items()},
        now=now,
    )
    return ChunkResult(0, {"over": True}, finished=True, result=batch.counts)
