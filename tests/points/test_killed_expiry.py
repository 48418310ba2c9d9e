"""kill -9 in the middle of an expiry run: the next worker goes on behind the last committed account."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from backoffice.choices import JobState
from backoffice.models import Job
from backoffice.services import job_runner
from points.models import Account, Entry
from points.services import proofs
from tests.conftest import NOON
from tests.factories.points import AccountFactory, ProgramFactory, give
from tests.processes import database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
ACCOUNTS = 120
DAY = timedelta(days=1)


def start_worker(as_of: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", "expire_points", "--as-of", as_of, "--accounts", "1"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for_some_batches(worker: subprocess.Popen[bytes]) -> int:
    for _ in range(600):
        done = Job.objects.filter(kind="points.expire").values_list("done", flat=True).first() or 0
        if done >= 3:
            return done
        assert worker.poll() is None, "the worker ended before it could be killed"
        time.sleep(0.02)
    raise AssertionError("no batch in twelve seconds")


def test_a_killed_run_is_taken_up_where_it_stopped() -> None:
    program = ProgramFactory()
    for _ in range(ACCOUNTS):
        give(AccountFactory(program=program), 10, expires_at=NOON + DAY)
    as_of = NOON + DAY
    worker = start_worker(as_of.isoformat())
    wait_for_some_batches(worker)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(30)
    job = Job.objects.get(kind="points.expire")
    emptied = Entry.objects.filter(kind="expire").count()
    assert job.state == JobState.RUNNING and 3 <= emptied < ACCOUNTS
    assert job.done == emptied  # the checkpoint and its effects were committed together

    after_the_lease = timezone.now() + timedelta(hours=1)
    assert job_runner.run(job_id=job.pk, clock=lambda: after_the_lease, worker="the next one")
    job.refresh_from_db()
    assert (job.state, job.done) == (JobState.DONE, ACCOUNTS)
    assert Entry.objects.filter(kind="expire").count() == ACCOUNTS
    assert not Account.objects.exclude(balance=0).exists()
    report = proofs.prove(now=timezone.now() + timedelta(hours=2))
    assert [(check.id, check.offenders) for check in report.checks if not check.ok] == []
