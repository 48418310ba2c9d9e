"""Jobs: asking for work, taking it, doing it chunk by chunk, and giving up on it.

The row is the truth. A worker takes it with a lease (`locked_until`) that every chunk renews; the value of
the lease is also the worker's ticket: a chunk commits only while the row still carries it. So a worker that
was killed, paused or overtaken can leave nothing behind, and the next one goes on at the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from backoffice.actors import Actor
from backoffice.choices import JobState
from backoffice.errors import JobNotFailed, JobNotOpen, JobNotPaused, JobNotRunning, KeyTaken, OutOfReach
from backoffice.models import Job, User
from backoffice.models.jobs import MAX_ATTEMPTS
from backoffice.services import audit, notices

# Longer than any chunk; after a crash the job rests for this long.
LEASE = timedelta(minutes=3)
MOST_SWEPT = 100
OPEN = (JobState.QUEUED.value, JobState.RUNNING.value)
STOPPABLE = (*OPEN, JobState.PAUSED.value)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What a handler did in one chunk.

    `done` is the number of items of this chunk, `checkpoint` what the next chunk starts from, `total` and
    `result` replace what the row says unless they are None.
    """

    done: int
    checkpoint: dict[str, Any]
    finished: bool
    total: int | None = None
    result: dict[str, Any] | None = None


Handler = Callable[[Job, datetime], ChunkResult]
Waker = Callable[[int], None]

_handlers: dict[str, Handler] = {}
_wakers: list[Waker] = []


def handler(kind: str) -> Callable[[Handler], Handler]:
    """Register the handler of a kind of job ("points.expire"). Raises ValueError when the kind has another.

    A handler does one chunk: it reads `job.params` and `job.checkpoint`, writes, and returns. It runs in a
    transaction that commits its writes and its checkpoint together. It must not commit, nor do what a
    rollback cannot take back; for that it publishes to the outbox.
    """

    def register(function: Handler) -> Handler:
        if _handlers.setdefault(kind, function) is not function:
            raise ValueError(f"the job kind {kind!r} already has a handler")
        return function

    return register


def handler_of(kind: str) -> Handler:
    """Raises LookupError for a kind that no loaded app handles."""
    try:
        return _handlers[kind]
    except KeyError:
        raise LookupError(f"no handler for jobs of the kind {kind!r}") from None


def kinds() -> list[str]:
    """The kinds of jobs that loaded apps handle."""
    return sorted(_handlers)


def wake_with(waker: Waker) -> None:
    """Let `waker(job_id)` tell a worker about due jobs. It must not raise: the sweeper finds the job too."""
    _wakers[:] = [waker]


def wake(job_id: int) -> None:
    """Tell a worker once the surrounding transaction has committed."""
    for waker in _wakers:
        transaction.on_commit(lambda waker=waker: waker(job_id), robust=True)  # type: ignore[misc]


@transaction.atomic
def enqueue(
    *,
    kind: str,
    key: str,
    params: Mapping[str, Any],
    now: datetime,
    run_at: datetime | None = None,
    owner: User | None = None,
    target: str = "",
    total: int | None = None,
) -> Job:
    """Ask for work, due at `run_at` or at once. The same key again answers the job that is already there.

    Jobs of one `target` ("members") run one after the other, in the order in which they were asked for.

    Raises LookupError for an unknown kind, KeyTaken when the key names other work.
    """
    handler_of(kind)
    wanted = Job(
        kind=kind, key=key, params=dict(params), run_at=run_at or now, owner=owner, created_at=now,
        target=target, total=total,
    )  # fmt: skip
    Job.objects.bulk_create([wanted], ignore_conflicts=True)
    job = Job.objects.get(key=key)
    if job.kind != kind or job.params != dict(params):
        raise KeyTaken(key=key)
    if job.state == JobState.QUEUED and job.run_at <= now:
        wake(job.pk)
    return job


def due(now: datetime) -> QuerySet[Job]:
    """Jobs to be worked on: queued and due, or running under a lease that has run out.

    A job with a target waits while another one of the target runs or was queued before it.
    """
    others = Job.objects.filter(target=OuterRef("target")).exclude(pk=OuterRef("pk"))
    before = others.filter(Q(state=JobState.RUNNING) | Q(state=JobState.QUEUED, pk__lt=OuterRef("pk")))
    waiting = Q(state=JobState.QUEUED, run_at__lte=now) & (Q(target="") | ~Exists(before))
    lost = Q(state=JobState.RUNNING, locked_until__lte=now)
    return Job.objects.filter(waiting | lost).order_by("run_at", "id")


def wake_next(job: Job) -> None:
    """Tell a worker about the job that waited for this one's target."""
    if job.target:
        behind = Job.objects.filter(target=job.target, state=JobState.QUEUED).exclude(pk=job.pk)
        for job_id in behind.order_by("pk").values_list("pk", flat=True)[:1]:
            wake(job_id)


def sweep(*, now: datetime) -> list[int]:
    """Wake workers for what is due, at most MOST_SWEPT jobs; returns their ids. Repetitions do no harm."""
    ids = list(due(now).values_list("pk", flat=True)[:MOST_SWEPT])
    for job_id in ids:
        wake(job_id)
    return ids


@transaction.atomic
def claim(*, now: datetime, worker: str, job_id: int | None = None) -> Job | None:
    """Take the job that has waited longest, or the given one if it is due; None when there is none.

    Rows that another worker is taking right now are passed over. A job whose worker vanished MAX_ATTEMPTS
    times without one finished chunk is not tried again: it turns into a failure on the way.
    """
    waiting = due(now) if job_id is None else due(now).filter(pk=job_id)
    for _passed_over in range(MOST_SWEPT):
        job = waiting.select_for_update(skip_locked=True, of=("self",)).first()
        if job is None:
            return None
        if job.attempts >= MAX_ATTEMPTS:
            _update(job, state=JobState.FAILED, locked_until=None, finished_at=now,
                    error=job.error or "worker lost")  # fmt: skip
            notices.job_failed(job, now)
            log.error("job given up", job=job.pk, kind=job.kind, attempts=job.attempts)
            continue
        if not _start(job, now):
            waiting = waiting.exclude(target=job.target)
            continue
        log.info("job taken", job=job.pk, kind=job.kind, worker=worker, attempt=job.attempts)
        return job
    return None


def _start(job: Job, now: datetime) -> bool:
    """False when another worker has just taken a job of the same target: the constraint decides, not a
    look.
    """
    values = {
        "state": JobState.RUNNING,
        "attempts": job.attempts + 1,
        "locked_until": now + LEASE,
        "started_at": job.started_at or now,
    }
    if not job.target:
        _update(job, **values)
        return True
    try:
        with transaction.atomic():
            _update(job, **values)
    except IntegrityError:
        return False
    return True


@transaction.atomic
def cancel(*, job_id: int, actor: Actor, reason: str, now: datetime) -> Job:
    """Stop a job for good. What its finished chunks did stays; the chunk that runs right now is rolled back.

    Raises OutOfReach for an unknown job, JobNotOpen when it is already over.
    """
    job = _locked(job_id)
    if job.state not in STOPPABLE:
        raise JobNotOpen(status=job.get_state_display())
    before = job.state
    _update(job, state=JobState.CANCELLED, locked_until=None, finished_at=now)
    wake_next(job)
    audit.record(
        actor=actor, action="job.cancel", subject=job, changes={"state": [before, job.state]},
        reason=reason, now=now,
    )  # fmt: skip
    return job


@transaction.atomic
def pause(*, job_id: int, actor: Actor, now: datetime) -> Job:
    """Let a job rest. The chunk that runs right now is rolled back; others of its target may run meanwhile.

    Raises OutOfReach for an unknown job, JobNotRunning unless it waits or runs.
    """
    job = _locked(job_id)
    if job.state not in OPEN:
        raise JobNotRunning(status=job.get_state_display())
    wake_next(job)
    return _moved(job, JobState.PAUSED, actor, "job.pause", now, locked_until=None)


@transaction.atomic
def resume(*, job_id: int, actor: Actor, now: datetime) -> Job:
    """Let a paused job go on at its checkpoint, though not before it is due: a rest that was ordered is not
    cut short like this. Raises OutOfReach, JobNotPaused.
    """
    job = _locked(job_id)
    if job.state != JobState.PAUSED:
        raise JobNotPaused(status=job.get_state_display())
    due_at = max(job.run_at, now)
    _moved(job, JobState.QUEUED, actor, "job.resume", now, attempts=0, run_at=due_at)
    if due_at == now:
        wake(job.pk)
    return job


@transaction.atomic
def retry(*, job_id: int, actor: Actor, reason: str, now: datetime) -> Job:
    """Give a failed job another MAX_ATTEMPTS attempts, from its checkpoint.

    Raises OutOfReach for an unknown job, JobNotFailed in any other state.
    """
    job = _locked(job_id)
    if job.state != JobState.FAILED:
        raise JobNotFailed(status=job.get_state_display())
    before = job.state
    _update(job, state=JobState.QUEUED, attempts=0, run_at=now, finished_at=None, error="")
    audit.record(
        actor=actor, action="job.retry", subject=job, changes={"state": [before, job.state]},
        reason=reason, now=now,
    )  # fmt: skip
    wake(job.pk)
    return job


def cancel_all_of(*, owner: User, now: datetime) -> int:
    """Stop every open job that a person asked for (T29); returns how many. Part of the caller's transaction.

    Raises RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("cancel_all_of belongs into the transaction that disables the owner")
    return Job.objects.filter(owner=owner, state__in=STOPPABLE).update(
        state=JobState.CANCELLED, locked_until=None, finished_at=now
    )


def _moved(job: Job, state: JobState, actor: Actor, action: str, now: datetime, **values: Any) -> Job:
    before = job.state
    _update(job, state=state, **values)
    audit.record(
        actor=actor, action=action, subject=job, changes={"state": [before, job.state]}, now=now
    )  # fmt: skip
    return job


def _locked(job_id: int) -> Job:
    job = Job.objects.select_for_update().filter(pk=job_id).first()
    if job is None:
        raise OutOfReach
    return job


def _update(job: Job, **values: Any) -> None:
    for name, value in values.items():
        setattr(job, name, value.value if isinstance(value, JobState) else value)
    job.save(update_fields=list(values))
