"""The rows of a long file that stayed out, written by a worker: no browser waits for a million lines."""

from __future__ import annotations

from datetime import datetime
from typing import BinaryIO

from django.db import transaction
from django.utils import translation

from backoffice.actors import Actor
from backoffice.choices import JobState
from backoffice.models import ImportBatch, Job
from backoffice.services import jobs
from backoffice.services.imports import results, steps, storage
from backoffice.services.jobs import ChunkResult

# The whole upload is read for the few rows of it; up to so many lines that takes no longer than a page.
MOST_AT_ONCE = 20_000


def is_long(batch: ImportBatch) -> bool:
    """Whether the file has to be prepared before it can be taken."""
    return int(batch.counts.get("rows", 0)) > MOST_AT_ONCE


@transaction.atomic
def prepare(*, batch_id: int, actor: Actor, now: datetime) -> Job:
    """Have a worker write the file as the rows stand now; asked again, the same job. Raises OutOfReach,
    ImportNotThere.
    """
    batch = steps.locked(batch_id)
    results.need_checked(batch)
    params = {"batch": batch.pk, "language": translation.get_language() or ""}
    known = _of(batch)
    if known is not None:
        return known
    user = actor.user
    return jobs.enqueue(kind=steps.ERRORS, key=_key(batch), params=params, now=now, owner=user, total=1)


def prepared(batch: ImportBatch) -> Job | None:
    """The job that has written the file, or is about to; None when nobody has asked for it."""
    return _of(batch)


def stored_name(batch: ImportBatch) -> str:
    """Where the file lies; empty while there is none."""
    job = _of(batch)
    return str(job.result.get("file", "")) if job and job.state == JobState.DONE else ""


def write(job: Job, now: datetime) -> ChunkResult:
    """The work of the job, in one chunk."""
    batch = steps.of_job(job)
    actor = Actor.staff(job.owner) if job.owner else steps.actor_of(batch)
    count = 0

    def into(target: BinaryIO) -> None:
        nonlocal count
        count = results.write_errors(batch=batch, target=target, actor=actor, now=now)

    with translation.override(job.params["language"] or None):
        name = storage.keep_written(into, batch.layout["type"])
    return ChunkResult(1, {"rows": count}, finished=True, total=1, result={"file": name, "rows": count})


def forget(batch: ImportBatch) -> None:
    """The prepared files go with the upload."""
    for job in Job.objects.filter(kind=steps.ERRORS, params__batch=batch.pk):
        storage.forget(str(job.result.get("file", "")))


def _key(batch: ImportBatch) -> str:
    """Another one after each step: what stays out may be more then."""
    return f"import:{batch.pk}:{steps.ERRORS}:{batch.job_id}"


def _of(batch: ImportBatch) -> Job | None:
    return Job.objects.filter(key=_key(batch)).first()
