"""The house's own long work: the four steps of an import. Webhooks listen to the outbox from here on."""

from __future__ import annotations

from datetime import datetime

from backoffice.models import Job
from backoffice.outbox_handlers import Listener, listen
from backoffice.services.imports import applying, checking, looking, steps
from backoffice.services.jobs import ChunkResult, handler
from backoffice.services.webhooks import queueing

listen(Listener(queueing.queue, queueing.wanted))


@handler(steps.LOOK)
def look(job: Job, now: datetime) -> ChunkResult:
    looking.look(steps.of_job(job), now)
    return ChunkResult(1, {}, finished=True, total=1)


@handler(steps.CHECK)
def check(job: Job, now: datetime) -> ChunkResult:
    return checking.check_chunk(job, now)


@handler(steps.APPLY)
def apply(job: Job, now: datetime) -> ChunkResult:
    return applying.apply_chunk(job, now)


@handler(steps.UNDO)
def undo(job: Job, now: datetime) -> ChunkResult:
    return applying.undo_chunk(job, now)
