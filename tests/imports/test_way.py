"""The way of a member file: preview, apply, undo, and everything that may come between."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice.actors import Actor
from backoffice.choices import ImportState, JobState, Reach, Role
from backoffice.errors import (
    ImportNothingToDo,
    ImportNotThere,
    ImportOwnApproval,
    ImportReach,
    ImportRepeated,
)
from backoffice.models import AuditEvent, ImportBatch, ImportRow, Job, OutboxMessage
from backoffice.services import job_runner, jobs
from backoffice.services.imports import applying, checking, intake, retention, verbs
from members.choices import ConsentPurpose
from members.models import Consent, Member, MemberTag
from members.services.enrolment import enrol
from members.services.erasure import erase
from tests.conftest import NOON
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.members import ConsentFactory, MemberFactory, PurchaseFactory
from tests.imports.desk import ROBOT, bring, check, csv_of, outcomes, rows, run, undo

LATER = NOON + timedelta(hours=1)
WHOLE = "會員編號,手機,姓名,性別,生日,電子郵件,縣市,推薦門市,加入日期"


def state() -> dict[str, Any]:
    """Everything about living members that an import may touch, without keys and clocks."""
    fields = (
        "phone",
        "external_id",
        "name",
        "gender",
        "birthday",
        "email",
        "county",
        "referring_store__code",
        "joined_at",
    )
    return {
        "members": sorted(map(str, Member.objects.living().values_list(*fields))),
        "tags": sorted(MemberTag.objects.values_list("member__phone", "tag__name", "origin", "origin_id")),
    }


# --- The slice ------------------------------------
@pytest.mark.django_db
def test_a_member_comes_in_with_everything_that_the_file_says() -> None:
    StoreFactory(code="TPE01")
    line = "H1,0912-345-678,王小明,男,79/5/5,WANG@Example.com,臺北市,TPE01,2024/5/1"
    batch = bring(csv_of(line, head=WHOLE), policy={"short_years": "take"})
    member = Member.objects.get()
    assert (member.external_id, member.phone, member.name, member.gender) == (
        "H1",
        "+886912345678",
        "王小明",
        "male",
    )
    assert (member.birthday, member.email, member.county) == (date(1990, 5, 5), "wang@example.com", "臺北市")
    assert member.referring_store is not None and member.referring_store.code == "TPE01"
    assert member.joined_at.isoformat() == "2024-04-30T16:00:00+00:00"
    assert (member.source, member.status, member.enrol_key) == ("import", "active", f"import:{batch.pk}:2")
    assert batch.state == ImportState.APPLIED
    assert AuditEvent.objects.filter(action="member.import", subject_id=str(member.pk)).count() == 1
    assert AuditEvent.objects.filter(action="import.applied", subject_id=str(batch.pk)).count() == 1
    assert OutboxMessage.objects.filter(topic="import.applied", subject_id=batch.pk).exists()


@pytest.mark.django_db
def test_history_names_the_import_on_every_row_that_it_touched() -> None:
    from django.apps import apps

    MemberFactory(phone="+886912345678", name="舊名")
    batch = bring(csv_of("0912345678,王小明", "0922333444,林"))
    events = apps.get_model("members", "MemberEvent").objects.filter(
        pgh_context__metadata__import_batch=batch.pk
    )
    assert events.count() == 2


@pytest.mark.django_db
def test_the_preview_sorts_rows_and_shows_old_and_new_cell_by_cell() -> None:
    MemberFactory(phone="+886912345678", name="王小明", email="")
    MemberFactory(phone="+886922333444", name="林大", email="")
    batch = check(csv_of("0912345678,王小明", "0922333444,林大同", "0933444555,陳", "0933444555,陳", "x,壞"))
    assert [outcome for _line, outcome, _fault in outcomes(batch)] == [
        "same",
        "changed",
        "new",
        "duplicate",
        "error",
    ]
    assert rows(batch)[3].changes == {"name": ["林大", "林大同"]}
    assert {
        name: batch.counts[name] for name in ("same", "changed", "new", "duplicate", "error")
    } == dict.fromkeys(("same", "changed", "new", "duplicate", "error"), 1)
    assert Member.objects.count() == 2


@pytest.mark.django_db
def test_an_unchanged_file_writes_nothing_the_second_time() -> None:
    content = csv_of("0912345678,王小明", "0922333444,林")
    bring(content)
    before = state(), AuditEvent.objects.filter(action="member.import").count()
    again = check(content)
    assert again.counts["same"] == 2
    with pytest.raises(ImportNothingToDo):
        verbs.confirm(batch_id=again.pk, actor=ROBOT, now=NOON, again=True)
    assert (state(), AuditEvent.objects.filter(action="member.import").count()) == before


# --- Policies ------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("mode", "expected"),
    [("both", ["changed", "new"]), ("create", ["left", "new"]), ("update", ["changed", "left"])],
)
def test_rows_create_change_or_both(mode: str, expected: list[str]) -> None:
    MemberFactory(phone="+886912345678", name="舊")
    batch = check(csv_of("0912345678,新", "0922333444,林"), policy={"mode": mode})
    assert [outcome for _line, outcome, _fault in outcomes(batch)] == expected


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("empty", "outcome", "name"), [("keep", "same", "王"), ("clear", "changed", ""), ("error", "error", "王")]
)
def test_an_empty_cell_keeps_clears_or_is_an_error(empty: str, outcome: str, name: str) -> None:
    MemberFactory(phone="+886912345678", name="王")
    content = csv_of("0912345678,")
    batch = check(content, policy={"empty": empty})
    assert rows(batch)[2].outcome == outcome
    if outcome == "changed":
        boss = UserFactory(role=Role.FINANCE)
        bring(content, policy={"empty": empty}, approver=boss)
    assert Member.objects.get().name == name


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("first", ["new", "duplicate", "duplicate"]),
        ("last", ["duplicate", "duplicate", "new"]),
        ("error", ["duplicate"] * 3),
    ],
)
def test_duplicates_in_the_file_across_chunks(
    policy: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "CHUNK", 2)
    batch = check(
        csv_of("0912345678,一", "0912-345-678,二", "+886912345678,三"), policy={"duplicates": policy}
    )
    assert [outcome for _line, outcome, _fault in outcomes(batch)] == expected


@pytest.mark.django_db
def test_members_are_found_by_number_and_clashes_with_others_are_conflicts() -> None:
    MemberFactory(external_id="H1", phone="+886912345678", name="王")
    MemberFactory(external_id="H2", phone="+886922333444", name="林")
    MemberFactory(external_id="H3", phone="+886933444555", phone_verified_at=NOON)
    content = csv_of(
        "H1,0912000111,王",
        "H2,0912345678,林",
        "H3,0955666777,",
        "H9,0922333444,新",
        head="會員編號,手機,姓名",
    )
    batch = check(content, policy={"key": "external_id"})
    assert outcomes(batch) == [
        (2, "changed", ""),
        (3, "conflict", "taken"),
        (4, "conflict", "phone_verified"),
        (5, "conflict", "taken"),
    ]


@pytest.mark.django_db
def test_a_phone_with_another_number_is_a_conflict_and_not_a_change() -> None:
    MemberFactory(external_id="H1", phone="+886912345678")
    batch = check(csv_of("H7,0912345678", head="會員編號,手機"))
    assert outcomes(batch) == [(2, "conflict", "other_number")]


# --- Reach, four eyes, the same file twice ------------------------------------
@pytest.mark.django_db
def test_a_brands_person_neither_sees_nor_changes_another_brands_members() -> None:
    own, other = BrandFactory(), BrandFactory()
    MemberFactory(phone="+886912345678", brand=other, name="別家的")
    user = UserFactory(role=Role.MARKETER, reach=Reach.BRAND.value, brand=own)
    batch = bring(csv_of("0912345678,改名", "0922333444,林"), actor=Actor.staff(user))
    assert outcomes(batch) == [(2, "conflict", "taken"), (3, "new", "")]
    assert rows(batch)[2].changes is None
    assert Member.objects.get(phone="+886922333444").brand == own


@pytest.mark.django_db
def test_people_of_single_stores_bring_in_no_files() -> None:
    user = UserFactory(role=Role.MANAGER, stores=[StoreFactory()])
    with pytest.raises(ImportReach):
        check(csv_of("0912345678,王"), actor=Actor.staff(user))
    assert not ImportBatch.objects.exists()


@pytest.mark.django_db
def test_many_rows_and_risky_policies_wait_for_a_second_person() -> None:
    MemberFactory(phone="+886912345678", name="王")
    owner = UserFactory(role=Role.ADMINISTRATOR)
    batch = check(csv_of("0912345678,"), policy={"empty": "clear"}, actor=Actor.staff(owner))
    verbs.confirm(batch_id=batch.pk, actor=Actor.staff(owner), now=NOON)
    batch.refresh_from_db()
    assert batch.state == ImportState.WAITING
    with pytest.raises(ImportOwnApproval):
        verbs.approve(batch_id=batch.pk, actor=Actor.staff(owner), now=NOON)
    assert Member.objects.get().name == "王"
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(UserFactory(role=Role.FINANCE)), now=NOON)
    batch.refresh_from_db()
    assert run(batch).counts["done:applied"] == 1
    assert Member.objects.get().name == ""


@pytest.mark.django_db
def test_the_same_rows_are_recognised_also_renamed_and_saved_anew() -> None:
    first = bring(csv_of("0912345678,王", "0922333444,林"))
    Member.objects.update(name="改")
    again = check(csv_of("0912345678,王", "0922333444,林", encoding="cp950"), name="other.csv")
    assert again.file_hash != first.file_hash and again.content_hash == first.content_hash
    assert intake.earlier(again) == first
    with pytest.raises(ImportRepeated):
        verbs.confirm(batch_id=again.pk, actor=ROBOT, now=NOON)
    verbs.confirm(batch_id=again.pk, actor=ROBOT, now=NOON, again=True)
    again.refresh_from_db()
    assert run(again).counts["done:applied"] == 2


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_the_same_file_twice_at_once_is_applied_once(together: Callable[..., Any]) -> None:
    batches = [check(csv_of("0912345678,王")) for _time in range(2)]
    answers = together(
        [lambda pk=batch.pk: verbs.confirm(batch_id=pk, actor=ROBOT, now=NOON) for batch in batches]
    )
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert [type(answer) for answer in refused] == [ImportRepeated]
    assert ImportBatch.objects.filter(state=ImportState.APPLYING).count() == 1


@pytest.mark.django_db
def test_one_job_runs_per_target_and_the_next_is_taken_when_it_is_over() -> None:
    batches = [check(csv_of(f"091234567{n},王")) for n in range(2)]
    for batch in batches:
        verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
        batch.refresh_from_db()
    first, second = (batch.job_id for batch in batches)
    assert jobs.claim(now=NOON, worker="a", job_id=first) is not None
    assert jobs.claim(now=NOON, worker="b", job_id=second) is None
    jobs.cancel(job_id=first or 0, actor=ROBOT, reason="", now=NOON)
    assert jobs.claim(now=NOON, worker="b", job_id=second) is not None


# --- Between preview and apply ------------------------------------
@pytest.mark.django_db
def test_whoever_is_erased_or_signs_up_meanwhile_is_refused_and_the_rest_goes_in() -> None:
    gone = MemberFactory(phone="+886912345678", name="王")
    MemberFactory(phone="+886922333444", name="林")
    batch = check(csv_of("0912345678,改", "0922333444,改", "0933444555,新", "0955666777,新二"))
    erase(member=gone, reason="要求刪除", actor=ROBOT, now=NOON)
    enrol(phone="0933444555", source="app", store=None, actor=ROBOT, key="k", now=NOON, name="自己來的")
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    run(batch)
    assert {line: row.done for line, row in rows(batch).items()} == {
        2: "",
        3: "applied",
        4: "refused",
        5: "applied",
    }
    assert Member.objects.get(phone="+886933444555").name == "自己來的"
    assert not Member.objects.living().filter(phone="+886912345678").exists()
    # What the file said about him went with him.
    assert rows(batch)[2].cells is None


@pytest.mark.django_db
def test_a_stopped_import_keeps_what_is_in_and_can_be_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "CHUNK", 2)
    batch = check(csv_of(*(f"091234567{n},王{n}" for n in range(6))))
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    seen: list[int] = []

    def stop(job: Job) -> None:
        seen.append(job.done)
        if len(seen) == 2:
            verbs.stop(batch_id=batch.pk, actor=ROBOT, now=NOON)

    job_runner.run(job_id=batch.job_id or 0, clock=lambda: NOON, worker="t", watch=stop)
    batch.refresh_from_db()
    assert (batch.state, batch.counts["done:applied"], Member.objects.count()) == (ImportState.APPLIED, 4, 4)
    assert undo(batch).counts["done:undone"] == 4
    assert not Member.objects.exists()


@pytest.mark.django_db
def test_a_paused_import_rests_and_goes_on_at_its_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "CHUNK", 2)
    batch = check(csv_of(*(f"091234567{n},王{n}" for n in range(6))))
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    job_id = batch.job_id or 0

    def rest(job: Job) -> None:
        if job.done == 2:
            jobs.pause(job_id=job_id, actor=ROBOT, now=NOON)

    job_runner.run(job_id=job_id, clock=lambda: NOON, worker="t", watch=rest)
    assert (Job.objects.get(pk=job_id).state, Member.objects.count()) == (JobState.PAUSED, 2)
    assert job_runner.run(job_id=job_id, clock=lambda: LATER, worker="t") is None
    jobs.resume(job_id=job_id, actor=ROBOT, now=NOON)
    assert run(batch).counts["done:applied"] == 6


class Killed(BaseException):
    """As a worker dies: nothing of ours runs after it."""


@pytest.mark.django_db(transaction=True)
def test_twenty_kills_at_random_moments_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills between any two statements of an apply, then of an undo: the end is that of an undisturbed
    run.
    """
    monkeypatch.setattr(applying, "CHUNK", 3)
    for number in range(10):
        MemberFactory(phone=f"+88691234567{number}", name="舊", email="")
    start = state()
    lines = [f"09123456{number:02},名{number}" for number in range(65, 85)]
    batch = check(csv_of(*lines))
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    dice = random.Random(7)
    now = _killed_until_done(batch, dice, NOON)
    applied = state()
    assert batch.counts["done:applied"] == 20
    assert {f"名{number}" for number in range(65, 85)} <= set(Member.objects.values_list("name", flat=True))
    verbs.undo(batch_id=batch.pk, actor=ROBOT, now=now)
    batch.refresh_from_db()
    _killed_until_done(batch, dice, now)
    assert state() == start != applied


def _killed_until_done(batch: ImportBatch, dice: random.Random, now: datetime) -> datetime:
    kills = 0
    while True:
        left = dice.randrange(4, 60) if kills < 20 else 100_000
        kills += 1

        def kill(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(kill):
                job_runner.run(job_id=batch.job_id or 0, clock=lambda now=now: now, worker="w")
        except Killed:
            connection.close()
        now += timedelta(minutes=5)
        Job.objects.filter(pk=batch.job_id).update(attempts=0)
        if Job.objects.get(pk=batch.job_id).state == JobState.DONE:
            batch.refresh_from_db()
            return now


# --- Undo ------------------------------------
@pytest.mark.django_db
def test_an_undo_restores_what_nobody_touched_and_reports_the_rest() -> None:
    for number in range(5):
        MemberFactory(phone=f"+88691234567{number}", name=f"舊{number}")
    batch = bring(csv_of(*(f"091234567{number},新{number}" for number in range(8))))
    Member.objects.filter(phone="+886912345670").update(name="手改", updated_at=LATER)
    Member.objects.filter(phone="+886912345676").update(name="手改", updated_at=LATER)
    PurchaseFactory(member=Member.objects.get(phone="+886912345677"))
    undo(batch, LATER)
    assert (batch.counts["done:undone"], batch.counts["done:kept"]) == (5, 3)
    names = dict(Member.objects.values_list("phone", "name"))
    assert names == {
        "+886912345670": "手改", "+886912345671": "舊1", "+886912345672": "舊2", "+886912345673": "舊3",
        "+886912345674": "舊4", "+886912345676": "手改", "+886912345677": "新7",
    }  # fmt: skip
    with pytest.raises(ImportNotThere):
        verbs.undo(batch_id=batch.pk, actor=ROBOT, now=LATER)


@pytest.mark.django_db
def test_a_phone_that_somebody_took_meanwhile_cannot_come_back() -> None:
    MemberFactory(external_id="H1", phone="+886912345678")
    batch = bring(csv_of("H1,0922333444", head="會員編號,手機"), policy={"key": "external_id"})
    MemberFactory(phone="+886912345678")
    assert undo(batch).counts["done:stuck"] == 1
    assert Member.objects.get(external_id="H1").phone == "+886922333444"


@pytest.mark.django_db
def test_an_undone_import_may_be_brought_in_again() -> None:
    content = csv_of("0912345678,王")
    undo(bring(content))
    assert bring(content).counts["done:applied"] == 1


NAMES = st.text(
    alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp")), max_size=20
)
PERSON = st.tuples(
    NAMES, st.sampled_from(["", "女", "男"]), st.sampled_from(["", "1990-05-05", "79/5/5"]), NAMES
)


@pytest.mark.django_db(transaction=True)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    known=st.lists(PERSON, max_size=4),
    brought=st.lists(PERSON, min_size=1, max_size=6),
    empty=st.sampled_from(["keep", "clear"]),
)
def test_import_and_undo_are_the_identity_where_nobody_touched_the_rows(
    known: list[tuple[str, ...]], brought: list[tuple[str, ...]], empty: str
) -> None:
    with transaction.atomic():
        for number, (name, *_rest) in enumerate(known):
            MemberFactory(phone=f"+8869123456{number:02}", name=" ".join(name.split())[:60], county="")
        before = state()
        lines = []
        for number, (name, gender, birthday, county) in enumerate(brought):
            cells = [f"09123456{number:02}", name, gender, birthday, county]
            lines.append(",".join('"' + cell.replace('"', '""') + '"' for cell in cells))
        batch = check(csv_of(*lines, head="手機,姓名,性別,生日,縣市"), policy={"empty": empty})
        if verbs.rows_to_write(batch):
            verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
            if ImportBatch.objects.get(pk=batch.pk).state == ImportState.WAITING:
                verbs.approve(batch_id=batch.pk, actor=Actor.staff(UserFactory(role=Role.FINANCE)), now=NOON)
            batch.refresh_from_db()
            run(batch)
            assert batch.counts["done:applied"] == verbs.rows_to_write(batch)
            undo(batch)
            assert batch.counts["done:undone"] == verbs.rows_to_write(batch)
        assert state() == before
        transaction.set_rollback(True)


# --- Consents ------------------------------------
CONSENT_HEAD = "手機,簡訊行銷同意,同意來源,同意日期"


@pytest.mark.django_db
def test_consents_come_with_source_and_day_and_never_override_a_later_answer() -> None:
    old = MemberFactory(phone="+886912345678")
    ConsentFactory(
        member=old, purpose=ConsentPurpose.MARKETING_SMS.value, given=False, at=NOON - timedelta(days=3)
    )
    bring(
        csv_of(
            "0912345678,Y,紙本,2020-01-01", "0922333444,是,app,2024-05-01", "0933444555,,,", head=CONSENT_HEAD
        )
    )
    new = Consent.objects.get(member__phone="+886922333444")
    assert (new.purpose, new.given, new.source, new.at.date()) == (
        "marketing_sms",
        True,
        "app",
        date(2024, 4, 30),
    )
    assert Consent.objects.filter(member=old).count() == 1
    assert not Consent.objects.filter(member__phone="+886933444555").exists()


@pytest.mark.django_db
def test_undoing_imported_consents_leaves_the_proof_and_nobody_reachable() -> None:
    old = MemberFactory(phone="+886912345678")
    batch = bring(csv_of("0912345678,Y,紙本,2024-05-01", "0922333444,Y,紙本,2024-05-01", head=CONSENT_HEAD))
    undo(batch, LATER)
    assert batch.counts["done:undone"] == 2
    latest = Consent.objects.filter(member=old).order_by("-at", "-id").first()
    assert latest is not None and not latest.given
    assert set(Member.objects.exclude(pk=old.pk).values_list("status", "phone")) == {("erased", "")}


# --- Forgetting ------------------------------------
@pytest.mark.django_db
def test_files_and_rows_are_forgotten_after_their_time_and_the_batch_stays() -> None:
    from django.core.files.storage import default_storage

    batch = bring(csv_of("0912345678,王"))
    name = batch.file
    assert retention.forget_old(now=NOON + timedelta(days=29)) == 0
    assert default_storage.exists(name)
    assert retention.forget_old(now=NOON + timedelta(days=31)) == 1
    batch.refresh_from_db()
    assert (batch.file, batch.removed_at is not None, batch.counts["done:applied"]) == ("", True, 1)
    assert not ImportRow.objects.exists()
