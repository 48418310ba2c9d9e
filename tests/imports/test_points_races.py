"""Files of points where two meet and where a worker dies: real commits, each race beside its control."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.choices import ImportState, JobState, Role
from backoffice.models import ImportBatch, ImportRow, Job, User
from backoffice.services import job_runner
from backoffice.services.imports import applying, verbs
from points.models import Account, Entry, Program
from tests.conftest import NOON
from tests.factories.backoffice import UserFactory
from tests.factories.members import MemberFactory
from tests.factories.points import AccountFactory, ProgramFactory, give, take
from tests.imports.desk import run
from tests.imports.points_desk import assert_sound, books, look_at, points_file, take_out
from tests.processes import database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
Together = Callable[[list[Callable[[], Any]]], list[Any]]
PEOPLE = 40


@pytest.fixture
def program() -> Program:
    return ProgramFactory(code="main", is_default=True)


@pytest.fixture
def staff() -> tuple[User, User]:
    return UserFactory(role=Role.MARKETER), UserFactory(role=Role.FINANCE)


def approved(lines: list[str], staff: tuple[User, User], **choices: str) -> ImportBatch:
    owner, boss = staff
    batch = look_at(points_file(*lines), owner, policy=choices)
    verbs.confirm(batch_id=batch.pk, actor=Actor.staff(owner), now=NOON)
    batch.refresh_from_db()
    if batch.state == ImportState.WAITING:
        verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
        batch.refresh_from_db()
    return batch


def crowd(count: int = PEOPLE) -> list[str]:
    return [MemberFactory(phone=f"+88691500{n:04}").phone for n in range(count)]


def test_two_files_and_a_till_on_the_same_members_at_once(
    together: Together, program: Program, staff: tuple[User, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "CHUNK", 7)
    phones = crowd()
    hot = Account.objects.get(pk=AccountFactory(member__phone="+886915099999", program=program).pk)
    give(hot, 1_000)
    forwards = [f"{phone},10" for phone in phones]
    backwards = [f"{phone},20" for phone in reversed(phones)]
    batches = [
        approved([*forwards, "+886915099999,30"], staff),
        approved(["+886915099999,40", *backwards], staff),
        approved(["+886915099999,600"], staff, operation="deduct"),
    ]

    def work(batch: ImportBatch) -> None:
        job_runner.run(job_id=batch.job_id or 0, clock=lambda: NOON, worker=f"w{batch.pk}")

    answers = together([*(partial(work, batch) for batch in batches), partial(take, hot, 300)])
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    balances = dict(Account.objects.values_list("member__phone", "balance"))
    assert balances.pop("+886915099999") == 1_000 + 30 + 40 - 600 - 300
    assert balances == dict.fromkeys(phones, 30)
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.DONE}
    assert_sound()


def test_control_what_is_free_when_it_is_read_is_not_free_when_it_is_taken(
    together: Together, program: Program, staff: tuple[User, User]
) -> None:
    """Two previews promise the same points; without the look under the lock both would take them."""
    account = AccountFactory(member__phone="+886915099999", program=program)
    give(account, 100)
    batches = [approved([f"+886915099999,{points}"], staff, operation="deduct") for points in (80, 70)]
    assert [batch.counts["new"] for batch in batches] == [1, 1]

    def work(batch: ImportBatch) -> None:
        job_runner.run(job_id=batch.job_id or 0, clock=lambda: NOON, worker=f"w{batch.pk}")

    together([partial(work, batch) for batch in batches])
    ends = sorted(ImportRow.objects.filter(batch__in=batches).values_list("done", flat=True))
    account.refresh_from_db()
    assert ends == ["applied", "refused"] and account.balance in (20, 30)
    assert_sound()


class Killed(BaseException):
    """The end of a worker: nothing that it might catch."""


def test_every_row_is_booked_and_taken_back_once_through_any_kill(
    program: Program, staff: tuple[User, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "CHUNK", 4)
    phones = crowd(20)
    give(AccountFactory(member__phone="+886915099999", program=program), 500)
    before = books()
    lines = [f"{phone},{n + 1}" for n, phone in enumerate(phones)] + [f"{phones[0]},5", "+886915099999,7"]
    batch = approved(lines, staff)
    _killed_until_done(batch)
    assert batch.counts["done:applied"] == 22 and Entry.objects.filter(kind="import").count() == 22
    assert dict(Account.objects.values_list("member__phone", "balance"))[phones[0]] == 6
    assert_sound()
    verbs.undo(batch_id=batch.pk, actor=Actor.staff(staff[0]), now=NOON)
    batch.refresh_from_db()
    _killed_until_done(batch)
    assert batch.counts["done:undone"] == 22 and books() == before
    assert_sound()


class Knife:
    """Lets `left` statements pass, and kills the worker at the next."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise Killed
        return execute(sql, params, many, context)


def _killed_until_done(batch: ImportBatch) -> None:
    """The job dies at the n-th statement, for ever later n, and another worker takes it up each time."""
    now, statements = NOON, 3
    while Job.objects.get(pk=batch.job_id).state != JobState.DONE:
        try:
            with connection.execute_wrapper(Knife(statements)):
                job_runner.run(job_id=batch.job_id or 0, clock=lambda now=now: now, worker="w")
        except Killed:
            connection.close()
        statements += 5
        now += timedelta(hours=1)
        Job.objects.filter(pk=batch.job_id).update(attempts=0)
    batch.refresh_from_db()


def test_kill_9_between_chunks_resumes_where_it_stopped(
    program: Program, staff: tuple[User, User], tmp_path: Path
) -> None:
    phones = crowd(60)
    batch = approved([f"{phone},10" for phone in phones], staff)
    before = {row.line for row in ImportRow.objects.filter(batch=batch)}
    worker = _worker(batch)
    for _turn in range(900):
        done = Job.objects.get(pk=batch.job_id).done
        if done >= 6:
            break
        assert worker.poll() is None, "the worker ended before it could be killed"
        time.sleep(0.02)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(30)
    job = Job.objects.get(pk=batch.job_id)
    booked = Entry.objects.filter(kind="import").count()
    assert job.state == JobState.RUNNING and 6 <= booked < len(phones)
    assert job.done == booked == ImportRow.objects.filter(batch=batch, done="applied").count()
    later = timezone.now() + timedelta(hours=1)
    assert job_runner.run(job_id=job.pk, clock=lambda: later, worker="the next one")
    batch.refresh_from_db()
    assert batch.counts["done:applied"] == len(before) == Entry.objects.filter(kind="import").count()
    assert set(Account.objects.values_list("balance", flat=True)) == {10}
    assert_sound(later + timedelta(hours=1))
    take_out(batch, later)
    assert not Account.objects.exclude(balance=0).exists()


def _worker(batch: ImportBatch) -> subprocess.Popen[bytes]:
    """A process that does the batch's job two rows a chunk."""
    script = (
        "import django; django.setup()\n"
        "from django.utils import timezone\n"
        "from backoffice.services import job_runner\n"
        "from backoffice.services.imports import applying\n"
        "applying.CHUNK = 2\n"
        f"job_runner.run(job_id={batch.job_id}, clock=timezone.now, worker='victim')\n"
    )
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
    }
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_told_again_a_chunk_books_nothing_twice(
    program: Program, staff: tuple[User, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even with every row's result forgotten: the business event is known by batch and line."""
    phones = crowd(5)
    give(AccountFactory(member__phone="+886915099999", program=program), 50)
    for operation, lines in (
        ("grant", [f"{phone},10" for phone in phones]),
        ("deduct", ["+886915099999,20"]),
    ):
        batch = run(approved(lines, staff, operation=operation))
        count, after = Entry.objects.count(), books()
        with transaction.atomic():
            ImportRow.objects.filter(batch=batch).update(done="", changes=None)
            ImportBatch.objects.filter(pk=batch.pk).update(state=ImportState.APPLYING)
            job = Job.objects.get(pk=batch.job_id)
            job.checkpoint = {}
            applying.apply_chunk(job, NOON)
        assert (Entry.objects.count(), books()) == (count, after)
        assert set(ImportRow.objects.filter(batch=batch).values_list("done", flat=True)) == {"applied"}
    assert_sound()
