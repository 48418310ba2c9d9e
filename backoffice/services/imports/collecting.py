"""Rows that come from a filter over the house's own lists instead of a file: staged, then like any others."""

from __future__ import annotations

from datetime import datetime

from backoffice.models import Job
from backoffice.services.imports import checking, steps
from backoffice.services.imports.kinds import Span, kind_of
from backoffice.services.jobs import ChunkResult


def collect_chunk(job: Job, now: datetime) -> ChunkResult:
    """The next rows of the batch's list, and what they would do."""
    batch = steps.of_job(job)
    kind = kind_of(batch.kind)
    assert kind.collect is not None
    checkpoint = dict(job.checkpoint)
    rows = int(checkpoint.get("rows", 0))
    count, place = kind.collect(batch, checkpoint, now)
    if place is None:
        return checking.finish(batch, 0, checkpoint | {"rows": rows, "hash": batch.file_hash}, now)
    kind.diff(Span(batch, rows + 1, rows + count, now, steps.actor_of(batch)))
    return ChunkResult(count, checkpoint | place | {"rows": rows + count}, finished=False)
