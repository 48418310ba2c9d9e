"""Tag lists that only add go a short way: a row is staged once, with the result that it will have. What
anybody sees of it is what the long way shows.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from threading import Barrier, BrokenBarrierError, Event
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import connection

from backoffice.actors import Actor
from backoffice.admin.imports import preview
from backoffice.choices import ImportState, Role, RowDone
from backoffice.models import ImportBatch, ImportRow, Job
from backoffice.services import job_runner, pressure
from backoffice.services.exports import import_results
from backoffice.services.imports import applying, cells, checking, ends, reading, verbs
from backoffice.tabular.csv_rows import CsvRows, Place
from backoffice.tabular.plain_rows import plain_block
from members.models import Member, MemberTag
from members.services import erasure, tags
from members.services import rows as member_rows
from members.services.standing import freeze
from tests.conftest import NOON
from tests.factories.backoffice import UserFactory
from tests.factories.members import MemberFactory
from tests.imports.desk import ROBOT, bring, check, csv_of, rows, run, undo
from tests.imports.test_tags import carriers, tag
from tests.processes import database_url

HEAD = "手機,標籤"
PEOPLE = 12


def phone(number: int) -> str:
    return f"09120000{number:02}"


def people(count: int = PEOPLE) -> list[Member]:
    return [MemberFactory(phone=f"+886{phone(number)[1:]}") for number in range(count)]


def listed(count: int = PEOPLE, name: str = "奶茶") -> bytes:
    return csv_of(*(f"{phone(number)},{name}" for number in range(count)), head=HEAD)


def confirmed(batch: ImportBatch) -> ImportBatch:
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    return batch


# --- Reading ------------------------------------
@pytest.mark.parametrize(
    ("body", "plain"),
    [
        ("a,b\r\nc,d\r\n", True), ("a,b\nc,d", True), ("a,b\r\nc\n", True), ("許,功\r\n蓋, \r\n", True),
        ("", True), ('a,"b"\r\n', False), ("a\rb\r\n", False), ("a,b\r\n\r\nc,d\r\n", False),
        ("a,b\r\n , \r\n", False), ("a,b\r", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "cp950"])
def test_a_plain_block_holds_the_records_that_the_long_way_reads(
    body: str, plain: bool, encoding: str
) -> None:
    head = b"x,y\r\n"
    file, start = io.BytesIO(head + body.encode(encoding)), Place(len(head), 2)
    for most in (1, 2, 100):
        slow = CsvRows(file, encoding, ",", start)
        wanted = [(record.line, record.cells) for record in islice(slow, most)]
        block = plain_block(file, encoding, ",", start, most)
        assert (block is not None) is plain or most == 1
        if block is not None:
            assert [(line, cells) for line, cells in enumerate(block.rows, block.first)] == wanted
            assert block.place == slow.place


def test_broken_characters_are_left_to_the_long_way() -> None:
    assert plain_block(io.BytesIO(b"x\na\xff\n"), "utf-8", ",", Place(2, 2), 5) is None


@pytest.mark.django_db
def test_the_same_rows_are_recognised_whichever_way_they_were_read(monkeypatch: pytest.MonkeyPatch) -> None:
    people(3), tag("奶茶")
    monkeypatch.setattr(checking, "CHUNK", 2)
    plain = check(listed(3), kind="tags")
    quoted = check(csv_of(*(f'"{phone(n)}","奶茶"' for n in range(3)), head=HEAD), kind="tags")
    assert plain.file_hash != quoted.file_hash and plain.content_hash == quoted.content_hash
    assert _staged(plain) == _staged(quoted)


# --- Both ways ------------------------------------
def _staged(batch: ImportBatch) -> list[tuple[Any, ...]]:
    last = ends.through(batch)
    return [
        (row.line, row.outcome, ends.done_of(row, last), row.subject_id, row.cells, row.faults, row.changes)
        for row in ImportRow.objects.filter(batch=batch).order_by("line")
    ]


def _mixed() -> bytes:
    """Usual rows, twice the same, one member twice, nobody, who is gone, a repaired phone, two tags."""
    return csv_of(
        f"{phone(0)},奶茶", f"{phone(1)},奶茶", f"{phone(0)},奶茶", f"{phone(0)},常客", "0999999999,奶茶",
        f"{phone(2)},奶茶", f"{phone(3)},奶茶", f"{phone(4)[1:]},奶茶", f"{phone(5)},奶茶、常客",
        f"{phone(0)},奶茶", f"{phone(6)},沒定義", f"{phone(7)},奶茶", head=HEAD,
    )  # fmt: skip


def _way(short: bool, duplicates: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is there after each step, with members as they were before the other way."""
    if not short:
        monkeypatch.setattr(cells.RowReader, "read_many", lambda self, rows: None)
    monkeypatch.setattr(reading, "SLICE", 1)
    batch = check(_mixed(), kind="tags", policy={"duplicates": duplicates})
    assert (not ImportRow.objects.filter(batch=batch, done="applied").exists()) is not short
    found: list[Any] = [_staged(batch), batch.counts]
    freeze(member=Member.objects.get(phone=f"+886{phone(7)[1:]}"), reason="查核", actor=ROBOT, now=NOON)
    gone = Member.objects.get(phone=f"+886{phone(1)[1:]}")
    Member.objects.filter(pk=gone.pk).update(phone="+886987654321")
    run(confirmed(batch))
    links = set(MemberTag.objects.values_list("member_id", "tag_id", "origin"))
    found += [_staged(batch), batch.counts, links]
    undo(batch)
    return [*found, _staged(batch), batch.counts, set(MemberTag.objects.values_list("member_id", "tag_id"))]


@pytest.mark.django_db
@pytest.mark.parametrize("duplicates", ["first", "last", "error"])
def test_both_ways_stage_give_and_take_back_the_same(
    duplicates: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import transaction

    everybody, milk, _often = people(), tag("奶茶"), tag("常客")
    tags.tag_member(member=everybody[2], tag_id=milk.pk, actor=ROBOT, now=NOON)
    Member.objects.filter(pk=everybody[3].pk).update(status="merged", merged_into=everybody[4], phone="")
    answers = []
    for short in (True, False):
        with transaction.atomic():
            answers.append(_way(short, duplicates, monkeypatch))
            transaction.set_rollback(True)
    short_way, long_way = answers
    for told, wanted in zip(short_way, long_way, strict=True):
        assert told == wanted
    outcomes = {line: outcome for line, outcome, *_more in short_way[0]}
    twice = {"first": {4, 11}, "last": {2, 4}, "error": {2, 4, 11}}[duplicates]
    assert {line for line, outcome in outcomes.items() if outcome == "duplicate"} == twice


# --- Results hold when their line was passed ------------------------------------
def _shown(batch: ImportBatch, user: Any) -> tuple[dict[str, int], int, int, set[str]]:
    """The results as counts, filter, page and file tell them."""
    batch = ImportBatch.objects.get(pk=batch.pk)
    page = preview.page(batch, user, "", 0)
    narrowed = preview.page(batch, user, "done-applied", 0)
    asked: Any = SimpleNamespace(user=None, query={"batch": str(batch.pk)}, whole=True)
    dressed = import_results.dress(list(import_results.rows(asked)), asked)
    criterion = import_results.KIND.criteria["done"]
    assert criterion.narrow(import_results.rows(asked), "applied", asked).count() == len(narrowed.rows)
    open_ones = criterion.narrow(import_results.rows(asked), "", asked).count()
    assert open_ones + len(narrowed.rows) == len(page.rows)
    ended = {f"{row.line} {row.done}" for row in page.rows if row.done}
    assert ended == {f"{row.line} {row.done}" for row in dressed if row.done != RowDone.OPEN.label}
    return batch.counts, len(narrowed.rows), open_ones, ended


@pytest.mark.django_db
def test_no_result_is_told_before_it_is_so(monkeypatch: pytest.MonkeyPatch) -> None:
    people(), tag("奶茶")
    monkeypatch.setattr(applying, "CHUNK", 4)
    boss = UserFactory(role=Role.MARKETER)
    batch = check(listed(), kind="tags")
    assert ImportRow.objects.filter(batch=batch, done="applied").count() == PEOPLE
    counts, applied, unended, ended = _shown(batch, boss)
    assert not any(name.startswith("done:") for name in counts)
    assert (applied, unended, ended) == (0, PEOPLE, set())
    confirmed(batch)
    assert _shown(batch, boss)[1:3] == (0, PEOPLE)
    _work_once(batch)
    assert MemberTag.objects.count() == 4 == _shown(batch, boss)[1]
    run(batch)
    counts, applied, unended, _ended = _shown(batch, boss)
    assert (counts["done:applied"], applied, unended) == (PEOPLE, PEOPLE, 0)


def _work_once(batch: ImportBatch) -> None:
    """One chunk of the batch's job, then the turn is over."""
    moments = iter([NOON, NOON, NOON, NOON])

    def clock() -> Any:
        return next(moments, NOON + job_runner.TURN)

    job_runner.run(job_id=batch.job_id or 0, clock=clock, worker="test")
    Job.objects.filter(pk=batch.job_id).update(run_at=NOON)
    batch.refresh_from_db()


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["stop", "drop"])
def test_what_was_stopped_stays_out_and_an_undo_leaves_it_alone(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody, milk = people(), tag("奶茶")
    monkeypatch.setattr(applying, "CHUNK", 4)
    boss = UserFactory(role=Role.MARKETER)
    batch = check(listed(), kind="tags")
    if how == "drop":
        verbs.drop(batch_id=batch.pk, actor=ROBOT, now=NOON)
        assert _shown(batch, boss)[1:3] == (0, PEOPLE)
        return
    _work_once(confirmed(batch))
    verbs.stop(batch_id=batch.pk, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    assert (batch.state, batch.counts["done:applied"], batch.counts["stopped"]) == ("applied", 4, 1)
    assert _shown(batch, boss)[1:3] == (4, PEOPLE - 4)
    # Of somebody behind the stop, who got the tag by another import: it is none of this one's.
    MemberTag.objects.create(member=everybody[-1], tag=milk, origin="import", origin_id=batch.pk, at=NOON)
    monkeypatch.setattr(applying, "CHUNK", 5000)
    undo(batch)
    assert (batch.state, batch.counts["done:undone"]) == (ImportState.UNDONE, 4)
    assert list(MemberTag.objects.values_list("member_id", flat=True)) == [everybody[-1].pk]
    assert {line for line, row in rows(batch).items() if row.done == "undone"} == {2, 3, 4, 5}


@pytest.mark.django_db
@pytest.mark.parametrize("lines_back", [1, 5000])
def test_a_stopped_list_goes_back_row_by_row_with_rows_of_one_member_on_both_sides_of_the_stop(
    lines_back: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines behind the stop keep their promise unheld; a hand in one row stays in that one."""
    everybody, milk, often = people(4), tag("奶茶"), tag("常客")
    monkeypatch.setattr(applying, "CHUNK", 4)
    lines = [
        f"{phone(0)},奶茶", f"{phone(0)},常客", f"{phone(1)},奶茶", f"{phone(2)},奶茶",
        f"{phone(2)},常客", f"{phone(3)},奶茶", f"{phone(1)},常客",
    ]  # fmt: skip
    batch = check(csv_of(*lines, head=HEAD), kind="tags")
    assert batch.counts["changed"] == 7
    _work_once(confirmed(batch))
    verbs.stop(batch_id=batch.pk, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    assert batch.counts["done:applied"] == 4 == MemberTag.objects.count()
    # By hand since: a tag that the list gave, and one that a line behind the stop means.
    staff = Actor.staff(UserFactory())
    tags.untag_member(member=everybody[0], tag_id=milk.pk, actor=ROBOT, now=NOON)
    tags.tag_member(member=everybody[0], tag_id=milk.pk, actor=staff, now=NOON)
    tags.tag_member(member=everybody[2], tag_id=often.pk, actor=staff, now=NOON)
    monkeypatch.setattr(applying, "CHUNK", lines_back)
    undo(batch)
    assert {line: done for line, _outcome, done, *_more in _staged(batch)} == {
        2: "kept", 3: "undone", 4: "undone", 5: "undone", 6: "", 7: "", 8: "",
    }  # fmt: skip
    assert (batch.counts["done:undone"], batch.counts["done:kept"]) == (3, 1)
    assert "done:applied" not in batch.counts
    left = set(MemberTag.objects.values_list("member_id", "tag_id", "origin"))
    assert left == {(everybody[0].pk, milk.pk, "staff"), (everybody[2].pk, often.pk, "staff")}
    # What was stopped and undone may come in as a whole afterwards.
    monkeypatch.setattr(applying, "CHUNK", 5000)
    again = bring(csv_of(*lines, head=HEAD), kind="tags")
    assert (again.counts["done:applied"], again.counts["same"]) == (5, 2)


# --- Others, meanwhile ------------------------------------
@pytest.mark.django_db
def test_what_came_otherwise_than_promised_is_told_and_the_rest_goes_in() -> None:
    everybody, milk = people(5), tag("奶茶")
    batch = check(listed(5), kind="tags")
    staff = Actor.staff(UserFactory())
    tags.tag_member(member=everybody[0], tag_id=milk.pk, actor=staff, now=NOON)
    erasure.erase(member=everybody[1], reason="要求", actor=ROBOT, now=NOON)
    Member.objects.filter(pk=everybody[2].pk).update(phone="+886987654321")
    MemberFactory(phone=f"+886{phone(2)[1:]}")
    run(confirmed(batch))
    told = [(outcome, done) for _line, outcome, done, *_more in _staged(batch)]
    assert told == [
        ("same", ""), ("conflict", "refused"), ("conflict", "refused"), ("changed", "applied"),
        ("changed", "applied"),
    ]  # fmt: skip
    assert {phone for phone, _name in carriers()} == {f"+886{phone(number)[1:]}" for number in (0, 3, 4)}
    assert MemberTag.objects.get(member=everybody[0]).origin == "staff"
    undo(batch)
    assert list(MemberTag.objects.values_list("member_id", flat=True)) == [everybody[0].pk]


@pytest.mark.django_db
def test_whoever_is_erased_goes_from_lists_that_have_no_keys_too() -> None:
    """Also from the row of a list that was checked before he was a member."""
    tag("奶茶")
    early = check(listed(2), kind="tags")
    member = people(1)[0]
    late = bring(listed(2), kind="tags")
    erasure.erase(member=member, reason="要求", actor=ROBOT, now=NOON)
    for batch in (early, late):
        kept = rows(batch)
        assert (kept[2].cells, kept[2].changes, kept[2].key) == (None, None, None)
        assert kept[3].cells is not None


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("locked", [True, False])
def test_nobody_is_erased_while_a_chunk_gives_tags(
    together: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    """An erasure has taken the tags off and is about to blank the row; the control, without the lock, gives
    the erased one a tag.
    """
    member = people(1)[0]
    tag("奶茶")
    batch = confirmed(check(listed(1), kind="tags"))
    begun, meeting, blank = Event(), Barrier(2), erasure._blank

    def meet() -> None:
        with suppress(BrokenBarrierError):
            meeting.wait(2)

    def slowly(*words: Any, **more: Any) -> None:
        begun.set()
        meet()
        blank(*words, **more)

    def work() -> str:
        begun.wait(10)
        job = job_runner.run(job_id=batch.job_id or 0, clock=lambda: NOON, worker="w")
        meet()
        return str(job and job.state)

    monkeypatch.setattr(erasure, "_blank", slowly)
    if not locked:
        monkeypatch.setattr(member_rows, "wait_for", lambda name, shared=False: None)
    erase = {"member": member, "reason": "要求", "actor": ROBOT, "now": NOON}
    assert together([lambda: erasure.erase(**erase).status, work]) == ["erased", "done"]
    assert MemberTag.objects.exists() is not locked
    assert rows(batch)[2].done == ("refused" if locked else "applied")


# --- Beside others ------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(("others", "gone_in"), [(True, 3), (False, PEOPLE)])
def test_chunks_are_small_while_others_are_at_work(
    others: bool, gone_in: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(), tag("奶茶")
    monkeypatch.setattr(applying, "GENTLE", 3)
    monkeypatch.setattr(pressure, "others_at_work", lambda: others)
    batch = confirmed(check(listed(), kind="tags"))
    _work_once(batch)
    assert MemberTag.objects.count() == gone_in
    run(batch)
    assert batch.counts["done:applied"] == PEOPLE == MemberTag.objects.count()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_others_are_seen_while_they_work_and_forgotten_when_they_rest() -> None:
    with psycopg.connect(database_url(), autocommit=True) as other:
        other.execute("SELECT 1")
        assert pressure.others_at_work()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
    assert not pressure.others_at_work()
