"""An import and its undo are the identity where nobody touched the rows, under every policy; who was touched
since is left alone and counted.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backoffice.actors import Actor
from backoffice.choices import ImportState, Role
from backoffice.models import ImportBatch, ImportRow, User
from backoffice.services.imports import applying, verbs
from members.models import Member, MemberTag, Tag
from members.services import tags
from tests.conftest import NOON
from tests.factories.backoffice import UserFactory
from tests.factories.members import MemberFactory
from tests.imports.desk import ROBOT, check, csv_of, run, undo
from tests.imports.test_tags import tag

NAMES = ("甲", "乙", "丙", "丁")
PLACES = 6
LONG = "手機,標籤"
FIELDS = ("phone", "external_id", "name", "gender", "birthday", "county", "status", "card_no", "joined_at")

some_text = st.sampled_from(["", "王", "林大同", '"引號"', "逗,號", "＝1", "𠮷野家"])
few = st.sets(st.sampled_from(NAMES), max_size=2)
one_name = st.sets(st.sampled_from(NAMES), min_size=1, max_size=1)
crowded_lines = st.lists(
    st.tuples(st.integers(0, 1), st.sets(st.sampled_from(NAMES), min_size=1, max_size=3)),
    min_size=3, max_size=9,
)  # fmt: skip
answers = st.sampled_from(["", "Y", "否"])
known_members = st.lists(
    st.tuples(some_text, st.sampled_from(["", "female", "male"]), st.sets(st.sampled_from(NAMES))), max_size=4
)
member_lines = st.lists(
    st.tuples(
        st.integers(0, PLACES - 1), some_text, st.sampled_from(["", "女", "男"]),
        st.sampled_from(["", "1990-05-05", "2001-02-28"]), some_text, st.sets(st.sampled_from(NAMES)),
        answers,
    ),
    min_size=1, max_size=7,
)  # fmt: skip
tag_lines = st.lists(
    st.tuples(st.integers(0, PLACES - 1), st.sets(st.sampled_from(NAMES)), answers, answers),
    min_size=1, max_size=7,
)  # fmt: skip
touched = st.sets(st.integers(0, PLACES - 1))
quietly = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def people() -> dict[str, tuple[Any, ...]]:
    """Everything about living members that a file may touch, by phone."""
    carried: dict[int, list[tuple[Any, ...]]] = {}
    for member, *tagged in MemberTag.objects.values_list("member", "tag__name", "origin", "origin_id", "at"):
        carried.setdefault(member, []).append(tuple(tagged))
    return {
        row[0]: (*row, tuple(sorted(carried.get(pk, ()), key=str)))
        for pk, *row in Member.objects.living().values_list("pk", *FIELDS)
    }


def phone(place: int) -> str:
    return f"+88691234567{place}"


def set_up(known: list[tuple[str, str, set[str]]]) -> User:
    for name in NAMES:
        tag(name)
    for place, (name, gender, carried) in enumerate(known):
        member = MemberFactory(
            phone=phone(place), external_id=f"H{place}", name=name, gender=gender, county=""
        )
        for one in Tag.objects.filter(name__in=carried):
            tags.tag_member(member=member, tag_id=one.pk, actor=ROBOT, now=NOON)
    approver: User = UserFactory(role=Role.FINANCE)
    return approver


def brought(batch: ImportBatch, approver: User) -> bool:
    """Whether there was anything to bring in."""
    if not verbs.rows_to_write(batch):
        return False
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    if batch.state == ImportState.WAITING:
        verbs.approve(batch_id=batch.pk, actor=Actor.staff(approver), now=NOON)
        batch.refresh_from_db()
    run(batch)
    return True


def undone(batch: ImportBatch) -> dict[str, int]:
    applied = batch.counts.get("done:applied", 0)
    undo(batch)
    ends = {name: batch.counts.get(f"done:{name}", 0) for name in ("undone", "kept", "stuck", "applied")}
    assert ends["applied"] == 0 and sum(ends.values()) == applied
    return ends


def quoted(cells: list[str]) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


def member_file(lines: list[tuple[Any, ...]]) -> bytes:
    rows = [
        quoted([f"H{place}", phone(place), name, gender, birthday, county, "、".join(sorted(listed)), wide])
        for place, name, gender, birthday, county, listed, wide in lines
    ]
    return csv_of(*rows, head="會員編號,手機,姓名,性別,生日,縣市,標籤,丁")


def hand(place: int, approver: User, name: str = "甲") -> None:
    """Somebody changes the member after the import: his name, and a tag."""
    member = Member.objects.living().filter(phone=phone(place)).first()
    if member is None:
        return
    Member.objects.filter(pk=member.pk).update(name="手改", updated_at=NOON.replace(hour=9))
    mine = Tag.objects.get(name=name)
    tags.untag_member(member=member, tag_id=mine.pk, actor=ROBOT, now=NOON)
    tags.tag_member(member=member, tag_id=mine.pk, actor=Actor.staff(approver), now=NOON)


@pytest.mark.django_db(transaction=True)
@quietly
@given(
    known=known_members, lines=member_lines, hands=touched, key=st.sampled_from(["phone", "external_id"]),
    mode=st.sampled_from(["both", "create", "update"]), empty=st.sampled_from(["keep", "clear"]),
    mode_of_tags=st.sampled_from(["add", "replace", "remove"]),
    duplicates=st.sampled_from(["first", "last", "error"]),
)  # fmt: skip
def test_members(
    known: Any,
    lines: Any,
    hands: set[int],
    key: str,
    mode: str,
    empty: str,
    mode_of_tags: str,
    duplicates: str,
) -> None:
    policy = {"key": key, "mode": mode, "empty": empty, "tags": mode_of_tags, "duplicates": duplicates}
    with transaction.atomic():
        approver = set_up(known)
        before = people()
        batch = check(member_file(lines), policy=policy)
        assert people() == before
        if brought(batch, approver):
            for place in hands:
                hand(place, approver)
            edited = {phone(place): people().get(phone(place)) for place in hands}
            undone(batch)
            after = people()
            for number, person in before.items():
                assert after[number] == person or number in edited
            assert set(after) - set(before) <= set(edited)
            _edited_are_kept(batch, edited, after)
        transaction.set_rollback(True)


def _edited_are_kept(batch: ImportBatch, edited: dict[str, Any], after: dict[str, Any]) -> None:
    for number, person in edited.items():
        if person is None:
            continue
        assert after[number][2] == "手改"
        row = ImportRow.objects.filter(batch=batch, subject_id=_id(number)).exclude(done="").first()
        if row is not None and (row.outcome == "new" or "name" in (row.changes or {})):
            assert row.done == "kept" and after[number] == person


def _id(number: str) -> int:
    return int(Member.objects.living().get(phone=number).pk)


@pytest.mark.django_db(transaction=True)
@quietly
@given(
    known=known_members, lines=tag_lines, mode=st.sampled_from(["add", "replace", "remove"]),
    shape=st.sampled_from(["long", "listed", "wide", "both"]), hands=touched,
)  # fmt: skip
def test_tags(known: Any, lines: Any, mode: str, shape: str, hands: set[int]) -> None:
    with transaction.atomic():
        approver = set_up(known)
        before = people()
        batch = check(tag_file(lines, shape), kind="tags", policy={"tags": mode}, ignore=None)
        assert people() == before
        if brought(batch, approver):
            for place in hands:
                hand(place, approver)
            edited = {phone(place) for place in hands}
            ends = undone(batch)
            after = people()
            assert set(after) == set(before)
            for number, person in before.items():
                assert after[number] == person or number in edited
            for number in edited & set(after):
                staff = [one for one in after[number][-1] if one[:2] == ("甲", "staff")]
                assert staff and staff[0][2] == approver.pk
            assert not ends["kept"] or edited & set(before)
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
@quietly
@given(
    carried=st.tuples(few, few), lines=crowded_lines,
    mode=st.sampled_from(["add", "replace", "remove"]), lines_a_chunk=st.sampled_from([1, 2, 2000]),
    lines_back=st.sampled_from([1, 2, 2000]),
    hands=st.dictionaries(st.integers(0, 1), one_name, min_size=1),
)  # fmt: skip
# The second row stays for 甲 alone; the third said what the first had given, and goes with it.
@example(
    carried=(set(), set()), lines=[(0, {"丙", "乙"}), (0, {"丙", "乙", "甲"}), (0, {"乙"})], mode="add",
    lines_a_chunk=2000, lines_back=1, hands={0: {"甲"}},
)  # fmt: skip
def test_a_row_of_a_member_goes_back_whatever_becomes_of_his_other_rows(
    carried: Any, lines: Any, mode: str, lines_a_chunk: int, lines_back: int, hands: dict[int, set[str]]
) -> None:
    """Long form with touched neighbours, beside a model of it: each row owns what it was the first to do. Who
    else is at work decides how large a chunk is, so an undo comes in other parts than the import.
    """
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(applying, "CHUNK", lines_a_chunk)
        approver = set_up([("王", "", names) for names in carried])
        before = tags_of_people()
        content = csv_of(*(f"{phone(place)},{'、'.join(sorted(names))}" for place, names in lines), head=LONG)
        batch = check(content, kind="tags", policy={"tags": mode})
        if brought(batch, approver):
            for place, names in hands.items():
                for name in sorted(names):
                    hand(place, approver, name)
            patch.setattr(applying, "CHUNK", lines_back)
            undone(batch)
            ends = dict(ImportRow.objects.filter(batch=batch).exclude(done="").values_list("line", "done"))
            after = tags_of_people()
            for place in range(len(carried)):
                mine = {
                    line: names for line, (whose, names) in enumerate(lines, 2)
                    if whose == place and (line in ends or _writes(batch, line))
                }  # fmt: skip
                expected, kept = modelled(before[phone(place)], mine, mode, hands.get(place, set()))
                assert {name for name, _from in after[phone(place)]} == set(expected)
                assert {line for line in mine if ends.get(line) == "kept"} == kept & set(ends)
                by_hand = {(name, ("staff", approver.pk)) for name in hands.get(place, ())}
                assert by_hand <= after[phone(place)]
                untouched = after[phone(place)] - by_hand
                assert all(one in before[phone(place)] or one[1] == ("import", batch.pk) for one in untouched)
        transaction.set_rollback(True)


def _writes(batch: ImportBatch, line: int) -> bool:
    return ImportRow.objects.filter(batch=batch, line=line, outcome__in=["changed", "same"]).exists()


def tags_of_people() -> dict[str, set[tuple[str, tuple[str, Any]]]]:
    """(tag, where it is from) by phone."""
    return {number: {(one[0], (one[1], one[2])) for one in person[-1]} for number, person in people().items()}


def modelled(
    before: set[tuple[str, Any]], rows: dict[int, set[str]], mode: str, hands: set[str]
) -> tuple[set[str], set[int]]:
    """(tags after the undo, lines that are kept) of one member whose rows these are, by line."""
    had = {name for name, _from in before}
    carried = set(had)
    named: set[str] = set().union(*rows.values())
    did: dict[int, tuple[set[str], set[str]]] = {}
    for number, line in enumerate(sorted(rows)):
        gives = set() if mode == "remove" else rows[line] - carried
        takes = {
            "add": set(),
            "remove": rows[line] & carried,
            "replace": set() if number else carried - named,
        }
        did[line] = gives, takes[mode]
        carried = (carried - takes[mode]) | gives
    kept = {line for line, (gives, takes) in did.items() if (gives | takes) & hands}
    left = set(had)
    for line in kept:
        left = (left - did[line][1]) | did[line][0]
    # A row that did nothing itself stays where the row that did it for both stays.
    for line, names in rows.items():
        first = [one for one in sorted(rows) if one < line and one in kept]
        if did[line] == (set(), set()) and any(names & (did[one][0] | did[one][1]) for one in first):
            kept = kept | {line}
    return left | hands, kept


def tag_file(lines: list[tuple[Any, ...]], shape: str) -> bytes:
    if shape == "long":
        return csv_of(
            *(
                f"{phone(place)},{name}"
                for place, listed, *_wide in lines
                for name in sorted(listed) or ["甲"]
            ),
            head="手機,標籤",
        )
    head = {"listed": "手機,標籤", "wide": "手機,甲,乙", "both": "手機,標籤,甲,乙"}[shape]
    rows = []
    for place, listed, *wide in lines:
        cells = [phone(place)]
        cells += ["、".join(sorted(listed))] if shape != "wide" else []
        cells += wide if shape != "listed" else []
        rows.append(quoted(cells))
    return csv_of(*rows, head=head)


@pytest.mark.django_db
def test_a_tag_that_somebody_gave_by_hand_since_stays_and_the_row_is_reported() -> None:
    approver = set_up([("王", "", set()), ("林", "", {"乙"})])
    batch = check(csv_of(f"{phone(0)},甲", f"{phone(1)},甲", head="手機,標籤"), kind="tags")
    assert brought(batch, approver)
    hand(0, approver)
    assert undone(batch) == {"undone": 1, "kept": 1, "stuck": 0, "applied": 0}
    assert set(MemberTag.objects.values_list("member__phone", "tag__name")) == {
        (phone(0), "甲"), (phone(1), "乙"),
    }  # fmt: skip
