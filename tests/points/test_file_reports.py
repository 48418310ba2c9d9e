"""Points by file in the reports about staff: who gave them, who said yes, what became of them."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.choices import ImportState, Reach, Role
from backoffice.models import AuditEvent, ImportBatch, User
from backoffice.services import job_runner
from backoffice.services.imports import applying, verbs
from points import import_kinds
from points.models import Entry, Program
from points.reporting import files, staff
from tests.conftest import NOON
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.members import MemberFactory
from tests.factories.points import AccountFactory, ProgramFactory, give
from tests.imports.desk import run
from tests.imports.points_desk import look_at, points_file, put_in, take_out
from tests.points.test_staff_reports import correction

pytestmark = pytest.mark.django_db
SPAN: dict[str, Any] = {"start": NOON - timedelta(days=30), "end": NOON + timedelta(days=1)}
EN = {"Accept-Language": "en"}


@pytest.fixture
def program() -> Program:
    program: Program = ProgramFactory(code="main", is_default=True)
    for number in range(6):
        MemberFactory(phone=f"+8869120000{number:02}")
    return program


@pytest.fixture
def marketer() -> User:
    return UserFactory(role=Role.MARKETER, name="行銷")


@pytest.fixture
def boss() -> User:
    return UserFactory(role=Role.FINANCE, name="財務")


@pytest.fixture
def auditor() -> User:
    return UserFactory(role=Role.AUDITOR, name="稽核")


def lines(points: int, count: int = 3) -> bytes:
    return points_file(*(f"09120000{n:02},{points}" for n in range(count)))


def booked(batch: ImportBatch) -> int:
    entries = Entry.objects.filter(source_type="import", source_id__startswith=f"{batch.pk}:")
    return sum(entries.values_list("points", flat=True))


def test_the_kind_is_called_like_that() -> None:
    assert import_kinds.POINTS.name == files.KIND


def test_a_file_is_listed_with_its_people_and_what_the_books_say(
    program: Program, marketer: User, boss: User, auditor: User
) -> None:
    given = put_in(lines(600), marketer, boss)
    taken = put_in(lines(100, 2), marketer, boss, policy={"operation": "deduct"})
    alone = put_in(points_file("0912000000,7"), marketer)
    look_at(lines(5), marketer)
    found = {one.batch_id: one for one in files.points_files(user=auditor, **SPAN)}
    assert set(found) == {given.pk, taken.pk, alone.pk}
    in_order = [found[batch.pk] for batch in (given, taken, alone)]
    assert [(one.given, one.taken, one.rows) for one in in_order] == [(1_800, 0, 3), (0, 200, 2), (7, 0, 1)]
    assert (booked(given), booked(taken), booked(alone)) == (1_800, -200, 7)
    assert found[given.pk].people == {"owner": "行銷", "confirmer": "行銷", "approver": "財務"}
    assert found[alone.pk].people == {"owner": "行銷", "confirmer": "行銷", "approver": ""}
    only = files.points_files(user=auditor, approved=True, **SPAN)
    assert {one.batch_id for one in only} == {given.pk, taken.pk}


def test_what_was_undone_stays_in_the_list_and_says_so(
    program: Program, marketer: User, boss: User, auditor: User
) -> None:
    batch = take_out(put_in(lines(600), marketer, boss))
    [one] = files.points_files(user=auditor, **SPAN)
    assert (one.state, one.rows, one.given, one.undone) == ("undone", 3, 1_800, 3)
    assert batch.counts["done:undone"] == 3
    [person] = files.files_by_person(user=auditor, **SPAN)
    assert (person.name, person.files, person.rows, person.given, person.undone, person.alone) == (
        "行銷", 1, 3, 1_800, 3, 0,
    )  # fmt: skip


def test_a_file_that_was_stopped_counts_what_was_booked(
    program: Program, marketer: User, boss: User, auditor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "CHUNK", 2)
    batch = look_at(lines(600, 5), marketer)
    verbs.confirm(batch_id=batch.pk, actor=Actor.staff(marketer), now=NOON)
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    batch.refresh_from_db()
    assert batch.job is not None and batch.totals["moved"] == 3_000
    with transaction.atomic():
        batch.job.checkpoint = applying.apply_chunk(batch.job, NOON).checkpoint
    verbs.stop(batch_id=batch.pk, actor=Actor.staff(marketer), now=NOON)
    batch.refresh_from_db()
    [one] = files.points_files(user=auditor, **SPAN)
    assert batch.state == ImportState.APPLIED
    assert (one.rows, one.given) == (2, 1_200) == (batch.counts["done:applied"], booked(batch))


def test_the_period_counts_the_day_on_which_it_was_applied(
    program: Program, marketer: User, boss: User, auditor: User
) -> None:
    put_in(lines(600), marketer, boss)
    early: dict[str, Any] = {"start": NOON - timedelta(days=2), "end": NOON}
    late: dict[str, Any] = {"start": NOON, "end": NOON + timedelta(seconds=1)}
    for report in (files.points_files, files.files_by_person, staff.approving_pairs):
        assert not report(user=auditor, **early) and len(report(user=auditor, **late)) == 1


def test_reach_is_that_of_people_and_brands(program: Program, marketer: User, boss: User) -> None:
    brand = BrandFactory()
    theirs = UserFactory(role=Role.MARKETER, reach=Reach.BRAND, brand=brand, name="品牌行銷")
    put_in(lines(600), marketer, boss)
    of_brand = put_in(lines(601), theirs, boss)
    for user, seen in (
        (UserFactory(role=Role.AUDITOR, reach=Reach.BRAND, brand=brand), {of_brand.pk}),
        (UserFactory(role=Role.AUDITOR, reach=Reach.BRAND, brand=BrandFactory()), set()),
        (UserFactory(role=Role.MANAGER, reach=Reach.STORES, stores=[StoreFactory()]), set()),
        (UserFactory(role=Role.AUDITOR, is_active=False, reach=Reach.BRAND, brand=brand), set()),
    ):
        assert {one.batch_id for one in files.points_files(user=user, **SPAN)} == seen
        assert len(files.files_by_person(user=user, **SPAN)) == len(seen)


def test_a_file_without_an_owner_is_the_groups(program: Program, boss: User, auditor: User) -> None:
    batch = look_at(points_file("0912000000,7"))
    verbs.confirm(batch_id=batch.pk, actor=Actor.job("run_import"), now=NOON)
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    batch.refresh_from_db()
    job_runner.run(job_id=batch.job_id or 0, clock=lambda: NOON, worker="t")
    assert [(one.name, one.alone) for one in files.files_by_person(user=auditor, **SPAN)] == [("", 0)]
    assert files.points_files(user=auditor, **SPAN)[0].people == {
        "owner": "", "confirmer": "", "approver": "財務",
    }  # fmt: skip
    assert not staff.approving_pairs(user=auditor, **SPAN)


def test_pairs_count_files_and_corrections_together(
    program: Program, marketer: User, boss: User, auditor: User
) -> None:
    put_in(lines(600), marketer, boss)
    correction(boss, -1_100, by=marketer)
    [pair] = staff.approving_pairs(user=auditor, **SPAN)
    assert (pair.mutual, pair.first_by_second, pair.second_by_first) == (1, 1, 1)
    assert (pair.files, pair.points) == (1, 2_900)


def test_pairs_name_everybody_who_had_a_hand_in_a_file_each_once(
    program: Program, marketer: User, boss: User, auditor: User
) -> None:
    """Who confirms colleagues' files for each other's approval is a pair as well, behind whoever uploads."""
    decider, confirmer = (UserFactory(role=Role.MARKETER, name=name) for name in ("選的人", "放行的人"))
    batch = look_at(lines(600), marketer)
    for user in (decider, marketer):
        verbs.check(batch_id=batch.pk, fields=None, policy=batch.policy, actor=Actor.staff(user), now=NOON)
        batch.refresh_from_db()
        batch = run(batch)
    verbs.confirm(batch_id=batch.pk, actor=Actor.staff(confirmer), now=NOON)
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    batch.refresh_from_db()
    run(batch)
    pairs = staff.approving_pairs(user=auditor, **SPAN)
    assert {frozenset((one.first, one.second)) for one in pairs} == {
        frozenset((name, "財務")) for name in ("行銷", "選的人", "放行的人")
    }
    assert {(one.first_by_second + one.second_by_first, one.files, one.points) for one in pairs} == {
        (1, 1, 1_800)
    }
    [found] = files.points_files(user=auditor, **SPAN)
    assert found.people == {"owner": "行銷", "confirmer": "放行的人", "approver": "財務"}


def test_a_file_is_within_the_reach_of_whom_its_confirmer_is(
    program: Program, marketer: User, boss: User
) -> None:
    brand = BrandFactory()
    confirmer = UserFactory(role=Role.MARKETER, reach=Reach.GROUP, brand=brand)
    batch = look_at(lines(600), marketer)
    verbs.confirm(batch_id=batch.pk, actor=Actor.staff(confirmer), now=NOON)
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    batch.refresh_from_db()
    run(batch)
    theirs = UserFactory(role=Role.AUDITOR, reach=Reach.BRAND, brand=brand)
    assert [one.batch_id for one in files.points_files(user=theirs, **SPAN)] == [batch.pk]
    assert len(staff.approving_pairs(user=theirs, **SPAN)) == 1


# --- The pages ----------------------------------------------------------------------------------------------
def page(user: User, slug: str) -> str:
    client = Client()
    client.force_login(user)
    answer = client.get(reverse(f"admin:report_{slug}"), headers=EN)
    assert answer.status_code == 200
    return answer.content.decode()


def brought_today(marketer: User, boss: User) -> ImportBatch:
    give(AccountFactory(), 1)
    return put_in(lines(600), marketer, boss, now=timezone.now())


@pytest.mark.parametrize("slug", ["manual_grants", "approval_pairs"])
def test_the_pages_name_file_uploader_and_approver(
    slug: str, program: Program, marketer: User, boss: User, auditor: User
) -> None:
    batch = brought_today(marketer, boss)
    shown = page(auditor, slug)
    assert f"#{batch.pk} points.csv" in shown and "1,800" in shown and "行銷" in shown and "財務" in shown
    assert reverse("admin:backoffice_importbatch_change", args=[batch.pk]) in shown


def test_who_may_not_open_the_file_has_no_link_to_it(program: Program, marketer: User, boss: User) -> None:
    brand = BrandFactory()
    uploader = UserFactory(role=Role.MARKETER, reach=Reach.GROUP, brand=brand)
    batch = brought_today(uploader, boss)
    reader = UserFactory(role=Role.AUDITOR, reach=Reach.BRAND, brand=brand)
    shown = page(reader, "manual_grants")
    assert f"#{batch.pk} points.csv" in shown
    assert reverse("admin:backoffice_importbatch_change", args=[batch.pk]) not in shown


def test_the_tables_come_as_files_with_a_trace(
    program: Program, marketer: User, boss: User, auditor: User
) -> None:
    batch = brought_today(marketer, boss)
    ImportBatch.objects.filter(pk=batch.pk).update(file_name="=cmd.csv")
    client = Client()
    client.force_login(auditor)
    today = timezone.localdate()
    answer = client.post(
        reverse("admin:report_manual_grants"), {"first": today, "last": today, "section": 4}, headers=EN
    )
    heads, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert heads == [
        "File", "Applied", "Uploaded by", "Confirmed by", "Approved by", "Rows", "Given", "Taken",
        "Rows undone", "Status",
    ]  # fmt: skip
    assert (row[0], row[2:]) == (
        f"#{batch.pk} =cmd.csv",
        ["行銷", "行銷", "財務", "3", "1800", "0", "0", "Brought in"],
    )
    assert AuditEvent.objects.get(action="report.download").changes["table"] == 5
