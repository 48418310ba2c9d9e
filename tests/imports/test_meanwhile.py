"""Between preview and apply, and two at once (C59, C60): what others do to the same members."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest

from backoffice.models import Job
from backoffice.services import job_runner
from backoffice.services.imports import verbs
from members.models import Member, MemberTag
from members.services.enrolment import enrol
from members.services.erasure import erase
from members.services.imports import member_apply
from members.services.imports.fields import SPAN
from members.services.standing import freeze
from tests.conftest import NOON
from tests.factories.members import MemberFactory
from tests.imports.desk import ROBOT, check, csv_of, rows, run
from tests.imports.test_tags import tag

PHONES = [f"0912345{number:03}" for number in range(5)]


def whole(phone: str) -> str:
    return f"+886{phone[1:]}"


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["members", "tags"])
def test_whoever_is_no_member_any_more_is_refused_and_the_rest_goes_in(kind: str) -> None:
    """C60: erased, merged, frozen, gone to another phone; and somebody who signs up by himself."""
    people = {phone: MemberFactory(phone=whole(phone), name="舊") for phone in PHONES[:4]}
    tag("新")
    head = "手機,姓名" if kind == "members" else "手機,標籤"
    batch = check(csv_of(*(f"{phone},新" for phone in PHONES), head=head), kind=kind)
    erase(member=people[PHONES[0]], reason="要求刪除", actor=ROBOT, now=NOON)
    survivor = MemberFactory(name="留下的")
    Member.objects.filter(pk=people[PHONES[1]].pk).update(
        status="merged", merged_into=survivor, phone="", external_id=""
    )
    freeze(member=people[PHONES[2]], reason="查核", actor=ROBOT, now=NOON)
    enrol(phone=PHONES[4], source="app", store=None, actor=ROBOT, key="k", now=NOON, name="自己來的")
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    run(batch)
    done = {line: row.done for line, row in rows(batch).items()}
    # What the file said about the erased one went with him. The last was promised as a new member; a tag
    # list had promised nothing for him.
    first, last = ("", "refused") if kind == "members" else ("refused", "")
    assert done == {2: first, 3: "refused", 4: "applied", 5: "applied", 6: last}
    assert rows(batch)[2].cells is None
    if kind == "members":
        names = dict(Member.objects.living().values_list("phone", "name"))
        assert names[whole(PHONES[2])] == names[whole(PHONES[3])] == "新"
        assert names[whole(PHONES[4])] == "自己來的" and survivor.name == "留下的"
    else:
        tagged = set(MemberTag.objects.values_list("member_id", flat=True))
        assert tagged == {people[PHONES[2]].pk, people[PHONES[3]].pk}


# --- C59 ------------------------------------------------------------------------------------------------
def _two_files() -> None:
    """One gives forty members names, the other counties, in the opposite order of lines."""
    for number in range(40):
        MemberFactory(phone=f"+8869120000{number:02}", name="舊", county="")
    names = csv_of(*(f"09120000{number:02},名{number}" for number in range(40)))
    counties = csv_of(*(f"09120000{number:02},臺北市" for number in reversed(range(40))), head="手機,縣市")
    batches = [check(names), check(counties)]
    for batch in batches:
        verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
    return batches


def _work() -> None:
    for _turn in range(20):
        job_runner.run_due(clock=lambda: NOON, worker="w")


def _both_are_right() -> bool:
    unchanged = Member.objects.filter(name="舊") | Member.objects.filter(county="")
    return not unchanged.exists() and set(Job.objects.values_list("state", flat=True)) == {"done"}


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("targets", [True, False])
def test_two_imports_on_the_same_members_are_both_right(together: Callable[..., Any], targets: bool) -> None:
    """One after the other, as their jobs have one target; and right even if both ran at the same time,
    because each locks members in the order of their ids before it looks at them again.
    """
    _two_files()
    if not targets:
        Job.objects.filter(state="queued").update(target="")
    assert together([_work, _work]) == [None, None]
    assert _both_are_right()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("by_id", [True, False])
def test_members_are_locked_in_the_order_of_their_ids(
    together: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, by_id: bool
) -> None:
    """A member after the other, so slowly that the two meet: one waits for the other. The control locks in
    the order of the files: each waits for the other, and one of them is broken off.
    """
    by_file = f"""ORDER BY (
      SELECT min(r.line) FROM backoffice_importrow r WHERE {SPAN} AND r.subject_id = m.id
    )"""
    lock = member_apply.LOCK if by_id else member_apply.LOCK.replace("ORDER BY m.id", by_file)
    assert by_id or lock != member_apply.LOCK
    monkeypatch.setattr(member_apply, "LOCK", f"SELECT id, pg_sleep(0.02) FROM ({lock}) one_by_one")
    _two_files()
    Job.objects.filter(state="queued").update(target="")
    assert together([_work, _work]) == [None, None]
    assert _both_are_right() is by_id


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("locked", [True, False])
def test_who_comes_second_replaces_what_the_first_has_written(
    together: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    """Both files name the same member and run at the same moment. The control (no lock) overwrites a name
    that it never saw: an undo of it would bring back the one before.
    """
    MemberFactory(phone="+886912345678", name="舊")
    batches = [check(csv_of(f"0912345678,{name}")) for name in ("名甲", "名乙")]
    for batch in batches:
        verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
        batch.refresh_from_db()
    Job.objects.filter(state="queued").update(target="")
    meeting, diff = Barrier(2), member_apply.diff

    def look_and_wait(span: Any) -> None:
        diff(span)
        with suppress(BrokenBarrierError):
            meeting.wait(2)

    monkeypatch.setattr(member_apply, "diff", look_and_wait)
    if not locked:
        monkeypatch.setattr(member_apply, "LOCK", "SELECT %(batch)s::bigint")
    answers = together(
        [
            lambda pk=batch.job_id: job_runner.run(job_id=pk, clock=lambda: NOON, worker=f"w{pk}").state
            for batch in batches
        ]
    )
    assert answers == ["done", "done"]
    replaced = [rows(batch)[2].changes["name"] for batch in batches]
    last = Member.objects.get().name
    before_last = next(old for old, new in replaced if new == last)
    assert (before_last == "舊") is not locked
