"""A tag for everybody in a list of members: stored filter, preview, apply, undo as one batch."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.actors import Actor
from backoffice.choices import ImportState, Reach, Role
from backoffice.errors import ImportNothingToDo, ImportNotThere, ImportReach
from backoffice.models import AuditEvent, ImportBatch, ImportRow, User
from backoffice.services.imports import looking, verbs
from members.errors import NoSuchTag, NotAListFilter
from members.models import Member, MemberTag, Tag
from members.selectors.member_lists import narrowed
from members.services import tags
from members.services.erasure import erase
from members.services.imports import listed
from tests.conftest import NOON
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.members import MemberFactory
from tests.imports.desk import ROBOT, outcomes, run, undo
from tests.imports.test_pages import confirm, page, work
from tests.imports.test_tags import carriers, tag

pytestmark = pytest.mark.django_db


@pytest.fixture
def marketer() -> User:
    user: User = UserFactory(role=Role.MARKETER)
    return user


def ask(user: User, query: dict[str, str], one: Tag, act: str = "add") -> ImportBatch:
    batch = listed.tag_listed(query=query, tag_id=one.pk, act=act, actor=Actor.staff(user), now=NOON)
    return run(batch)


def bring_in(user: User, batch: ImportBatch, approver: User | None = None) -> ImportBatch:
    verbs.confirm(batch_id=batch.pk, actor=Actor.staff(user), now=NOON)
    batch.refresh_from_db()
    if approver is not None:
        assert batch.state == ImportState.WAITING
        verbs.approve(batch_id=batch.pk, actor=Actor.staff(approver), now=NOON)
        batch.refresh_from_db()
    return run(batch)


# --- The way ------------------------------------
def test_everybody_of_the_filter_is_tagged_and_an_undo_takes_it_back(
    marketer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listed, "CHUNK", 4)
    for number in range(10):
        MemberFactory(phone=f"+88691234567{number}", source="app" if number < 7 else "store")
    milk = tag("奶茶控")
    has = Member.objects.get(phone="+886912345670")
    tags.tag_member(member=has, tag_id=milk.pk, actor=Actor.staff(marketer), now=NOON)
    batch = ask(marketer, {"source__exact": "app"}, milk)
    assert (batch.state, batch.counts["changed"], batch.counts["same"]) == (ImportState.CHECKED, 6, 1)
    assert MemberTag.objects.count() == 1
    bring_in(marketer, batch)
    assert {phone for phone, _name in carriers()} == {f"+88691234567{n}" for n in range(7)}
    assert set(MemberTag.objects.values_list("origin", "origin_id")) == {
        ("staff", marketer.pk), ("import", batch.pk),
    }  # fmt: skip
    assert undo(batch).counts["done:undone"] == 6
    assert carriers() == {("+886912345670", "奶茶控")}


def test_who_comes_later_is_not_touched_and_the_filter_is_stored(marketer: User) -> None:
    MemberFactory(phone="+886912345678", source="app")
    milk = tag("奶茶控")
    batch = listed.tag_listed(
        query={"source__exact": "app"}, tag_id=milk.pk, act="add", actor=Actor.staff(marketer), now=NOON
    )
    MemberFactory(phone="+886922333444", source="app")
    run(batch)
    MemberFactory(phone="+886933444555", source="app")
    bring_in(marketer, batch)
    assert carriers() == {("+886912345678", "奶茶控")}
    assert batch.layout["filter"] == {"source__exact": "app"}
    event = AuditEvent.objects.get(action="import.collect", subject_id=str(batch.pk))
    assert event.changes["filter"] == [None, {"source__exact": "app"}]


def test_taking_away_needs_a_second_person_and_an_undo_gives_origins_back(marketer: User) -> None:
    milk, other = tag("奶茶控"), tag("其他")
    member = MemberFactory()
    for one in (milk, other):
        tags.tag_member(member=member, tag_id=one.pk, actor=Actor.staff(marketer), now=NOON)
    before = set(MemberTag.objects.values_list("tag", "origin", "origin_id", "at"))
    batch = ask(marketer, {"tag": str(milk.pk)}, milk, "remove")
    bring_in(marketer, batch, UserFactory(role=Role.FINANCE))
    assert set(MemberTag.objects.values_list("tag", flat=True)) == {other.pk}
    undo(batch)
    assert set(MemberTag.objects.values_list("tag", "origin", "origin_id", "at")) == before


def test_many_members_need_a_second_person(marketer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from backoffice.services.imports import kinds

    monkeypatch.setitem(kinds._kinds, "tagging", replace(kinds.kind_of("tagging"), approval_above=1))
    MemberFactory(), MemberFactory()
    batch = ask(marketer, {}, tag("奶茶控"))
    bring_in(marketer, batch, UserFactory(role=Role.FINANCE))
    assert MemberTag.objects.count() == 2


def test_the_same_list_may_be_asked_for_again_and_finds_nothing_left_to_do(marketer: User) -> None:
    MemberFactory()
    milk = tag("奶茶控")
    bring_in(marketer, ask(marketer, {}, milk))
    again = ask(marketer, {}, milk)
    with pytest.raises(ImportNothingToDo):
        verbs.confirm(batch_id=again.pk, actor=Actor.staff(marketer), now=NOON)
    MemberFactory()
    bring_in(marketer, ask(marketer, {}, milk))
    assert MemberTag.objects.count() == 2


def test_whoever_is_erased_between_preview_and_apply_stays_out(marketer: User) -> None:
    gone, stays = MemberFactory(), MemberFactory()
    batch = ask(marketer, {}, tag("奶茶控"))
    erase(member=gone, reason="要求", actor=ROBOT, now=NOON)
    bring_in(marketer, batch)
    assert list(MemberTag.objects.values_list("member_id", flat=True)) == [stays.pk]
    assert ImportRow.objects.get(batch=batch, subject_id=gone.pk).cells is None


def test_whoever_gets_a_new_card_meanwhile_is_still_the_member_of_his_row(marketer: User) -> None:
    from members.services.card_numbers import replace_card

    member = MemberFactory()
    batch = ask(marketer, {}, tag("奶茶控"))
    replace_card(member=member, expected_card_no=member.card_no, reason="遺失", actor=ROBOT, now=NOON)
    bring_in(marketer, batch)
    assert MemberTag.objects.filter(member=member).exists()


# --- Who, and which lists ------------------------------------
def test_a_brands_person_reaches_his_own_members_and_those_of_the_group() -> None:
    own, other = BrandFactory(), BrandFactory()
    user = UserFactory(role=Role.MARKETER, reach=Reach.BRAND.value, brand=own)
    theirs, group, foreign = MemberFactory(brand=own), MemberFactory(brand=None), MemberFactory(brand=other)
    bring_in(user, ask(user, {}, tag("奶茶控")))
    assert set(MemberTag.objects.values_list("member_id", flat=True)) == {theirs.pk, group.pk} - {foreign.pk}


def test_refusals_name_their_reason(marketer: User) -> None:
    milk, over = tag("奶茶控"), tag("過期", expires_on=NOON.date() - timedelta(days=1))
    with pytest.raises(ImportNothingToDo):
        ask(marketer, {}, milk)
    MemberFactory()
    with pytest.raises(NoSuchTag):
        ask(marketer, {}, over)
    for query in ({"q": "王"}, {"phone__startswith": "+886"}, {"tag": "x"}, {"status__exact": "no"}):
        with pytest.raises(NotAListFilter):
            ask(marketer, query, milk)
    manager = UserFactory(role=Role.MANAGER, stores=[StoreFactory()])
    with pytest.raises(ImportReach):
        ask(manager, {}, milk)
    assert not ImportBatch.objects.exists()


def test_a_list_is_no_file_to_be_read_again(marketer: User) -> None:
    MemberFactory()
    batch = ask(marketer, {}, tag("奶茶控"))
    with pytest.raises(ImportNotThere):
        verbs.check(batch_id=batch.pk, fields=None, policy={}, actor=ROBOT, now=NOON)
    with pytest.raises(ImportNotThere):
        looking.look_again(batch_id=batch.pk, wishes={}, actor=ROBOT, now=NOON)


def test_filters_find_whom_they_say(marketer: User) -> None:
    store = StoreFactory()
    milk = tag("奶茶控")
    tagged = MemberFactory(referring_store=store, joined_at=NOON)
    plain = MemberFactory(referring_store=None, joined_at=NOON - timedelta(days=400), status="frozen")
    tags.tag_member(member=tagged, tag_id=milk.pk, actor=ROBOT, now=NOON)
    cases = {
        ("tag", str(milk.pk)): {tagged}, ("tag", "none"): {plain},
        ("store", str(store.pk)): {tagged}, ("store", "none"): {plain},
        ("joined", "7d"): {tagged}, ("joined", "month"): {tagged}, ("joined", "year"): {tagged},
        ("joined", "last_month"): set(), ("status__exact", "frozen"): {plain},
    }  # fmt: skip
    for (name, value), found in cases.items():
        assert set(narrowed({name: value}, user=marketer, now=NOON)) == found, (name, value)


# --- The pages ------------------------------------
def client_for(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_from_the_list_over_the_preview_to_the_undo_by_the_pages(marketer: User) -> None:
    client = client_for(marketer)
    for number in range(3):
        MemberFactory(source="app" if number else "store")
    milk = tag("奶茶控")
    shown = client.get(reverse("admin:members_member_changelist") + "?source__exact=app").content.decode()
    way = reverse("admin:members_membertag_listed") + "?source__exact=app"
    assert way in shown
    form = client.get(way)
    assert dict(form.context["summary"])["本清單會員數"] == "2"
    key = form.context["form"]["key"].value()
    asked: dict[str, Any] = {"key": key, "step": "confirm", "tag": milk.pk, "act": "add"}
    first, second = client.post(way, asked), client.post(way, asked)
    assert first.status_code == second.status_code == 302
    batch = work(ImportBatch.objects.get())
    body = client.get(page(batch)).content.decode()
    assert "奶茶控" in body and "sk-outcome-changed" in body
    confirm(client, batch)
    work(batch)
    assert MemberTag.objects.count() == 2
    assert f"?tag={milk.pk}" in client.get(reverse("admin:members_tag_changelist")).content.decode()
    confirm(client, batch, "undo")
    work(batch)
    assert not MemberTag.objects.exists()
    assert outcomes(batch)[0][1] == "changed"


def test_a_search_and_a_strange_filter_cannot_be_tagged_and_a_clerk_is_not_asked(marketer: User) -> None:
    client = client_for(marketer)
    listed_url = reverse("admin:members_membertag_listed")
    assert (
        listed_url
        not in client.get(reverse("admin:members_member_changelist") + "?tag=none&q=王").content.decode()
    )
    assert client.get(listed_url + "?q=王").status_code == 404
    clerk = client_for(UserFactory(role=Role.CLERK))
    assert clerk.get(listed_url).status_code == 403
    assert listed_url not in clerk.get(reverse("admin:members_member_changelist")).content.decode()


# --- One member ------------------------------------
def give(client: Client, member: Member, **asked: Any) -> Any:
    url = reverse("admin:members_membertag_give", args=[member.pk])
    key = client.get(url).context["form"]["key"].value()
    return client.post(url, {"key": key, "step": "confirm", **asked})


def test_a_colleague_adds_a_tag_of_the_registry_or_a_new_one_by_its_rules(marketer: User) -> None:
    member, milk = MemberFactory(), tag("奶茶控")
    client = client_for(marketer)
    assert give(client, member, tag=milk.pk).status_code == 302
    assert give(client, member, name="露營").status_code == 200
    assert give(client, member, name="奶茶 控", group="喜好", definition="x").status_code == 409
    assert Tag.objects.count() == 1
    assert give(client, member, name="露營", group="喜好", definition="買過帳篷").status_code == 302
    made = Tag.objects.get(name="露營")
    assert (made.owner, made.group, made.definition) == (marketer, "喜好", "買過帳篷")
    assert MemberTag.objects.filter(member=member, origin="staff", origin_id=marketer.pk).count() == 2


def test_whoever_may_not_define_tags_chooses_from_the_registry() -> None:
    member, milk = MemberFactory(), tag("奶茶控")
    client = client_for(UserFactory(role=Role.CLERK))
    form = client.get(reverse("admin:members_membertag_give", args=[member.pk])).context["form"]
    assert "name" not in form.fields
    give(client, member, name="露營", group="喜好", definition="x", tag=milk.pk)
    assert list(Tag.objects.values_list("name", flat=True)) == ["奶茶控"]


def test_each_tag_says_where_it_comes_from_and_dead_ones_are_listed(marketer: User) -> None:
    member, milk = MemberFactory(), tag("奶茶控")
    dead, ruled = tag("沒人有"), tag("規則")
    client = client_for(marketer)
    give(client, member, tag=milk.pk)
    MemberTag.objects.create(member=member, tag=ruled, origin="rule", origin_id=7, at=NOON)
    by_list = tag("名單")
    batch = bring_in(marketer, ask(marketer, {}, by_list))
    body = client.get(reverse("admin:members_member_change", args=[member.pk])).content.decode()
    assert str(marketer) in body and "#7" in body and page(batch) in body
    names = client.get(reverse("admin:members_tag_changelist") + "?use=dead").content.decode()
    assert dead.name in names and by_list.name not in names
    assert "use=dead" in client.get(reverse("admin:members_tag_changelist")).content.decode()
