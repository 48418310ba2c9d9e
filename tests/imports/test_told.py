"""Whoever uploaded a file is told how it ended: on the overview and by e-mail, in both languages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from backoffice.actors import Actor
from backoffice.choices import JobState, Reach, Role
from backoffice.models import AuditEvent, Job, User
from backoffice.services import job_runner, outbox
from backoffice.services.imports import error_files, retention
from backoffice.services.imports.telling import sentence
from tests.factories.backoffice import UserFactory
from tests.imports.desk import bring, csv_of, look, undo

pytestmark = pytest.mark.django_db
FILE = csv_of("0912345678,王", "0922333444,林", "x,壞")


@pytest.fixture
def person() -> User:
    return UserFactory(role=Role.MARKETER, reach=Reach.GROUP, email="marketer@example.com")


def test_the_sentence_says_what_became_of_the_file_in_both_languages(person: User) -> None:
    batch = bring(FILE, actor=Actor.staff(person), now=timezone.now())
    assert sentence(batch) == f"Your import #{batch.pk} is done: 2 in, 1 wrong (members.csv)."
    with translation.override("zh-hant"):
        assert sentence(batch) == f"您的匯入 #{batch.pk} 已完成：匯入 2 筆，1 筆有誤（members.csv）。"
    batch = undo(batch, timezone.now())
    assert sentence(batch) == f"Your import #{batch.pk} is undone: 2 rows back, 0 stayed (members.csv)."
    refused = look(b"one,two\r\n1,2\r\n", name="a.csv", now=timezone.now())
    assert "was refused (a.csv)" in sentence(refused)


def test_the_owner_gets_a_letter_at_each_end_with_nobody_in_it(person: User, mailoutbox: Any) -> None:
    batch = bring(FILE, actor=Actor.staff(person), now=timezone.now())
    outbox.drain(clock=timezone.now)
    outbox.drain(clock=timezone.now)
    assert [letter.to for letter in mailoutbox] == [["marketer@example.com"]] * 2
    done = mailoutbox[-1]
    assert f"#{batch.pk} is done: 2 in, 1 wrong" in done.body and f"#{batch.pk} 已完成" in done.body
    assert "王" not in done.body and "0912" not in done.body


def test_whoever_has_no_address_or_has_left_gets_none(person: User, mailoutbox: Any) -> None:
    bring(FILE, actor=Actor.staff(UserFactory(reach=Reach.GROUP, email="")), now=timezone.now())
    bring(csv_of("0933444555,陳"), actor=Actor.staff(person), now=timezone.now())
    User.objects.filter(pk=person.pk).update(is_active=False)
    outbox.drain(clock=timezone.now)
    assert not mailoutbox


def test_the_overview_shows_a_person_his_own_files(person: User, client: Client) -> None:
    other = UserFactory(role=Role.MARKETER, reach=Reach.GROUP)
    mine = bring(FILE, actor=Actor.staff(person), now=timezone.now())
    theirs = bring(csv_of("0933444555,陳"), actor=Actor.staff(other), now=timezone.now())
    client.force_login(person)
    page = client.get(reverse("admin:index"), headers={"Accept-Language": "en"}).content.decode()
    assert f"Your import #{mine.pk} is done: 2 in, 1 wrong" in page
    assert f"#{theirs.pk}" not in page


def test_metrics_count_jobs_rows_failures_and_what_is_due(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "s3cret"
    batch = bring(FILE, now=timezone.now())
    waits = look(FILE, now=timezone.now())
    late = timezone.now() - timedelta(minutes=5)
    Job.objects.filter(pk=waits.job_id).update(state=JobState.QUEUED, run_at=late)
    Job.objects.filter(pk=batch.job_id).update(state=JobState.FAILED)
    text = client.get("/metrics", headers={"Authorization": "Bearer s3cret"}).content.decode()
    assert 'shuke_jobs{kind="imports.apply",state="failed"} 1.0' in text
    assert 'shuke_jobs{kind="imports.look",state="queued"} 1.0' in text
    assert 'shuke_job_items_total{kind="imports.apply"} 2.0' in text
    assert 'shuke_job_busy_seconds_total{kind="imports.check"}' in text
    waited = next(line for line in text.splitlines() if line.startswith("shuke_job_oldest_due_seconds"))
    assert 300 <= float(waited.split()[1]) < 600


# --- The rows that stay out, of a long file ------------------------------------
def test_the_rows_of_a_long_file_that_stay_out_are_written_by_a_worker(
    person: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(error_files, "MOST_AT_ONCE", 2)
    batch = bring(FILE, actor=Actor.staff(person), now=timezone.now())
    client.force_login(person)
    page = reverse("admin:backoffice_importbatch_change", args=[batch.pk])
    file = reverse("admin:backoffice_importbatch_errors", args=[batch.pk])
    english = {"Accept-Language": "en"}
    assert "Prepare the rows that stay out" in client.get(page, headers=english).content.decode()
    assert client.get(file).status_code == 409
    for _click in range(2):
        assert client.post(file, headers=english).status_code == 302
    job = Job.objects.get(kind="imports.errors")
    assert job.owner == person and "are being written" in client.get(page, headers=english).content.decode()
    job_runner.run(job_id=job.pk, clock=timezone.now, worker="t")
    taken = client.get(file)
    text = b"".join(taken.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert taken.status_code == 200 and "x,壞" in text and "0912345678" not in text
    trail = AuditEvent.objects.get(action="import.take_errors")
    assert trail.actor_id == str(person.pk)
    retention.forget_old(now=timezone.now() + timedelta(days=40))
    assert client.get(file).status_code == 409
