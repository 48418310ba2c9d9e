"""The job behind an export: kills, pauses, rows that come and go meanwhile, and memory."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection

from backoffice.actors import Actor
from backoffice.choices import ExportState, Role
from backoffice.errors import OutOfReach
from backoffice.models import Export, Job, User
from backoffice.services import job_runner, jobs
from backoffice.services.exports import retention, storage, verbs, writing
from tests.conftest import NOON
from tests.exports.desk import asked, made, sheets, table, work, xml_of
from tests.factories.backoffice import UserFactory
from tests.factories.members import MemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def marketer(db: Any) -> User:
    return UserFactory(role=Role.MARKETER)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CHUNK", 3)


def one_chunk(export: Export) -> Job:
    """A worker that dies after one chunk: the row stays as it left it."""
    job = jobs.claim(now=NOON, worker="mortal", job_id=export.job_id)
    assert job is not None
    job_runner._chunk(job, lambda: NOON, int)
    return job


def cards(export: Export) -> list[str]:
    rows = next(iter(sheets(export).values())) if export.format == "xlsx" else table(export)
    return [row[0] for row in rows[1:]]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("dies", [1, 2, 3, 4])
def test_a_worker_that_dies_anywhere_leaves_no_row_twice(
    form: str,
    dies: int,
    marketer: User,
    small_chunks: None,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    wanted = [MemberFactory().card_no for _n in range(8)]
    export = asked("members", marketer, columns=["card_no"], format=form)
    calls = iter(range(1, 100))
    whole = storage.keep_written

    def dying(*args: Any) -> Any:
        kept = whole(*args)
        if next(calls) == dies:
            raise ConnectionError("the machine went away behind the write")
        return kept

    monkeypatch.setattr(storage, "keep_written", dying)
    work(export)
    with django_capture_on_commit_callbacks(execute=True):
        work(export, NOON + timedelta(minutes=5))
    assert cards(export) == wanted and export.rows == 8
    assert export.job is not None and export.job.done == 8
    # Parts, and what the dead worker left, are gone.
    assert default_storage.listdir(f"{storage.ROOT}/{export.folder}")[1] == [export.file]


def test_a_worker_that_was_overtaken_writes_nothing(marketer: User, small_chunks: None) -> None:
    wanted = [MemberFactory().card_no for _n in range(8)]
    export = asked("members", marketer, columns=["card_no"])
    slow = one_chunk(export)
    work(export, NOON + timedelta(minutes=10))
    with pytest.raises(job_runner.LeaseLost):
        job_runner._chunk(slow, lambda: NOON + timedelta(minutes=11), int)
    export.refresh_from_db()
    assert cards(export) == wanted


def test_rows_that_come_and_go_meanwhile_move_no_other(
    marketer: User, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = [MemberFactory() for _n in range(8)]
    wanted = [member.card_no for member in members[:-1]]
    export = asked("members", marketer, columns=["card_no"])
    part = writing._part

    def meanwhile(*args: Any) -> Any:
        MemberFactory()
        name = part(*args)
        # One that is in the file already, and the last one that was to come.
        for gone in (members[0], members[-1]):
            if gone.pk:
                gone.delete()
        return name

    monkeypatch.setattr(writing, "_part", meanwhile)
    work(export)
    assert cards(export) == wanted


def test_the_owner_pauses_goes_on_and_stops(marketer: User, small_chunks: None) -> None:
    for _n in range(7):
        MemberFactory()
    export = asked("members", marketer, columns=["card_no"])
    actor = Actor.staff(marketer)
    job = one_chunk(export)
    verbs.pause(export_id=export.pk, actor=actor, now=NOON)
    with pytest.raises(job_runner.LeaseLost):
        job_runner._chunk(job, lambda: NOON, int)
    export.refresh_from_db()
    assert export.state_at(NOON) == ExportState.PAUSED
    verbs.resume(export_id=export.pk, actor=actor, now=NOON)
    assert len(cards(work(export))) == 7
    other = asked("members", marketer)
    with pytest.raises(OutOfReach):
        verbs.stop(export_id=other.pk, actor=Actor.staff(UserFactory(role=Role.MARKETER)), now=NOON)
    verbs.stop(export_id=other.pk, actor=actor, now=NOON)
    assert work(other).state_at(NOON) == ExportState.STOPPED


def test_parts_of_an_export_that_rests_for_ever_are_forgotten(
    marketer: User, small_chunks: None, django_capture_on_commit_callbacks: Any
) -> None:
    MemberFactory()
    export = asked("members", marketer)
    one_chunk(export)
    job = Job.objects.get(pk=export.job_id)
    job_runner._chunk(job, lambda: NOON, int)
    folder = f"{storage.ROOT}/{export.folder}"
    assert default_storage.listdir(folder)[1]
    verbs.pause(export_id=export.pk, actor=Actor.staff(marketer), now=NOON)
    with django_capture_on_commit_callbacks(execute=True):
        assert retention.forget_old(now=NOON + timedelta(days=30)) == 1
    with pytest.raises(FileNotFoundError):
        default_storage.listdir(folder)


def test_too_many_rows_are_refused_before_anything_is_written(marketer: User, settings: Any) -> None:
    settings.EXPORT_MOST_ROWS = 2
    for _n in range(3):
        MemberFactory()
    export = work(asked("members", marketer))
    assert export.job is not None and export.job.state == "failed"
    assert "at most 2" in export.job.error


def test_one_person_has_one_export_under_way(marketer: User) -> None:
    first, second = asked("members", marketer), asked("tags", marketer)
    job = jobs.claim(now=NOON, worker="a")
    assert job is not None and job.pk == first.job_id
    assert jobs.claim(now=NOON, worker="b") is None
    assert second.job is not None


def many_members(first: int, last: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO members_member (card_no, phone, name, status, source, joined_at,"
            " referring_store_locked, gender, email, county, district, address, created_at, updated_at)"
            " SELECT lpad(n::text, 16, '0'), '+8869' || lpad(n::text, 8, '0'), '王小明', 'active', 'store',"
            " now(), false, '', '', '臺北市', '信義區', '市府路 45 號', now(), now()"
            " FROM generate_series(%s, %s) n",
            [first, last],
        )


def peak_of(form: str, marketer: User) -> int:
    export = asked("members", marketer, columns=["card_no", "phone", "name", "tags"], format=form)
    tracemalloc.start()
    try:
        work(export)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_memory_does_not_grow_with_the_rows(
    form: str, marketer: User, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)},
        },
    }  # fmt: skip
    monkeypatch.setattr(writing, "CHUNK", 1000)
    many_members(1, 1000)
    small = peak_of(form, marketer)
    many_members(1001, 50_000)
    large = peak_of(form, marketer)
    assert Export.objects.latest("pk").rows == 50_000
    # The list of the parts' names, no more.
    assert large < small + 1_000_000, (small, large)


def test_a_sheet_is_valid_xml_with_all_cells_as_text(marketer: User) -> None:
    MemberFactory(county="A&B <c>\x0b", district="  x ")
    xml = xml_of(made("members", marketer, columns=["county", "district"], format="xlsx"))
    assert "A&amp;B &lt;c&gt;</t>" in xml and 'xml:space="preserve">  x </t>' in xml
