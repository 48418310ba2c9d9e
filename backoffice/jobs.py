"""The house's own long work: imports and exports. Webhooks listen to the outbox from here on."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from backoffice import alarm_kinds
from backoffice.models import Job
from backoffice.outbox_handlers import Listener, listen, register
from backoffice.services.exports import everything, import_results, verbs, writing
from backoffice.services.imports import (
    applying,
    checking,
    collecting,
    error_files,
    looking,
    steps,
    telling,
)
from backoffice.services.jobs import ChunkResult, handler
from backoffice.services.webhooks import queueing, sending

listen(Listener(queueing.queue, queueing.wanted))
register(telling.TOPIC, telling.send_letter)
alarm_kinds.register(
    sending.DEAD_ALARM,
    title=_("A webhook does not reach its receiver"),
    sentence=_(
        "“%(event)s” was given up after %(hours)s hours: %(error)s. Mend the way, then send it again."
    ),
)
import_results.register_kind()
everything.register_all()
alarm_kinds.register(
    verbs.WHOLE_ALARM,
    title=_("Whole personal data exported"),
    sentence=_("%(by)s exported whole personal data (%(kind)s, export #%(export)s): %(why)s"),
)


@handler(steps.LOOK)
def look(job: Job, now: datetime) -> ChunkResult:
    looking.look(steps.of_job(job), now)
    return ChunkResult(1, {}, finished=True, total=1)


@handler(steps.CHECK)
def check(job: Job, now: datetime) -> ChunkResult:
    return checking.check_chunk(job, now)


@handler(steps.COLLECT)
def collect(job: Job, now: datetime) -> ChunkResult:
    return collecting.collect_chunk(job, now)


@handler(steps.ERRORS)
def errors(job: Job, now: datetime) -> ChunkResult:
    return error_files.write(job, now)


@handler(steps.APPLY)
def apply(job: Job, now: datetime) -> ChunkResult:
    return applying.apply_chunk(job, now)


@handler(steps.UNDO)
def undo(job: Job, now: datetime) -> ChunkResult:
    return applying.undo_chunk(job, now)


@handler(writing.WRITE)
def write_export(job: Job, now: datetime) -> ChunkResult:
    return writing.write_chunk(job, now)
