"""Carries claimed jobs out: one transaction a chunk, each with its checkpoint, until it is done or lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from backoffice.choices import JobState
from backoffice.errors import Refusal
from backoffice.masking import mask_text
from backoffice.models import Job
from backoffice.models.jobs import MAX_ATTEMPTS
from backoffice.services import jobs, notices
from backoffice.services.jobs import LEASE, ChunkResult
from backoffice.services.pressure import Brake

# Well below the worker's soft time limit: a longer job goes back to the queue and is taken up again.
TURN = timedelta(minutes=10)
FIRST_RETRY = timedelta(seconds=30)
RETRY_FACTOR = 4
ERROR_LENGTH = 2000

Clock = Callable[[], datetime]
Watcher = Callable[[Job], None]

log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """The row no longer carries our lease, so the chunk must not commit."""


class HandlerStuck(RuntimeError):
    """A handler said that it is not finished and left the checkpoint where it was: it would run for ever."""


def run(
    *,
    job_id: int,
    clock: Clock,
    worker: str,
    watch: Watcher | None = None,
    brake: Callable[[], object] | None = None,
) -> Job | None:
    """Take this job if it is due and work on it for one turn. None when it is not ours to run.

    `watch` sees the row after every committed chunk; a command shows the progress with it. `brake` is called
    before each chunk and may rest; the usual one looks at the database (`services/pressure.py`).

    Returns the row as we left it: done, failed, queued again (after a failure or at the end of the turn), or
    as whoever cancelled it left it. Never raises for a fault of the handler; that is stored.
    """
    job = jobs.claim(now=clock(), worker=worker, job_id=job_id)
    return _work(job, clock, watch, brake) if job else None


def run_due(*, clock: Clock, worker: str, most: int = 1000) -> int:
    """Take and run jobs until none is due, at most `most` of them. Returns how many were run."""
    for count in range(most):
        job = jobs.claim(now=clock(), worker=worker)
        if job is None:
            return count
        _work(job, clock)
    return most


def _work(
    job: Job, clock: Clock, watch: Watcher | None = None, brake: Callable[[], object] | None = None
) -> Job:
    turn_ends = clock() + TURN
    brake = brake or Brake()
    try:
        while not _chunk(job, clock, brake):
            if watch:
                watch(job)
            if clock() >= turn_ends:
                _hand_back(job, clock())
                break
    except LeaseLost:
        log.info("job left", job=job.pk, kind=job.kind)
    except Refusal as refusal:
        # A rule said no; it will say so again.
        _fail(job, clock(), str(refusal), final=True)
    except Exception as error:
        log.exception("job chunk failed", job=job.pk, kind=job.kind)
        _fail(job, clock(), f"{type(error).__name__}: {error}", final=False)
    job.refresh_from_db()
    return job


def _chunk(job: Job, clock: Clock, brake: Callable[[], object]) -> bool:
    """One chunk and its checkpoint in one transaction; True when it was the last one.

    Raises LeaseLost when the row is no longer ours, HandlerStuck, and whatever the handler raises.
    """
    brake()
    now = clock()
    begun = time.monotonic()
    before = dict(job.checkpoint)
    with transaction.atomic():
        answer = jobs.handler_of(job.kind)(job, now)
        if not answer.finished and answer.checkpoint == before:
            raise HandlerStuck(f"{job.kind} did not move its checkpoint")
        # Last in the transaction: whoever cancels waits for this one statement only, and the ticket is
        # looked at when nothing can come after it.
        _keep(job, answer, clock(), int((time.monotonic() - begun) * 1000))
        if answer.finished:
            jobs.wake_next(job)
    return answer.finished


def _keep(job: Job, answer: ChunkResult, now: datetime, took_ms: int = 0) -> None:
    values = {
        "checkpoint": answer.checkpoint,
        "done": job.done + answer.done,
        "total": job.total if answer.total is None else answer.total,
        "result": job.result if answer.result is None else answer.result,
        "attempts": 0,
        "error": "",
        "busy_ms": job.busy_ms + took_ms,
        "locked_until": None if answer.finished else max(now + LEASE, job.locked_until or now),
    }
    if answer.finished:
        values |= {"state": JobState.DONE.value, "finished_at": now}
    _write(job, values)


def _hand_back(job: Job, now: datetime) -> None:
    try:
        with transaction.atomic():
            _write(job, {"state": JobState.QUEUED.value, "locked_until": None, "run_at": now})
            jobs.wake(job.pk)
    except LeaseLost:
        log.info("job left", job=job.pk, kind=job.kind)


def _fail(job: Job, now: datetime, error: str, *, final: bool) -> None:
    values: dict[str, object] = {"error": mask_text(error)[:ERROR_LENGTH], "locked_until": None}
    # A chunk that failed left its numbers on the object; the row knows better.
    attempts = Job.objects.filter(pk=job.pk).values_list("attempts", flat=True).get()
    if final or attempts >= MAX_ATTEMPTS:
        values |= {"state": JobState.FAILED.value, "finished_at": now}
    else:
        wait = FIRST_RETRY * RETRY_FACTOR ** max(attempts - 1, 0)
        values |= {"state": JobState.QUEUED.value, "run_at": now + wait}
    try:
        with transaction.atomic():
            _write(job, values)
            if job.state == JobState.FAILED:
                notices.job_failed(job, now)
    except LeaseLost:
        log.info("job left", job=job.pk, kind=job.kind)


def _write(job: Job, values: dict[str, object]) -> None:
    """Write, provided that the row still carries our lease. Raises LeaseLost, and leaves the object alone."""
    mine = Job.objects.filter(pk=job.pk, state=JobState.RUNNING, locked_until=job.locked_until)
    if not mine.update(**values):
        raise LeaseLost
    for name, value in values.items():
        setattr(job, name, value)
