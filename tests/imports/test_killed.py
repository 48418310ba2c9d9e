"""C57: kill -9 of real workers while a file is checked, applied and undone: the end is as without."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from backoffice.choices import ImportState, JobState
from backoffice.models import AuditEvent, ImportBatch, Job
from backoffice.services import jobs
from backoffice.services.imports import steps, verbs
from members.models import Member, MemberTag
from members.services.tags import define_tag
from tests.factories.members import MemberFactory
from tests.imports.desk import ROBOT, bring, csv_of, look
from tests.imports.mortal_worker import CHUNK, ON_DISK
from tests.processes import database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
KNOWN, NEW = 200, 600
KILLS = 20
History: Any = Member.pgh_event_models["update"]  # type: ignore[attr-defined]


class Worker:
    """The process that forks mortal workers."""

    def __init__(self, media: Path) -> None:
        environment = os.environ | {
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
            "MEDIA_ROOT": str(media),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.imports.mortal_worker"],
            env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._says() == "ready"

    def work(self, job_id: int, statements: int = 0, milliseconds: float = 0) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{job_id} {statements} {milliseconds}\n")
        self.process.stdin.flush()
        return self._says()

    def _says(self) -> str:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline().strip():
            if line in ("ready", "killed", "lived"):
                return line
        raise AssertionError("the worker's process is gone")


@pytest.fixture
def worker(settings: Any) -> Iterator[Worker]:
    settings.STORAGES = {**settings.STORAGES, **ON_DISK}
    made = Worker(Path(settings.MEDIA_ROOT))
    yield made
    made.process.terminate()
    made.process.wait(30)


def carried_out(worker: Worker, batch: ImportBatch, dice: random.Random, kills: int) -> ImportBatch:
    """Work on the batch's job with so many kills, then let one worker live."""
    batch.refresh_from_db()
    job_id = batch.job_id or 0
    for _life in range(kills):
        said = worker.work(job_id, dice.randrange(4, 60), dice.uniform(0, 4))
        assert said == "killed", "the job was over before it could be killed often enough"
        # Three lives without a finished chunk would be a failure that waits for a person.
        Job.objects.filter(pk=job_id).update(attempts=0)
        _the_dead_leave()
    assert worker.work(job_id) == "lived"
    job = Job.objects.get(pk=job_id)
    assert job.state == JobState.DONE, (job.state, job.error)
    assert not ImportBatch.objects.get(pk=batch.pk).problem
    batch.refresh_from_db()
    return batch


def _the_dead_leave() -> None:
    """The server notices a dead client with its next word; until then it holds the locks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )


def told(batch: ImportBatch) -> dict[str, Any]:
    """What is there now, and how often it was written down: the history and trail of each member."""
    links = MemberTag.objects.values_list("member__phone", "tag__name", "origin")
    phones = dict(Member.objects.values_list("pk", "phone"))
    history = History.objects.filter(pgh_context__metadata__import_batch=batch.pk)
    trail = AuditEvent.objects.filter(action="member.import", changes__import=[None, batch.pk])
    return {
        "members": sorted(Member.objects.values_list("phone", "name", "status")),
        "tags": sorted(links),
        "history": sorted(phones[pk] for pk in history.values_list("pgh_obj_id", flat=True)),
        "trail": sorted(phones[int(pk)] for pk in trail.values_list("subject_id", flat=True)),
        "counts": batch.counts,
    }


def test_twenty_kills_each_while_applying_and_undoing_leave_no_trace(worker: Worker) -> None:
    define_tag(name="常客", group="g", definition="d", owner=None, actor=ROBOT, now=timezone.now())
    for number in range(KNOWN):
        MemberFactory(phone=f"+8869000{number:05}", name="舊", email="")
    before = sorted(Member.objects.values_list("pk", "phone", "name"))
    lines = [f"09000{number:05},名{number},常客" for number in range(KNOWN + NEW)]
    content, dice = csv_of(*lines, head="手機,姓名,標籤"), random.Random(57)
    batch = look(content, now=timezone.now())
    verbs.check(batch_id=batch.pk, fields=None, policy={}, actor=ROBOT, now=timezone.now(), ignore=())
    batch = carried_out(worker, batch, dice, 0)
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=timezone.now())
    killed = told(carried_out(worker, batch, dice, KILLS))
    verbs.undo(batch_id=batch.pk, actor=ROBOT, now=timezone.now())
    batch.refresh_from_db()
    batch = carried_out(worker, batch, dice, KILLS)
    assert batch.state == ImportState.UNDONE and batch.counts["done:undone"] == KNOWN + NEW
    assert sorted(Member.objects.values_list("pk", "phone", "name")) == before
    assert not MemberTag.objects.exists()

    quiet = told(bring(content, again=True, now=timezone.now()))
    assert killed == quiet
    assert len(quiet["history"]) == len(quiet["trail"]) == KNOWN + NEW


def test_kills_while_a_plain_list_is_applied_and_undone_leave_no_trace(worker: Worker) -> None:
    """Its rows carry their results from the check on: they hold as far as the checkpoint that survived."""
    define_tag(name="常客", group="g", definition="d", owner=None, actor=ROBOT, now=timezone.now())
    for number in range(NEW):
        MemberFactory(phone=f"+8869000{number:05}")
    lines, dice = [f"09000{number:05},常客" for number in range(NEW)], random.Random(59)
    batch = look(csv_of(*lines, head="手機,標籤"), kind="tags", now=timezone.now())
    verbs.check(batch_id=batch.pk, fields=None, policy={}, actor=ROBOT, now=timezone.now(), ignore=())
    batch = carried_out(worker, batch, dice, KILLS // 4)
    assert batch.counts["changed"] == NEW and not MemberTag.objects.exists()
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=timezone.now())
    batch.refresh_from_db()
    for _part in range(2):
        worker.work(batch.job_id or 0, dice.randrange(40, 120))
        Job.objects.filter(pk=batch.job_id).update(attempts=0)
        _the_dead_leave()
        assert steps.count_rows(batch).get("done:applied", 0) == MemberTag.objects.count()
    batch = carried_out(worker, batch, dice, KILLS // 4)
    assert batch.counts["done:applied"] == NEW == MemberTag.objects.count()
    verbs.undo(batch_id=batch.pk, actor=ROBOT, now=timezone.now())
    batch = carried_out(worker, batch, dice, KILLS // 4)
    assert batch.state == ImportState.UNDONE and batch.counts["done:undone"] == NEW
    assert not MemberTag.objects.exists()


def test_kills_while_a_file_is_checked_leave_every_line_staged_once(worker: Worker) -> None:
    lines = [f"09000{number:05},名{number}" for number in range(NEW)] + ["0900000000,又", "x,壞"]
    content, dice = csv_of(*lines), random.Random(58)
    batch = look(content, now=timezone.now())
    verbs.check(batch_id=batch.pk, fields=None, policy={}, actor=ROBOT, now=timezone.now(), ignore=())
    killed = carried_out(worker, batch, dice, KILLS // 2)
    other = look(content, now=timezone.now())
    verbs.check(batch_id=other.pk, fields=None, policy={}, actor=ROBOT, now=timezone.now(), ignore=())
    quiet = carried_out(worker, other, dice, 0)
    assert killed.counts == quiet.counts
    assert (quiet.counts["new"], quiet.counts["duplicate"], quiet.counts["error"]) == (NEW, 1, 1)
    assert killed.content_hash == quiet.content_hash
    assert killed.rows.count() == NEW + 2


def test_a_stop_from_elsewhere_ends_a_working_worker_between_two_chunks(worker: Worker) -> None:
    """C58: what is in is counted, stays in, and goes back with an undo."""
    batch = look(csv_of(*(f"09000{number:05},名{number}" for number in range(NEW))), now=timezone.now())
    verbs.check(batch_id=batch.pk, fields=None, policy={}, actor=ROBOT, now=timezone.now(), ignore=())
    batch = carried_out(worker, batch, random.Random(0), 0)
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=timezone.now())
    batch.refresh_from_db()
    assert worker.process.stdin is not None
    worker.process.stdin.write(f"{batch.job_id} 0 0\n")
    worker.process.stdin.flush()
    while Job.objects.get(pk=batch.job_id).done < 40:
        pass
    verbs.stop(batch_id=batch.pk, actor=ROBOT, now=timezone.now())
    assert worker._says() == "lived"
    batch.refresh_from_db()
    brought = batch.counts["done:applied"]
    assert batch.state == ImportState.APPLIED and 40 <= brought < NEW and brought % CHUNK == 0
    assert Member.objects.count() == brought
    assert Job.objects.get(pk=batch.job_id).state == JobState.CANCELLED
    verbs.undo(batch_id=batch.pk, actor=ROBOT, now=timezone.now())
    assert jobs.due(timezone.now()).count() == 1
    batch = carried_out(worker, batch, random.Random(0), 0)
    assert batch.counts["done:undone"] == brought and not Member.objects.exists()
