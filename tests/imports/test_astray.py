"""Steps at the wrong moment, addresses that nobody writes, and words that no policy knows."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from backoffice.actors import Actor
from backoffice.choices import ImportState, JobState, Reach, Role
from backoffice.errors import ImportNotThere, ImportPolicyWrong, ImportRepeated
from backoffice.models import ImportBatch, Job
from backoffice.services.imports import error_files, intake, verbs
from members.models import Member
from tests.conftest import NOON
from tests.factories.backoffice import BrandFactory, UserFactory
from tests.imports.desk import ROBOT, bring, check, csv_of, look
from tests.imports.test_pages import UPLOAD, checked, client_of, confirm, page, uploaded, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def marketer() -> Client:
    return client_of(Role.MARKETER)


def just_uploaded(client: Client) -> ImportBatch:
    file = SimpleUploadedFile("members.csv", csv_of("0912345678,王"))
    assert client.post(reverse(UPLOAD), {"kind": "members", "file": file}).status_code == 302
    return ImportBatch.objects.latest("pk")


def test_a_checked_file_that_is_read_another_way_shows_nothing_of_before(marketer: Client) -> None:
    batch = checked(marketer, uploaded(marketer, csv_of("0912345678,王", "x,壞")))
    assert marketer.post(page(batch, "reading"), {"encoding": "utf-16"}).status_code == 302
    assert marketer.get(page(batch) + "?show=error").status_code == 200
    # Read so, it is no file at all; the page still says so and offers the way back.
    assert work(batch).state == ImportState.FAILED
    shown = marketer.get(page(batch))
    assert shown.status_code == 200 and not batch.counts
    assert page(batch, "reading") in shown.content.decode()


def test_what_cannot_be_done_yet_is_said(marketer: Client) -> None:
    batch = just_uploaded(marketer)
    for answer in (
        marketer.post(page(batch, "check")),
        marketer.get(page(batch, "errors")),
        marketer.post(page(batch, "reading"), {}),
    ):
        assert answer.status_code == 409 and "sk-note-bad" in answer.content.decode()
    # By whichever door: the pages look before they ask.
    with pytest.raises(ImportNotThere):
        verbs.check(batch_id=batch.pk, fields=None, policy={}, actor=ROBOT, now=NOON)
    work(batch)
    assert batch.state == ImportState.UNDERSTOOD
    with pytest.raises(ImportNotThere):
        error_files.prepare(batch_id=batch.pk, actor=ROBOT, now=NOON)


@pytest.mark.parametrize("state", [ImportState.CHECKING, ImportState.HELD])
def test_a_file_that_rests_has_a_way_on_and_a_way_out(marketer: Client, state: ImportState) -> None:
    batch = uploaded(marketer, csv_of("0912345678,王"))
    verbs.check(batch_id=batch.pk, fields=None, policy={}, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    Job.objects.filter(pk=batch.job_id).update(state=JobState.PAUSED)
    ImportBatch.objects.filter(pk=batch.pk).update(state=state)
    shown = marketer.get(page(batch)).content.decode()
    assert page(batch, "resume") in shown and page(batch, "drop") in shown
    assert confirm(marketer, batch, "drop").status_code == 302
    batch.refresh_from_db()
    assert batch.state == ImportState.DROPPED


def test_a_form_that_is_wrong_says_where(marketer: Client) -> None:
    batch = uploaded(marketer, csv_of("0912345678,王"))
    for name, wrong in (("reading", {"head": "99"}), ("check", {"column_0": "no such field"})):
        answer = marketer.post(page(batch, name), wrong)
        assert answer.status_code == 400, name
        assert "errorlist" in answer.content.decode(), name


@pytest.mark.parametrize("odd", ["?after=²", "?after=9999999999999999999999", "?show=done-%00", "?show=%00"])
def test_odd_pages_of_a_preview(marketer: Client, odd: str) -> None:
    batch = checked(marketer, uploaded(marketer, csv_of("0912345678,王")))
    assert marketer.get(page(batch) + odd).status_code == 200


@pytest.mark.parametrize(
    ("name", "args", "query"),
    [
        ("importbatch_change", ["²"], ""),
        ("export_change", ["²"], ""),
        ("export_ask", ["import_rows"], "?batch=²"),
    ],
)
def test_a_raised_digit_is_no_number(name: str, args: list[str], query: str) -> None:
    answer = client_of(Role.FINANCE).get(reverse(f"admin:backoffice_{name}", args=args) + query)
    assert answer.status_code in (200, 404, 409)


def test_another_brands_file_of_the_same_rows_is_a_number() -> None:
    rows = csv_of("0912345678,王")
    other, mine = (UserFactory(role=Role.MARKETER, reach=Reach.BRAND, brand=BrandFactory()) for _n in "ab")
    known = bring(rows, name="王太太的名單.csv", actor=Actor.staff(other))
    client = Client()
    client.force_login(mine)
    shown = client.get(page(uploaded(client, rows))).content.decode()
    assert f"#{known.pk}" in shown
    assert "王太太" not in shown and page(known) not in shown


@pytest.mark.parametrize("policy", [{"mdoe": "update"}, {"mode": "update", "operation": "deduct"}])
def test_a_policy_with_a_misspelt_name_is_refused(policy: dict[str, Any]) -> None:
    batch = look(csv_of("0912345678,王"))
    with pytest.raises(ImportPolicyWrong):
        verbs.check(batch_id=batch.pk, fields=None, policy=policy, actor=ROBOT, now=NOON)


def test_rows_whose_undoing_was_given_up_are_not_brought_in_once_more() -> None:
    content = csv_of("0912345678,王")
    first = bring(content)
    verbs.undo(batch_id=first.pk, actor=ROBOT, now=NOON)
    first.refresh_from_db()
    Job.objects.filter(pk=first.job_id).update(state=JobState.CANCELLED)
    # The member got another phone meanwhile, so that the same rows would be new.
    Member.objects.update(phone="+886912000000")
    second = check(content)
    assert intake.earlier(second) == first
    with pytest.raises(ImportRepeated):
        verbs.confirm(batch_id=second.pk, actor=ROBOT, now=NOON)
