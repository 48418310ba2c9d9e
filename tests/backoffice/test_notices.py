"""Notices: one row for a person and a matter, written with what it tells about, read once, then gone."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from backoffice.actors import Actor
from backoffice.choices import ImportState, JobState, NoticeKind, NoticeSubject, Reach, Role
from backoffice.errors import AlarmAboutYou
from backoffice.models import Alarm, ImportBatch, Job, Notice, User
from backoffice.selectors import (
    approvers_of,
    imports_waiting,
    notices_of,
    people_who_may,
    unread_notices,
)
from backoffice.services import job_runner, jobs, notices
from backoffice.services.alarms import acknowledge, raise_alarm
from backoffice.services.exports import writing
from backoffice.services.imports import applying, verbs
from tests.conftest import NOON
from tests.exports.desk import made
from tests.factories.backoffice import BrandFactory, JobFactory, StoreFactory, UserFactory
from tests.factories.members import MemberFactory
from tests.imports.desk import ROBOT, bring, check, csv_of, look, run, undo

pytestmark = pytest.mark.django_db
FILE = csv_of("0912345678,王", "0922333444,林", "x,壞")
MATTER = (NoticeSubject.IMPORT, 7)


@pytest.fixture
def marketer() -> User:
    return UserFactory(role=Role.MARKETER, reach=Reach.GROUP)


@pytest.fixture
def boss() -> User:
    return UserFactory(role=Role.FINANCE, reach=Reach.GROUP)


def told(user: User) -> list[str]:
    """Kinds of what a person was told, oldest first."""
    return [one.kind for one in reversed(notices_of(user, None, 50))]


def unread(user: User) -> int:
    return unread_notices(user).count()


def put(*users: User, key: str = "matter", subject: Any = MATTER, now: Any = NOON) -> None:
    with transaction.atomic():
        notices.put(users=[user.pk for user in users], kind=NoticeKind.IMPORT_APPLIED, key=key,
                    subject=subject, facts={"brought": 2}, now=now)  # fmt: skip


# --- The row ------------------------------------------------------------------------------------------------
def test_the_same_matter_is_told_once_to_each(marketer: User, boss: User) -> None:
    put(marketer)
    put(marketer, boss)
    assert (unread(marketer), unread(boss)) == (1, 1)


def test_the_database_holds_a_matter_once_for_a_person(marketer: User) -> None:
    put(marketer)
    twice = Notice.objects.get()
    twice.pk = None
    with pytest.raises(Exception, match="notice_once"), transaction.atomic():
        twice.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_outside_of_what_it_tells_about_there_is_no_notice(marketer: User) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        notices.put(users=[marketer.pk], kind=NoticeKind.ALARM, key="k", subject=MATTER, facts={}, now=NOON)
    assert not Notice.objects.exists()


def test_looking_reads_what_is_about_the_page_and_nobody_elses(marketer: User, boss: User) -> None:
    put(marketer, boss)
    put(marketer, key="again")
    put(marketer, key="other", subject=(NoticeSubject.EXPORT, 7))
    assert notices.look_at(user=marketer, subject=MATTER, now=NOON) == 2
    assert notices.look_at(user=marketer, subject=MATTER, now=NOON) == 0
    assert (unread(marketer), unread(boss)) == (1, 1)
    assert set(Notice.objects.filter(user=marketer, subject_type="import").values_list("read_at")) == {
        (NOON,)
    }


def test_reading_all_leaves_what_came_after_the_list_was_shown(marketer: User, boss: User) -> None:
    put(marketer, boss)
    newest = notices_of(marketer, None, 1)[0].pk
    put(marketer, key="later")
    assert notices.read_all(user=marketer, upto=newest, now=NOON) == 1
    assert (unread(marketer), unread(boss)) == (1, 1)


def test_they_go_after_their_days_read_or_not(marketer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "DELETED_A_TURN", 2)
    kept = timedelta(days=settings.NOTICES_KEPT_DAYS)
    for number in range(5):
        put(marketer, key=f"old-{number}", now=NOON - kept - timedelta(seconds=1))
    put(marketer, key="young", now=NOON - kept)
    notices.look_at(user=marketer, subject=MATTER, now=NOON)
    assert (notices.forget_old(now=NOON), notices.forget_old(now=NOON)) == (5, 0)
    assert Notice.objects.get().key == "young"


@pytest.mark.django_db(transaction=True)
def test_two_who_mark_the_same_do_not_wait_for_each_other(marketer: User) -> None:
    put(marketer)
    found: list[int] = []

    def other() -> None:
        found.append(notices.look_at(user=marketer, subject=MATTER, now=NOON))
        connection.close()

    with transaction.atomic():
        assert notices.look_at(user=marketer, subject=MATTER, now=NOON) == 1
        second = threading.Thread(target=other)
        second.start()
        second.join(timeout=20)
        assert found == [0]


# --- The owner of a file ------------------------------------------------------------------------------------
def test_the_owner_is_told_of_each_end_with_numbers_and_nobody(marketer: User) -> None:
    batch = bring(FILE, actor=Actor.staff(marketer))
    undo(batch)
    assert told(marketer) == ["import.checked", "import.applied", "import.undone"]
    one = Notice.objects.get(kind="import.applied")
    assert (one.subject_type, one.subject_id, one.created_at) == ("import", batch.pk, NOON)
    assert one.facts == {"brought": 2, "wrong": 1, "back": 0, "stayed": 0, "good": 2}
    assert {type(value) for found in Notice.objects.all() for value in found.facts.values()} == {int}


def test_a_refused_file_and_one_without_an_owner(marketer: User) -> None:
    look(b"one,two\r\n1,2\r\n", name="a.csv", actor=Actor.staff(marketer))
    bring(FILE, actor=ROBOT)
    assert told(marketer) == ["import.refused"] and Notice.objects.count() == 1


def test_a_step_asked_for_again_is_another_matter(marketer: User) -> None:
    batch = check(FILE, actor=Actor.staff(marketer))
    verbs.check(batch_id=batch.pk, fields=None, policy={}, actor=Actor.staff(marketer), now=NOON)
    batch.refresh_from_db()
    run(batch)
    assert told(marketer) == ["import.checked"] * 2


def test_a_step_that_is_rolled_back_tells_nobody(marketer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = check(FILE, actor=Actor.staff(marketer))
    verbs.confirm(batch_id=batch.pk, actor=Actor.staff(marketer), now=NOON)
    batch.refresh_from_db()

    def broken(*args: Any, **kwargs: Any) -> None:
        raise OSError("gone")

    monkeypatch.setattr(applying.audit, "record", broken)
    run(batch)
    assert batch.state == ImportState.APPLYING and told(marketer) == ["import.checked"]


def test_work_that_is_given_up_is_told_once_for_each_time(marketer: User) -> None:
    batch = check(FILE, actor=Actor.staff(marketer))
    verbs.confirm(batch_id=batch.pk, actor=Actor.staff(marketer), now=NOON)
    job = Job.objects.get(kind="imports.apply")
    job.attempts = 3
    job.save()
    assert job_runner.run(job_id=job.pk, clock=lambda: NOON, worker="t") is None
    one = Notice.objects.get(kind="job.failed")
    assert (one.user, one.subject_type, one.subject_id) == (marketer, "import", batch.pk)
    assert one.facts == {"work": "imports.apply"}
    jobs.retry(job_id=job.pk, actor=ROBOT, reason="", now=NOON)
    Job.objects.filter(pk=job.pk).update(attempts=3)
    job_runner.run(job_id=job.pk, clock=lambda: NOON + timedelta(hours=1), worker="t")
    assert Notice.objects.filter(kind="job.failed").count() == 2


def test_a_rule_that_says_no_to_a_job_is_told_and_a_next_try_is_not(marketer: User) -> None:
    refused = JobFactory(owner=marketer, kind=writing.WRITE, params={"export": 0})
    job_runner.run(job_id=refused.pk, clock=lambda: NOON + timedelta(days=900), worker="t")
    refused.refresh_from_db()
    assert refused.state == JobState.QUEUED and not told(marketer)
    for number in (1, 2):
        later = NOON + timedelta(days=900 + number)
        job_runner.run(job_id=refused.pk, clock=lambda later=later: later, worker="t")  # type: ignore[misc]
    refused.refresh_from_db()
    assert refused.state == JobState.FAILED and told(marketer) == ["job.failed"]


# --- The owner of a list ------------------------------------------------------------------------------------
def test_a_list_that_is_ready_and_one_that_does_not_fit(marketer: User) -> None:
    MemberFactory(county="凃村")
    ready = made("members", marketer)
    unfit = made("members", marketer, columns=["county"], format="big5")
    made("members", None)
    found = Notice.objects.order_by("pk").values_list("user", "kind", "subject_type", "subject_id")
    assert list(found) == [
        (marketer.pk, "export.ready", "export", ready.pk),
        (marketer.pk, "export.unfit", "export", unfit.pk),
    ]


# --- Whoever may approve ------------------------------------------------------------------------------------
def waiting(owner: User) -> ImportBatch:
    """A file that waits for a second person, because empty cells clear what is there."""
    MemberFactory(phone="+886912345678", name="舊")
    batch = check(FILE, actor=Actor.staff(owner), policy={"empty": "clear"}, brand=owner.brand)
    verbs.confirm(batch_id=batch.pk, actor=Actor.staff(owner), now=NOON)
    batch.refresh_from_db()
    assert batch.state == ImportState.WAITING
    return batch


def test_who_may_approve_is_told_and_settled_by_the_first_yes(marketer: User, boss: User) -> None:
    other = UserFactory(role=Role.FINANCE, reach=Reach.GROUP)
    batch = waiting(marketer)
    assert told(boss) == told(other) == ["import.waiting"]
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    assert (unread(boss), unread(other)) == (0, 0)


def test_a_no_settles_it_and_the_owner_hears_of_it(marketer: User, boss: User) -> None:
    batch = waiting(marketer)
    verbs.drop(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON, reason="wrong list")
    assert unread(boss) == 0 and told(marketer) == ["import.checked", "import.dropped"]


def test_who_puts_his_own_file_away_is_not_told(marketer: User, boss: User) -> None:
    batch = waiting(marketer)
    verbs.drop(batch_id=batch.pk, actor=Actor.staff(marketer), now=NOON)
    assert unread(boss) == 0 and told(marketer) == ["import.checked"]


def test_only_who_may_say_yes_and_sees_the_file_is_asked(boss: User) -> None:
    brand = BrandFactory()
    owner = UserFactory(role=Role.MARKETER, reach=Reach.BRAND, brand=brand)
    of_the_brand = UserFactory(role=Role.FINANCE, reach=Reach.BRAND, brand=brand)
    UserFactory(role=Role.FINANCE, reach=Reach.BRAND, brand=BrandFactory())
    UserFactory(role=Role.MANAGER, reach=Reach.STORES, stores=[StoreFactory(brand=brand)])
    UserFactory(role=Role.MARKETER, reach=Reach.GROUP)
    UserFactory(role=Role.FINANCE, reach=Reach.GROUP, is_active=False)
    root = UserFactory(is_superuser=True, reach=Reach.GROUP)
    batch = waiting(owner)
    asked = set(Notice.objects.filter(kind="import.waiting").values_list("user", flat=True))
    assert asked == {boss.pk, of_the_brand.pk, root.pk}
    assert {user.pk for user in approvers_of(batch)} == asked
    for user in User.objects.exclude(pk=owner.pk):
        may = user.is_active and user.has_perm("backoffice.approve_import")
        sees = ImportBatch.objects.visible_to(user).filter(pk=batch.pk).exists()
        assert (user.pk in asked) == (may and sees), user.username


def test_who_had_a_hand_in_the_file_is_not_asked_for_the_second_yes(marketer: User, boss: User) -> None:
    """Whoever chose its rules, and whoever confirmed it; he could not give it."""
    decider, confirmer = (UserFactory(role=Role.ADMINISTRATOR, reach=Reach.GROUP) for _one in range(2))
    MemberFactory(phone="+886912345678", name="舊")
    batch = check(FILE, actor=Actor.staff(marketer), policy={"empty": "clear"})
    verbs.check(batch_id=batch.pk, fields=None, policy=batch.policy, actor=Actor.staff(decider), now=NOON)
    batch.refresh_from_db()
    verbs.confirm(batch_id=run(batch).pk, actor=Actor.staff(confirmer), now=NOON)
    batch.refresh_from_db()
    assert set(Notice.objects.filter(kind="import.waiting").values_list("user", flat=True)) == {boss.pk}
    assert {user.pk for user in User.objects.all() if batch in imports_waiting(user)} == {boss.pk}
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    assert unread(boss) == 0


def test_rights_by_role_are_the_rights_that_people_have() -> None:
    people = [UserFactory(role=role) for role in Role]
    people += [UserFactory(is_superuser=True), UserFactory(role=Role.FINANCE, is_active=False)]
    for right in ("backoffice.approve_import", "backoffice.acknowledge_alarm"):
        found = set(people_who_may(right, "backoffice.view_alarm"))
        assert found == {one for one in people if one.has_perms((right, "backoffice.view_alarm"))}


def test_a_file_that_rests_tells_its_owner_until_when(
    marketer: User, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from backoffice.services.imports import kinds

    until = NOON + timedelta(hours=24)
    resting = replace(kinds.kind_of("members"), held_until=lambda batch, now: until)
    batch = waiting(marketer)
    monkeypatch.setitem(kinds._kinds, "members", resting)
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    one = Notice.objects.get(kind="import.held")
    assert (one.user, one.facts["until"]) == (marketer, until.isoformat())


# --- Alarms -------------------------------------------------------------------------------------------------
def ring(key: str = "a", **more: Any) -> Alarm:
    return raise_alarm(
        kind="points.inflation", subject="main", facts={}, key=key, actor=ROBOT, now=NOON, **more
    )


def test_an_alarm_is_told_to_whoever_may_acknowledge_it(boss: User) -> None:
    store = StoreFactory()
    auditor = UserFactory(role=Role.AUDITOR, reach=Reach.GROUP)
    here = UserFactory(role=Role.MANAGER, reach=Reach.STORES, stores=[store])
    brand = UserFactory(role=Role.AUDITOR, reach=Reach.BRAND, brand=store.brand)
    UserFactory(role=Role.MANAGER, reach=Reach.STORES, stores=[StoreFactory()])
    assert not boss.has_perm("backoffice.acknowledge_alarm")
    ring("group")
    assert set(Notice.objects.values_list("user", flat=True)) == {auditor.pk}
    alarm = ring("store", store_id=store.pk, about_id=auditor.pk)
    ring("store", store_id=store.pk)
    assert set(Notice.objects.filter(subject_id=alarm.pk).values_list("user", flat=True)) == {
        here.pk,
        brand.pk,
    }


def test_acknowledging_settles_it_for_the_others(boss: User) -> None:
    one, other = (UserFactory(role=Role.AUDITOR, reach=Reach.GROUP) for _ in range(2))
    alarm = ring()
    acknowledge(alarm_id=alarm.pk, note="seen", actor=Actor.staff(one), now=NOON)
    assert (unread(one), unread(other)) == (0, 0)
    about = ring("b", about_id=one.pk)
    with pytest.raises(AlarmAboutYou):
        acknowledge(alarm_id=about.pk, note="seen", actor=Actor.staff(one), now=NOON)
    assert unread(other) == 1
