"""Tags: the registry, lists of phones and tags, merging, and tagging by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from backoffice.actors import Actor
from backoffice.choices import Role
from backoffice.services.imports import applying
from members.errors import NoSuchTag, TagIncomplete, TagLooksAlike, TagMergeWrong, WrongStatus
from members.models import Member, MemberTag, Tag, TagName
from members.selectors.tags import carried, dead_tags
from members.services import tags
from members.services.erasure import erase
from members.tag_names import slug_of
from tests.conftest import NOON
from tests.factories.backoffice import UserFactory
from tests.factories.members import MemberFactory
from tests.imports.desk import ROBOT, bring, check, csv_of, outcomes, rows, undo

pytestmark = pytest.mark.django_db
HEAD = "手機,標籤"


def tag(name: str, **more: Any) -> Tag:
    values = {
        "group": "喜好",
        "definition": "買過兩次以上",
        "owner": None,
        "actor": ROBOT,
        "now": NOON,
        **more,
    }
    return tags.define_tag(name=name, **values)


def carriers() -> set[tuple[str, str]]:
    return set(MemberTag.objects.values_list("member__phone", "tag__name"))


# --- The registry ------------------------------------
def test_a_tag_without_group_or_definition_is_refused() -> None:
    for missing in ({"group": " "}, {"definition": ""}):
        with pytest.raises(TagIncomplete):
            tag("奶茶", **missing)
    assert not Tag.objects.exists() and not TagName.objects.exists()


@pytest.mark.parametrize("name", ["收入：35－49k", "收入 35-49K", "收入3549k"])
def test_a_name_that_looks_like_another_is_refused(name: str) -> None:
    first = tag("收入:35-49K")
    with pytest.raises(TagLooksAlike) as refused:
        tag(name)
    assert refused.value.details["tag_id"] == first.pk
    assert Tag.objects.count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_who_define_look_alikes_at_once_get_one_tag(together: Callable[..., Any]) -> None:
    answers = together([lambda: tag("奶茶控"), lambda: tag("奶茶 控")])
    assert sorted(type(answer).__name__ for answer in answers) in (["Tag", "TagLooksAlike"],)
    assert Tag.objects.count() == TagName.objects.count() == 1


def test_an_alias_leads_files_to_the_tag() -> None:
    MemberFactory(phone="+886912345678")
    milk = tag("奶茶控")
    tags.add_alias(tag_id=milk.pk, name="珍奶愛好者", actor=ROBOT, now=NOON)
    bring(csv_of("0912345678,珍奶愛好者", head=HEAD), kind="tags")
    assert carriers() == {("+886912345678", "奶茶控")}


def test_merging_moves_carriers_with_their_origin_and_names_follow() -> None:
    member, other = MemberFactory(), MemberFactory()
    staff = Actor.staff(UserFactory())
    milk, tea = tag("奶茶"), tag("鮮奶茶")
    tags.tag_member(member=member, tag_id=tea.pk, actor=staff, now=NOON)
    tags.tag_member(member=other, tag_id=tea.pk, actor=staff, now=NOON)
    tags.tag_member(member=other, tag_id=milk.pk, actor=ROBOT, now=NOON)
    tags.merge_tags(tag_id=tea.pk, into_id=milk.pk, actor=ROBOT, now=NOON)
    assert set(MemberTag.objects.values_list("member_id", "tag_id", "origin", "origin_id")) == {
        (member.pk, milk.pk, "staff", staff.user.pk if staff.user else None),
        (other.pk, milk.pk, "staff", None),
    }
    assert TagName.objects.get(slug=slug_of("鮮奶茶")).tag == milk
    with pytest.raises(NoSuchTag):
        tags.tag_member(member=member, tag_id=tea.pk, actor=staff, now=NOON)
    with pytest.raises(TagMergeWrong):
        tags.merge_tags(tag_id=milk.pk, into_id=milk.pk, actor=ROBOT, now=NOON)


def test_dead_tags_are_those_that_are_over_or_that_nobody_carries() -> None:
    living, over, empty = tag("活"), tag("過期", expires_on=date(2026, 6, 14)), tag("沒人")
    for one in (living, over):
        MemberTag.objects.create(member=MemberFactory(), tag=one, origin="rule", origin_id=1, at=NOON)
    assert set(dead_tags(NOON.date())) == {over, empty}


# --- By hand ------------------------------------
def test_a_colleague_adds_and_takes_a_tag_once() -> None:
    member, milk, staff = MemberFactory(), tag("奶茶"), Actor.staff(UserFactory(name="小林"))
    assert tags.tag_member(member=member, tag_id=milk.pk, actor=staff, now=NOON)
    assert not tags.tag_member(member=member, tag_id=milk.pk, actor=staff, now=NOON)
    assert [(one.tag, one.source) for one in carried(member, NOON.date())] == [(milk, "小林")]
    assert tags.untag_member(member=member, tag_id=milk.pk, actor=staff, now=NOON)
    assert not tags.untag_member(member=member, tag_id=milk.pk, actor=staff, now=NOON)


def test_an_erased_member_carries_no_tags_and_gets_none() -> None:
    member, milk = MemberFactory(), tag("奶茶")
    tags.tag_member(member=member, tag_id=milk.pk, actor=ROBOT, now=NOON)
    erase(member=member, reason="要求", actor=ROBOT, now=NOON)
    assert not MemberTag.objects.exists()
    with pytest.raises(WrongStatus):
        tags.tag_member(member=member, tag_id=milk.pk, actor=ROBOT, now=NOON)


# --- Lists ------------------------------------
def test_a_list_tags_all_matches_reports_the_others_and_is_undone_as_one() -> None:
    for n in range(3):
        MemberFactory(phone=f"+88691234567{n}")
    tag("奶茶"), tag("常客")
    lines = [
        "0912345670,奶茶",
        "0912345670,常客",
        "912345671,奶茶、常客",
        "0999999999,奶茶",
        "0912345672,沒定義",
        "0912345670,奶茶",
    ]
    batch = bring(csv_of(*lines, head=HEAD), kind="tags")
    assert outcomes(batch) == [
        (2, "changed", ""), (3, "changed", ""), (4, "changed", ""), (5, "conflict", "not_there"),
        (6, "error", "tag_undefined"), (7, "duplicate", "twice"),
    ]  # fmt: skip
    assert rows(batch)[4].repairs
    assert carriers() == {(f"+88691234567{n}", name) for n in range(2) for name in ("奶茶", "常客")}
    assert set(MemberTag.objects.values_list("origin", "origin_id")) == {("import", batch.pk)}
    undo(batch)
    assert carriers() == set()


def by_hand(member: Member, one: Tag) -> None:
    """A colleague takes the tag off and puts it on again: from now on it is his."""
    tags.untag_member(member=member, tag_id=one.pk, actor=ROBOT, now=NOON)
    tags.tag_member(member=member, tag_id=one.pk, actor=Actor.staff(UserFactory()), now=NOON)


def ends(batch: Any) -> dict[int, str]:
    return {line: row.done for line, row in rows(batch).items()}


def test_an_undo_leaves_the_tags_of_a_kept_row_and_takes_those_of_the_rows_beside_it() -> None:
    member, milk = MemberFactory(phone="+886912345678"), tag("奶茶")
    tag("茶"), tag("新")
    batch = bring(csv_of("0912345678,茶", "0912345678,奶茶、新", head=HEAD), kind="tags")
    by_hand(member, milk)
    undo(batch)
    assert ends(batch) == {2: "undone", 3: "kept"}
    assert carriers() == {("+886912345678", "奶茶"), ("+886912345678", "新")}


@pytest.mark.parametrize("lines_back", [1, 2, 5000])
def test_what_two_rows_give_is_the_first_ones_and_the_second_says_so_when_it_stays(
    lines_back: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    member, milk = MemberFactory(phone="+886912345678"), tag("奶茶")
    tag("茶"), tag("新")
    lines = ("0912345678,奶茶、茶", "0912345678,茶", "0912345678,茶、新")
    batch = bring(csv_of(*lines, head=HEAD), kind="tags")
    assert ends(batch) == dict.fromkeys((2, 3, 4), "applied")
    by_hand(member, milk)
    monkeypatch.setattr(applying, "CHUNK", lines_back)
    undo(batch)
    assert ends(batch) == {2: "kept", 3: "kept", 4: "undone"}
    assert carriers() == {("+886912345678", "奶茶"), ("+886912345678", "茶")}


def test_a_hand_in_what_the_first_row_gave_does_not_keep_the_second() -> None:
    member, milk = MemberFactory(phone="+886912345678"), tag("奶茶")
    tag("新")
    batch = bring(csv_of("0912345678,奶茶", "0912345678,奶茶、新", head=HEAD), kind="tags")
    by_hand(member, milk)
    undo(batch)
    assert ends(batch) == {2: "kept", 3: "undone"}
    assert carriers() == {("+886912345678", "奶茶")}


def test_what_a_kept_row_has_taken_does_not_come_back_with_the_row_beside_it() -> None:
    member, milk, tea, new = MemberFactory(phone="+886912345678"), tag("奶茶"), tag("茶"), tag("新")
    for one in (milk, tea, new):
        tags.tag_member(member=member, tag_id=one.pk, actor=ROBOT, now=NOON)
    batch = bring(
        csv_of("0912345678,奶茶、茶", "0912345678,茶、新", head=HEAD),
        kind="tags", policy={"tags": "remove"}, approver=UserFactory(role=Role.FINANCE),
    )  # fmt: skip
    assert carriers() == set()
    tags.tag_member(member=member, tag_id=milk.pk, actor=Actor.staff(UserFactory()), now=NOON)
    undo(batch)
    assert ends(batch) == {2: "kept", 3: "undone"}
    assert carriers() == {("+886912345678", "奶茶"), ("+886912345678", "新")}


@pytest.mark.parametrize("lines_back", [1, 5000])
def test_what_two_rows_took_comes_back_once_and_both_say_so(
    lines_back: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In small parts the second one's turn comes first."""
    member, milk, tea = MemberFactory(phone="+886912345678"), tag("奶茶"), tag("茶")
    for one in (milk, tea):
        tags.tag_member(member=member, tag_id=one.pk, actor=ROBOT, now=NOON)
    before = set(MemberTag.objects.values_list("tag_id", "origin", "origin_id", "at"))
    batch = bring(
        csv_of("0912345678,奶茶、茶", "0912345678,茶", head=HEAD),
        kind="tags", policy={"tags": "remove"}, approver=UserFactory(role=Role.FINANCE),
    )  # fmt: skip
    assert carriers() == set()
    monkeypatch.setattr(applying, "CHUNK", lines_back)
    undo(batch)
    assert ends(batch) == {2: "undone", 3: "undone"}
    assert set(MemberTag.objects.values_list("tag_id", "origin", "origin_id", "at")) == before


def test_a_row_goes_back_also_where_its_tags_were_merged_since() -> None:
    member, milk, tea, new = MemberFactory(phone="+886912345678"), tag("奶茶"), tag("茶"), tag("新")
    old = tag("舊")
    tags.tag_member(member=member, tag_id=old.pk, actor=ROBOT, now=NOON)
    batch = bring(
        csv_of("0912345678,茶", "0912345678,新", head=HEAD),
        kind="tags", policy={"tags": "replace"}, approver=UserFactory(role=Role.FINANCE),
    )  # fmt: skip
    tags.merge_tags(tag_id=tea.pk, into_id=milk.pk, actor=ROBOT, now=NOON)
    # What was taken and what was given are one tag by now; nobody had a hand in the member.
    tags.merge_tags(tag_id=old.pk, into_id=new.pk, actor=ROBOT, now=NOON)
    undo(batch)
    assert ends(batch) == {2: "undone", 3: "undone"}
    assert list(MemberTag.objects.values_list("tag_id", "origin")) == [(new.pk, "staff")]


def test_tags_of_others_stay_when_a_list_adds_and_an_undo_takes_only_its_own() -> None:
    member, milk, tea = MemberFactory(phone="+886912345678"), tag("奶茶"), tag("茶")
    tags.tag_member(member=member, tag_id=milk.pk, actor=Actor.staff(UserFactory()), now=NOON)
    batch = bring(csv_of("0912345678,奶茶、茶", head=HEAD), kind="tags")
    assert carriers() == {("+886912345678", "奶茶"), ("+886912345678", "茶")}
    undo(batch)
    assert list(MemberTag.objects.values_list("tag_id", "origin")) == [(milk.pk, "staff")]
    assert tea.pk


@pytest.mark.parametrize(("mode", "left"), [("replace", {"茶", "新"}), ("remove", {"奶茶"})])
def test_replacing_and_removing_need_a_second_person_and_an_undo_brings_back_who_had_given_them(
    mode: str, left: set[str]
) -> None:
    member = MemberFactory(phone="+886912345678")
    staff = Actor.staff(UserFactory())
    for name in ("奶茶", "茶"):
        tags.tag_member(member=member, tag_id=tag(name).pk, actor=staff, now=NOON)
    tag("新")
    before = set(MemberTag.objects.values_list("tag_id", "origin", "origin_id"))
    # Long form: what stays is what all lines of the member say together.
    content = csv_of("0912345678,茶", "0912345678,新", head=HEAD)
    batch = bring(content, kind="tags", policy={"tags": mode}, approver=UserFactory(role=Role.FINANCE))
    assert {name for _phone, name in carriers()} == left
    undo(batch)
    assert set(MemberTag.objects.values_list("tag_id", "origin", "origin_id")) == before


def test_tags_that_are_not_defined_are_defined_where_the_uploader_says_so() -> None:
    MemberFactory(phone="+886912345678")
    policy = {"new_tags": "create", "tag_group": "住家", "tag_definition": "2026 問卷"}
    batch = bring(csv_of("0912345678,大安 區、大安區、新", head=HEAD), kind="tags", policy=policy)
    assert set(Tag.objects.values_list("name", "group", "definition")) == {
        ("大安區", "住家", "2026 問卷"), ("新", "住家", "2026 問卷"),
    }  # fmt: skip
    assert len(carriers()) == 2 and batch.counts["done:applied"] == 1


def test_members_come_in_with_their_tags() -> None:
    tag("奶茶"), tag("常客")
    batch = bring(csv_of("0912345678,王,奶茶;常客", "0922333444,林,", head="手機,姓名,標籤"))
    assert carriers() == {("+886912345678", "奶茶"), ("+886912345678", "常客")}
    again = check(csv_of("0912345678,王,常客", head="手機,姓名,標籤"))
    assert again.counts["same"] == 1
    undo(batch)
    assert not Member.objects.exists() and not MemberTag.objects.exists()


def test_a_tag_that_is_merged_between_preview_and_apply_leads_on() -> None:
    from backoffice.services.imports import verbs
    from tests.imports.desk import run

    MemberFactory(phone="+886912345678")
    tea, milk = tag("茶"), tag("奶茶")
    batch = check(csv_of("0912345678,茶", head=HEAD), kind="tags")
    tags.merge_tags(tag_id=tea.pk, into_id=milk.pk, actor=ROBOT, now=NOON)
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    run(batch)
    assert carriers() == {("+886912345678", "奶茶")}
