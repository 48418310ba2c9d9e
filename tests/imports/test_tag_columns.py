"""Wide files: a column for each tag, yes or no in the cells, beside or instead of a list in one cell."""

from __future__ import annotations

import io

import pytest
from django.utils import translation

from backoffice.actors import Actor
from backoffice.choices import ImportState, Role
from backoffice.errors import ColumnsIgnored, ImportLayoutWrong, ImportPolicyIncomplete
from backoffice.services.imports import layouts, results, verbs
from members.models import MemberTag, Tag, TagName
from members.services import tags
from tests.conftest import NOON
from tests.factories.backoffice import UserFactory
from tests.factories.members import MemberFactory
from tests.imports.desk import ROBOT, bring, check, csv_of, look, outcomes, rows, run, undo
from tests.imports.test_tags import carriers, tag

pytestmark = pytest.mark.django_db
PEOPLE = [f"+88691234567{n}" for n in range(4)]


@pytest.fixture(autouse=True)
def _members_and_tags() -> None:
    for phone in PEOPLE:
        MemberFactory(phone=phone)
    tag("奶茶控"), tag("常客")


def of(name: str) -> set[str]:
    return {phone for phone, carried in carriers() if carried == name}


def test_heads_are_tags_and_cells_say_yes_or_no_in_many_ways() -> None:
    lines = ["0912345670,✓,1", "0912345671,是,Y", "0912345672,否,0", "0912345673,,x"]
    batch = bring(csv_of(*lines, head="手機,奶茶控,常客"), kind="tags")
    assert (of("奶茶控"), of("常客")) == (set(PEOPLE[:2]), set(PEOPLE[:2]))
    assert [outcome for _line, outcome, _fault in outcomes(batch)] == ["changed", "changed", "same", "same"]
    undo(batch)
    assert carriers() == set()


def test_an_alias_and_another_way_of_writing_lead_to_the_tag() -> None:
    tags.add_alias(tag_id=Tag.objects.get(name="奶茶控").pk, name="珍奶愛好者", actor=ROBOT, now=NOON)
    bring(csv_of("0912345670,Y,Y", head="手機,珍奶愛好者,標籤：常 客"), kind="tags")
    assert carriers() == {(PEOPLE[0], "奶茶控"), (PEOPLE[0], "常客")}


def test_two_columns_of_one_tag_are_refused() -> None:
    tags.add_alias(tag_id=Tag.objects.get(name="奶茶控").pk, name="珍奶愛好者", actor=ROBOT, now=NOON)
    with pytest.raises(ImportLayoutWrong) as refused:
        check(csv_of("0912345670,Y,N", head="手機,奶茶控,珍奶愛好者"), kind="tags")
    assert "奶茶控" in str(refused.value)


def test_a_column_of_tags_is_all_that_a_tag_file_needs_beside_the_person() -> None:
    with pytest.raises(ImportLayoutWrong):
        check(csv_of("0912345670,Y", head="手機,沒定義"), kind="tags", ignore=None)
    assert check(csv_of("0912345670,Y", head="手機,常客"), kind="tags").state == ImportState.CHECKED


def test_a_head_that_nobody_knows_is_named_and_ignored() -> None:
    content = csv_of("0912345670,Y,Y", head="手機,常客,沒定義")
    with pytest.raises(ColumnsIgnored) as refused:
        check(content, kind="tags")
    assert "沒定義" in str(refused.value)
    batch = bring(content, kind="tags", ignore=["沒定義"])
    assert layouts.ignored(batch.layout) == ["沒定義"]
    assert carriers() == {(PEOPLE[0], "常客")} and Tag.objects.count() == 2


def test_what_nobody_knew_is_understood_once_it_is_defined() -> None:
    actor = Actor.staff(UserFactory(role=Role.MARKETER))
    content = csv_of("0912345670,Y,Y", head="手機,常客,沒定義")
    check(content, kind="tags", ignore=None, actor=actor)
    tag("沒定義")
    assert "" not in look(content, kind="tags", actor=actor).layout["fields"]


@pytest.mark.parametrize(
    ("policy", "fault"),
    [
        ({"new_tags": "refuse"}, "tag_undefined"),
        ({"new_tags": "create", "tag_definition": "問卷"}, "tag_ungrouped"),
    ],
)
def test_a_new_tag_of_a_column_follows_the_registry(policy: dict[str, str], fault: str) -> None:
    batch = look(csv_of("0912345670,Y", "0912345671,", head="手機,沒定義"), kind="tags")
    verbs.check(batch_id=batch.pk, fields=["phone", "newtag-1"], policy=policy, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    run(batch)
    assert outcomes(batch) == [(2, "error", fault), (3, "same", "")]
    assert "沒定義" in _reason(batch)


def _reason(batch: object) -> str:
    target = io.BytesIO()
    results.write_errors(batch=batch, target=target, actor=ROBOT, now=NOON)  # type: ignore[arg-type]
    return target.getvalue().decode("utf-8-sig")


def test_a_new_tag_of_a_column_gets_definition_owner_and_group() -> None:
    owner = UserFactory(role=Role.MARKETER)
    batch = look(
        csv_of("0912345670,Y,N", head="手機,奶茶新,住家:租屋"), kind="tags", actor=Actor.staff(owner)
    )
    policy = {"new_tags": "create", "tag_definition": "2026 問卷", "tag_group": "喜好"}
    fields = ["phone", "newtag-1", "newtag-2"]
    with pytest.raises(ImportPolicyIncomplete):
        verbs.check(batch_id=batch.pk, fields=fields, policy={"new_tags": "create"}, actor=ROBOT, now=NOON)
    verbs.check(batch_id=batch.pk, fields=fields, policy=policy, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    run(batch)
    verbs.confirm(batch_id=batch.pk, actor=Actor.staff(owner), now=NOON)
    batch.refresh_from_db()
    run(batch)
    made = Tag.objects.get(name="奶茶新")
    assert (made.group, made.definition, made.owner) == ("喜好", "2026 問卷", owner)
    # Nobody said yes to the other one, so it was not made.
    assert not TagName.objects.filter(name="住家:租屋").exists()
    assert carriers() == {(PEOPLE[0], "奶茶新")}


def test_a_cell_that_says_neither_is_an_error_with_the_columns_own_name() -> None:
    batch = check(csv_of("0912345670,大概", head="手機,常客"), kind="tags")
    fault = rows(batch)[2].faults[0]
    assert (fault["fault"], fault["value"]) == ("yes_no", "大概")
    with translation.override("zh-hant"):
        assert "常客" in _reason(batch).splitlines()[1]


def test_replacing_by_columns_takes_only_what_a_column_answers_with_no() -> None:
    third = tag("其他")
    for phone in PEOPLE[:3]:
        for one in Tag.objects.all():
            MemberTag.objects.create(member_id=_id(phone), tag=one, origin="staff", origin_id=None, at=NOON)
    before = set(MemberTag.objects.values_list("member_id", "tag_id", "origin", "at"))
    content = csv_of("0912345670,Y,否", "0912345671,,N", "0912345672,Y,", head="手機,奶茶控,常客")
    batch = bring(content, kind="tags", policy={"tags": "replace"}, approver=UserFactory(role=Role.FINANCE))
    assert of("常客") == {PEOPLE[2]}
    assert of("奶茶控") == of("其他") == set(PEOPLE[:3]) and third.pk
    undo(batch)
    assert set(MemberTag.objects.values_list("member_id", "tag_id", "origin", "at")) == before


def _id(phone: str) -> int:
    from members.models import Member

    return int(Member.objects.get(phone=phone).pk)


def test_removing_by_columns_takes_what_a_column_answers_with_yes() -> None:
    for one in Tag.objects.all():
        MemberTag.objects.create(member_id=_id(PEOPLE[0]), tag=one, origin="rule", origin_id=3, at=NOON)
    content = csv_of("0912345670,Y,N", head="手機,奶茶控,常客")
    batch = bring(content, kind="tags", policy={"tags": "remove"}, approver=UserFactory(role=Role.FINANCE))
    assert carriers() == {(PEOPLE[0], "常客")}
    undo(batch)
    assert set(MemberTag.objects.values_list("tag__name", "origin", "origin_id")) == {
        ("奶茶控", "rule", 3), ("常客", "rule", 3),
    }  # fmt: skip


def test_a_list_in_a_cell_and_columns_go_together_also_for_new_members() -> None:
    tag("其他")
    lines = ["0912345670,王,其他,Y", "0999888777,新,,✓"]
    batch = bring(csv_of(*lines, head="手機,姓名,標籤,常客"))
    assert carriers() == {(PEOPLE[0], "其他"), (PEOPLE[0], "常客"), ("+886999888777", "常客")}
    undo(batch)
    assert carriers() == set()


def test_the_template_speaks_of_columns_of_tags() -> None:
    from backoffice.services.imports import templates
    from backoffice.services.imports.kinds import kind_of

    target = io.BytesIO()
    with translation.override("en"):
        templates.write(kind_of("tags"), "xlsx", target)
    import python_calamine

    target.seek(0)
    told = python_calamine.CalamineWorkbook.from_object(target).get_sheet_by_index(1).to_python()
    assert any(row[0] == "A column for each tag" for row in told)
