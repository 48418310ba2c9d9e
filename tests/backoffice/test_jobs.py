from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from backoffice.actors import Actor
from backoffice.choices import JobState
from backoffice.errors import JobNotFailed, JobNotOpen, KeyTaken, Refusal
from backoffice.models import AuditEvent, Job
from backoffice.models.jobs import MAX_ATTEMPTS
from backoffice.services import job_runner, jobs
from backoffice.services.jobs import LEASE, ChunkResult
from tests.backoffice import counting
from tests.factories.backoffice import JobFactory, UserFactory
from tests.processes import database_url

NOW = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
ACTOR = Actor.job("tests")


@pytest.fixture(autouse=True)
def _counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the patch that tests replace the handler with: who goes last must not bring it back for good."""
    monkeypatch.setitem(jobs._handlers, "tests.count", counting.count)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """No Celery: the ids for which a worker would have been woken."""
    woken: list[int] = []
    monkeypatch.setattr(jobs, "_wakers", [woken.append])
    return woken


def ask(items: int = 5, key: str = "count", **more: Any) -> Job:
    run_at = more.pop("run_at", None)
    return jobs.enqueue(kind="tests.count", key=key, params={"items": items, **more}, now=NOW, run_at=run_at)


def run(job: Job, now: datetime = NOW) -> Job:
    done = job_runner.run(job_id=job.pk, clock=lambda: now, worker="test")
    assert done is not None
    return done


@pytest.mark.django_db
def test_a_job_runs_in_chunks_to_its_end() -> None:
    job = run(ask(5))
    assert (job.state, job.done, job.total, job.result) == ("done", 5, 5, {"last": 5})
    assert job.checkpoint == {"next": 5}
    assert job.locked_until is None and job.finished_at == NOW
    assert counting.items() == [0, 1, 2, 3, 4]


@pytest.mark.django_db
def test_the_same_key_is_the_same_job() -> None:
    assert ask(5).pk == ask(5).pk
    with pytest.raises(KeyTaken):
        ask(6)
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_an_unknown_kind_is_not_queued() -> None:
    with pytest.raises(LookupError):
        jobs.enqueue(kind="tests.nothing", key="x", params={}, now=NOW)
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_a_worker_is_woken_after_the_commit_only(
    quiet: list[int], django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = ask(1)
        later = ask(1, key="later", run_at=NOW + timedelta(hours=1))
        assert quiet == []
    assert quiet == [job.pk]
    assert jobs.claim(now=NOW, worker="w", job_id=later.pk) is None


@pytest.mark.django_db
def test_a_dead_broker_costs_the_caller_nothing(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    from backoffice import tasks

    def dead(**_arguments: Any) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(tasks.run_job, "apply_async", dead)
    with django_capture_on_commit_callbacks(execute=True):
        job = ask(1)
    assert jobs.sweep(now=NOW) == [job.pk]


@pytest.mark.django_db
def test_the_sweeper_finds_what_is_due_and_what_lost_its_worker(quiet: list[int]) -> None:
    due = JobFactory(run_at=NOW)
    lost = JobFactory(state=JobState.RUNNING.value, locked_until=NOW, attempts=1, run_at=NOW)
    JobFactory(run_at=NOW + timedelta(seconds=1))
    JobFactory(state=JobState.RUNNING.value, locked_until=NOW + LEASE, run_at=NOW)
    JobFactory(state=JobState.DONE.value, run_at=NOW)
    assert jobs.sweep(now=NOW) == [due.pk, lost.pk]


@pytest.mark.django_db
def test_a_failing_chunk_is_rolled_back_and_tried_again_up_to_the_limit() -> None:
    job = ask(6, fail_at=3)
    now = NOW
    for attempt in range(1, MAX_ATTEMPTS + 1):
        job = run(job, now)
        # The second chunk wrote item 2 and failed at 3: nothing of it stayed.
        assert counting.items() == [0, 1] and job.checkpoint == {"next": 2}
        assert "OSError" in job.error and "0912" not in job.error
        if attempt == 1:
            # The first chunk was progress, so its attempt does not count.
            assert job.attempts == 0
        if job.state == JobState.FAILED:
            break
        assert job.run_at > now
        assert jobs.claim(now=now, worker="w", job_id=job.pk) is None
        now = job.run_at
    for _attempt in range(MAX_ATTEMPTS):
        if job.state != JobState.FAILED:
            job = run(job, job.run_at)
    assert job.state == JobState.FAILED and job.finished_at is not None
    assert jobs.claim(now=NOW + timedelta(days=9), worker="w") is None


@pytest.mark.django_db
def test_a_refusal_is_final() -> None:
    def refuse(job: Job, now: datetime) -> ChunkResult:
        raise Refusal

    jobs.handler("tests.refuse")(refuse)
    job = jobs.enqueue(kind="tests.refuse", key="r", params={}, now=NOW)
    try:
        assert run(job).state == JobState.FAILED
    finally:
        jobs._handlers.pop("tests.refuse")


@pytest.mark.django_db
def test_a_handler_that_stands_still_is_stopped() -> None:
    jobs.handler("tests.stuck")(lambda job, now: ChunkResult(done=1, checkpoint={}, finished=False))
    job = jobs.enqueue(kind="tests.stuck", key="s", params={}, now=NOW)
    try:
        assert "HandlerStuck" in run(job).error
    finally:
        jobs._handlers.pop("tests.stuck")


@pytest.mark.django_db
def test_a_worker_that_vanishes_again_and_again_ends_in_a_failure() -> None:
    job = ask(1)
    now = NOW
    for _attempt in range(MAX_ATTEMPTS):
        assert jobs.claim(now=now, worker="w") is not None
        now += LEASE
    assert jobs.claim(now=now, worker="w") is None
    job.refresh_from_db()
    assert job.state == JobState.FAILED and job.error == "worker lost"


@pytest.mark.django_db
def test_a_long_job_goes_back_to_the_queue_after_its_turn(
    quiet: list[int], django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    times = iter(NOW + timedelta(minutes=4 * n) for n in range(1000))
    job = ask(20)
    with django_capture_on_commit_callbacks(execute=True):
        done = job_runner.run(job_id=job.pk, clock=lambda: next(times), worker="w")
    assert done is not None and done.state == JobState.QUEUED and 0 < done.done < 20
    assert quiet == [job.pk]
    assert run(job, done.run_at).state == JobState.DONE
    assert counting.items() == list(range(20))


@pytest.mark.django_db
def test_cancel_between_chunks_stops_and_what_was_done_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    job = ask(6)
    calls = 0
    real = counting.count

    def cancelled_in_the_second_chunk(row: Job, now: datetime) -> ChunkResult:
        nonlocal calls
        calls += 1
        answer = real(row, now)
        if calls == 2:
            jobs.cancel(job_id=row.pk, actor=ACTOR, reason="enough", now=now)
        return answer

    # In one connection the cancelling is part of the chunk; so it is rolled back with it unless kept outside.
    monkeypatch.setitem(jobs._handlers, "tests.count", cancelled_in_the_second_chunk)
    done = run(job)
    assert calls == 2 and done.state != JobState.DONE
    assert counting.items() == [0, 1]


@pytest.mark.django_db
def test_cancel_and_retry_say_no_in_the_wrong_state() -> None:
    job = ask(1)
    with pytest.raises(JobNotFailed):
        jobs.retry(job_id=job.pk, actor=ACTOR, reason="", now=NOW)
    jobs.cancel(job_id=job.pk, actor=ACTOR, reason="wrong file", now=NOW)
    with pytest.raises(JobNotOpen):
        jobs.cancel(job_id=job.pk, actor=ACTOR, reason="", now=NOW)
    assert job_runner.run(job_id=job.pk, clock=lambda: NOW, worker="w") is None
    assert AuditEvent.objects.get().action == "job.cancel"


@pytest.mark.django_db
def test_a_failed_job_can_be_tried_again_from_its_checkpoint() -> None:
    job = JobFactory(
        params={"items": 4},
        checkpoint={"next": 2},
        done=2,
        state=JobState.FAILED.value,
        attempts=3,
        error="x",
    )
    jobs.retry(job_id=job.pk, actor=ACTOR, reason="disk is free again", now=NOW)
    done = run(job)
    assert (done.state, done.done, done.error) == ("done", 4, "")
    assert counting.items() == [2, 3]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_workers_never_take_the_same_job(
    quiet: list[int], together: Callable[[list[Callable[[], Any]]], list[Any]]
) -> None:
    wanted = {JobFactory(run_at=NOW).pk for _ in range(6)}
    taken = together([lambda: jobs.claim(now=NOW, worker="w")] * 6)
    assert sorted(job.pk for job in taken if job) == sorted({job.pk for job in taken if job})
    # SKIP LOCKED may leave one over to the next look, never give one out twice.
    while job := jobs.claim(now=NOW, worker="w"):
        taken.append(job)
    assert {job.pk for job in taken if job} == wanted
    # Control: without the row lock, everybody reads the same oldest job.
    Job.objects.update(state=JobState.QUEUED.value, locked_until=None, attempts=0)
    read = together([lambda: jobs.due(NOW).first()] * 6)
    assert len({job.pk for job in read}) == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_chunk_of_a_worker_that_was_overtaken_is_rolled_back(quiet: list[int]) -> None:
    job = ask(6)
    slow = jobs.claim(now=NOW, worker="slow")
    other = jobs.claim(now=NOW + LEASE, worker="other")
    assert slow is not None and other is not None
    # The slow worker wakes up with a chunk that no constraint would refuse: only the lease is in its way.
    chunk = ChunkResult(done=2, checkpoint={"next": 2}, finished=False)
    with pytest.raises(job_runner.LeaseLost), transaction.atomic():
        job_runner._keep(slow, chunk, NOW + LEASE)
    job.refresh_from_db()
    assert (job.done, job.checkpoint) == (0, {})
    job_runner._keep(other, chunk, NOW + LEASE)
    job.refresh_from_db()
    assert (job.done, job.checkpoint) == (2, {"next": 2})


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_cancel_from_elsewhere_does_not_wait_for_the_chunk_and_undoes_it(
    quiet: list[int],
    monkeypatch: pytest.MonkeyPatch,
    together: Callable[[list[Callable[[], Any]]], list[Any]],
) -> None:
    job = ask(6)
    real = counting.count
    chunks: list[int] = []

    def cancelled_meanwhile(row: Job, now: datetime) -> ChunkResult:
        answer = real(row, now)
        chunks.append(answer.done)
        if len(chunks) == 2:
            # Another connection, while our transaction is open.
            [cancelled] = together([lambda: jobs.cancel(job_id=row.pk, actor=ACTOR, reason="", now=now)])
            assert isinstance(cancelled, Job)
        return answer

    monkeypatch.setitem(jobs._handlers, "tests.count", cancelled_meanwhile)
    done = run(job)
    assert done.state == JobState.CANCELLED and done.done == 2
    assert counting.items() == [0, 1]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_costs_nothing_but_time(quiet: list[int]) -> None:
    """kill -9 in the middle of a chunk; after the lease, somebody else goes on at the checkpoint."""
    job = ask(7, hang_at=4)
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "DATABASE_URL": database_url(),
    }
    code = (
        "import django; django.setup(); from tests.backoffice.counting import run_and_hang;"
        f"run_and_hang({job.pk})"
    )
    command = [sys.executable, "-c", code, "--hang"]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"hanging\n"
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=10)
    job.refresh_from_db()
    assert (job.state, job.done, job.checkpoint) == ("running", 4, {"next": 4})
    assert job.locked_until is not None
    assert jobs.sweep(now=job.locked_until - timedelta(seconds=1)) == []
    assert jobs.sweep(now=job.locked_until) == [job.pk]
    done = run(job, job.locked_until)
    assert (done.state, done.done) == ("done", 7)
    assert counting.items() == list(range(7))


@pytest.mark.django_db
def test_jobs_of_shows_foreign_jobs_only_to_the_group() -> None:
    from backoffice.selectors import jobs_of

    owner, auditor = UserFactory(role="clerk", stores=[]), UserFactory(role="auditor")
    mine, other = JobFactory(owner=owner), JobFactory()
    assert list(jobs_of(owner)) == [mine]
    assert set(jobs_of(auditor)) == {mine, other}
