"""The small rooms: audit trail, locks by name, heartbeat, schedule, masks."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from celery import current_app
from django.db import DatabaseError, connection, transaction

from backoffice import masking
from backoffice.actors import Actor
from backoffice.models import AuditEvent, Heartbeat
from backoffice.selectors import trail_of
from backoffice.services import audit, heartbeats, jobs, periodic
from backoffice.services.locks import one_at_a_time, wait_for
from backoffice.tasks import beat_heartbeat, relay_outbox, run_job, sweep_jobs
from config import schedule
from tests.factories.backoffice import JobFactory, StoreFactory

NOW = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
ACTOR = Actor("staff", "7", "林志明", "request-1")


@pytest.mark.django_db
def test_an_act_is_recorded_without_the_person_in_it() -> None:
    store = StoreFactory()
    event = audit.record(
        actor=ACTOR,
        action="member.edit",
        subject=store,
        now=NOW,
        reason="客人來電 0912-345-678",
        changes={
            "name": ["王小明", "王大明"], "phone": [None, "+886912345678"], "email": ["a@b.tw", ""],
            "birthday": ["1990-01-02", None], "points": [1, 2], "amount": [Decimal("1.50"), None],
            "note": ["call +886 912 345 678", ""], "nested": {"phone": "0912345678"},
        },
    )  # fmt: skip
    text = str(event.changes) + event.reason
    for secret in ("小", "12345", "912 345", "a@b", "1990"):
        assert secret not in text
    assert event.changes["points"] == [1, 2] and event.changes["amount"] == ["1.50", None]
    assert (event.actor_id, event.actor_name, event.request_id) == ("7", "林志明", "request-1")
    assert list(trail_of(store)) == [event]


@pytest.mark.django_db
def test_the_trail_is_append_only() -> None:
    event = audit.record(actor=ACTOR, action="x", subject=StoreFactory(), now=NOW)
    for abuse in (
        lambda: AuditEvent.objects.filter(pk=event.pk).update(reason="nothing"),
        lambda: AuditEvent.objects.filter(pk=event.pk).delete(),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            abuse()


@pytest.mark.django_db(transaction=True)
def test_records_and_waiting_locks_need_a_transaction() -> None:
    store = StoreFactory()
    with pytest.raises(RuntimeError):
        audit.record(actor=ACTOR, action="x", subject=store, now=NOW)
    with pytest.raises(RuntimeError):
        wait_for("x")
    with pytest.raises(RuntimeError):
        jobs.cancel_all_of(owner=store, now=NOW)  # type: ignore[arg-type]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_one_at_a_time(together: Callable[[list[Callable[[], Any]]], list[Any]]) -> None:
    def other(name: str) -> bool:
        with one_at_a_time(name) as mine:
            return mine

    with one_at_a_time("expire") as mine:
        assert mine
        assert together([lambda: other("expire"), lambda: other("settle")]) == [False, True]
    assert together([lambda: other("expire")]) == [True]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_schedulers_at_once_sweep_once(
    monkeypatch: pytest.MonkeyPatch, together: Callable[[list[Callable[[], Any]]], list[Any]]
) -> None:
    def hold(job_id: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.15)")

    monkeypatch.setattr(jobs, "wake", hold)
    job = JobFactory(run_at=NOW)
    answers = together([lambda: periodic.sweep_jobs(now=NOW)] * 2)
    assert sorted(answers) == [[], [job.pk]]


@pytest.mark.django_db
def test_one_heartbeat_a_name() -> None:
    for minute in (0, 1):
        heartbeats.beat(name="scheduler", now=NOW.replace(minute=minute), detail={"n": minute})
    row = Heartbeat.objects.get()
    assert row.at.minute == 1 and row.detail == {"n": 1}


@pytest.mark.django_db
def test_the_tasks_are_thin_doors() -> None:
    for task in (sweep_jobs, relay_outbox, beat_heartbeat):
        task()
    run_job(10**9)
    assert Heartbeat.objects.get().name == "scheduler"


def test_every_entry_of_the_schedule_names_a_task_that_exists() -> None:
    # A command has our Celery too, not Celery's own default that talks to nobody.
    assert current_app.main == "shuke"
    current_app.loader.import_default_modules()
    assert {entry["task"] for entry in schedule.BEAT_SCHEDULE.values()} <= set(current_app.tasks)
    assert current_app.conf.beat_schedule == schedule.BEAT_SCHEDULE


@pytest.mark.parametrize("module", [masking, schedule])
def test_the_examples_in_the_text(module: Any) -> None:
    assert doctest.testmod(module).failed == 0
