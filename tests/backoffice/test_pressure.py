"""Long work gives way to whoever waits for the database, and goes on after a while in any case."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction

from backoffice.choices import JobState
from backoffice.models import Brand, Job
from backoffice.services import job_runner, jobs, pressure
from backoffice.services.jobs import ChunkResult
from backoffice.services.pressure import Brake, Pressure
from tests.conftest import NOON
from tests.factories.backoffice import BrandFactory

CALM, HIGH = Pressure(), Pressure(waiting=50)


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 100.0, 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


def brake(signs: Iterator[Pressure], time: Time) -> Brake:
    return Brake(lambda: next(signs), time.sleep, lambda: time.now)


def test_nobody_waits_for_a_calm_database() -> None:
    time = Time()
    assert brake(iter([CALM]), time)() == 0 == time.slept


def test_it_rests_until_the_pressure_is_gone() -> None:
    time = Time()
    assert brake(iter([HIGH, HIGH, HIGH, CALM]), time)() == pytest.approx(3 * Brake.step)


def test_a_rest_ends_however_high_the_pressure_stays(settings: Any) -> None:
    settings.JOBS_REST_MOST_SECONDS = 1
    time = Time()
    assert brake(iter([HIGH] * 100), time)() == pytest.approx(1.0)


def test_it_looks_at_most_every_half_second() -> None:
    time, looks = Time(), iter([CALM, CALM])
    stop = brake(looks, time)
    for _chunk in range(10):
        stop()
        time.now += 0.09
    assert next(looks, None) is None


@pytest.mark.parametrize(
    ("setting", "sign"),
    [
        ("JOBS_REST_WAITING", Pressure(waiting=3)),
        ("JOBS_REST_WAIT_SECONDS", Pressure(longest_wait=3)),
        ("JOBS_REST_LAG_SECONDS", Pressure(replica_lag=3)),
    ],
)
def test_each_sign_has_its_setting(settings: Any, setting: str, sign: Pressure) -> None:
    setattr(settings, setting, 3)
    assert sign.is_high
    setattr(settings, setting, 4)
    assert not sign.is_high


@pytest.mark.django_db
def test_the_runner_brakes_before_each_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_handlers", {})
    monkeypatch.setattr(jobs, "_wakers", [])
    order: list[str] = []

    @jobs.handler("tests.three")
    def three(job: Job, now: datetime) -> ChunkResult:
        order.append("chunk")
        count = int(job.checkpoint.get("n", 0)) + 1
        return ChunkResult(1, {"n": count}, finished=count == 3)

    job = jobs.enqueue(kind="tests.three", key="k", params={}, now=NOON)
    job_runner.run(job_id=job.pk, clock=lambda: NOON, worker="t", brake=lambda: order.append("brake"))
    assert order == ["brake", "chunk"] * 3
    job.refresh_from_db()
    assert job.state == JobState.DONE


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_whoever_waits_for_a_lock_is_seen() -> None:
    brand = BrandFactory()
    assert pressure.look() == CALM
    waits = Event()

    def wait() -> None:
        waits.set()
        Brand.objects.filter(pk=brand.pk).update(name="two")
        connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        Brand.objects.filter(pk=brand.pk).update(name="one")
        pool.submit(wait)
        assert waits.wait(timeout=10)
        # Longer than anybody may wait for a lock.
        until = time.monotonic() + 10
        seen = pressure.look()
        while not seen.waiting and time.monotonic() < until:
            seen = pressure.look()
        assert seen.waiting == 1 and seen.longest_wait > 0
    assert pressure.look() == CALM
