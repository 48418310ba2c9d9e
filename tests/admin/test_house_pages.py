"""The merchant's own pages: every form goes through a service, so every change has its old and new value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.choices import JobState
from backoffice.models import ApiKey, AuditEvent, Brand, IdempotencyKey, Store, User
from members.models import ProfileFieldRule, StaffCard
from tests.factories.backoffice import PASSWORD, JobFactory, UserFactory
from tests.factories.members import MemberFactory, StaffCardFactory

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

EN = {"accept-language": "en"}


def last(action: str) -> AuditEvent:
    return AuditEvent.objects.filter(action=action).order_by("-id")[0]


def page(model: str, pk: int | None = None, verb: str = "") -> str:
    if pk is None:
        return reverse(f"admin:{model}_add")
    return reverse(f"admin:{model}_{verb or 'change'}", args=[pk])


def brand_form(**values: Any) -> dict[str, Any]:
    return {"code": "new", "name": "新品牌", "time_zone": "Asia/Taipei", "is_active": "on", **values}


def test_brands_leave_old_and_new_value(shop: Shop) -> None:
    boss = shop.client("administrator")
    assert boss.post(page("backoffice_brand"), brand_form()).status_code == 302
    brand = Brand.objects.get(code="new")
    assert last("brand.create").changes["brand_name"] == [None, "新品牌"]
    url = page("backoffice_brand", brand.pk)
    assert boss.post(url, brand_form(name="改名")).status_code == 302
    event = last("brand.change")
    assert event.changes == {"brand_name": ["新品牌", "改名"]}
    assert (event.actor_id, event.subject_id) == (str(shop.staff["administrator"].pk), str(brand.pk))
    before = AuditEvent.objects.count()
    boss.post(url, brand_form(name="改名"))
    assert AuditEvent.objects.count() == before, "nothing changed, nothing written"


def test_stores_leave_old_and_new_value(shop: Shop) -> None:
    boss = shop.client("administrator")
    url = page("backoffice_store", shop.store.pk)
    assert boss.post(url, {"name": "信義店", "county": "臺北市"}).status_code == 302
    assert last("store.change").changes == {"is_active": [True, False]}
    fields = {"brand": shop.brand.pk, "code": "TPE09", "name": "南港店", "is_active": "on"}
    assert boss.post(page("backoffice_store"), fields).status_code == 302
    assert last("store.create").subject_id == str(Store.objects.get(code="TPE09").pk)


@pytest.mark.parametrize("role", ["clerk", "manager", "finance", "auditor"])
def test_others_write_no_merchant_data(shop: Shop, role: str) -> None:
    client = shop.client(role)
    for url in (page("backoffice_brand"), page("backoffice_brand", shop.brand.pk)):
        assert client.post(url, brand_form()).status_code == 403
    assert list(Brand.objects.values_list("name", flat=True)) == ["熟客百貨"]


def test_profile_rules_leave_a_trail_even_when_they_go(shop: Shop) -> None:
    boss = shop.client("administrator")
    rule = ProfileFieldRule.objects.get()
    other = "hidden" if rule.need != "hidden" else "required"
    url = page("members_profilefieldrule", rule.pk)
    fields = {"brand": shop.brand.pk, "field": rule.field, "need": other}
    assert boss.post(url, fields).status_code == 302
    assert last("profile_rule.change").changes == {"need": [rule.need, other]}
    boss.post(page("members_profilefieldrule", rule.pk, "delete"), {"post": "yes"})
    assert not ProfileFieldRule.objects.exists()
    assert last("profile_rule.delete").changes["need"] == [other, None]


def test_staff_cards_leave_a_trail_and_nobody_loosens_his_own(shop: Shop) -> None:
    boss = shop.client("administrator")
    fields = {"user": shop.staff["manager"].pk, "card_no": shop.member.card_no}
    assert boss.post(page("members_staffcard"), fields).status_code == 302
    assert last("staff_card.create").changes["member_id"] == [None, shop.member.pk]
    own = StaffCardFactory(user=shop.staff["administrator"], member=MemberFactory())
    answer = boss.post(page("members_staffcard", own.pk, "delete"), {"post": "yes"}, headers=EN, follow=True)
    assert "You cannot do this to your own account." in answer.content.decode()
    assert StaffCard.objects.filter(pk=own.pk).exists()
    boss.post(page("members_staffcard", own.pk), {**fields, "user": shop.staff["support"].pk}, headers=EN)
    own.refresh_from_db()
    assert own.user == shop.staff["administrator"]


# --- Staff --------------------------------------------------------------------------------------------------
def new_staff(**values: Any) -> dict[str, Any]:
    return {
        "username": "chen", "name": "陳小芬", "password1": "correct horse battery",
        "password2": "correct horse battery", "reach": "group", **values,
    }  # fmt: skip


def test_a_new_colleague_comes_from_the_service(shop: Shop) -> None:
    boss = shop.client("administrator")
    clerk_group = shop.staff["clerk"].groups.get()
    answer = boss.post(page("backoffice_user"), new_staff(groups=[clerk_group.pk]), headers=EN)
    user = User.objects.get(username="chen")
    assert answer["Location"] == page("backoffice_user", user.pk)
    assert user.is_staff and not user.is_superuser and user.has_perm("points.correct_points")
    assert last("staff.create").changes["roles"] == [[], ["clerk"]]
    assert Client().login(username="chen", password="correct horse battery")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"reach": "stores"}, "Name the brand or the stores"),
        ({"reach": "brand"}, "Name the brand or the stores"),
        ({"password1": "short", "password2": "short"}, "too short"),
        ({"username": "clerk"}, "already exists"),
    ],
)
def test_a_refused_colleague_is_not_made(shop: Shop, values: dict[str, str], sentence: str) -> None:
    before = User.objects.count()
    answer = shop.client("administrator").post(page("backoffice_user"), new_staff(**values), headers=EN)
    assert answer.status_code == 200 and sentence in answer.content.decode()
    assert User.objects.count() == before


def test_the_form_of_a_colleague_changes_his_name_and_nothing_else(shop: Shop) -> None:
    clerk = shop.staff["clerk"]
    fields = {"name": "林小芬", "email": "", "is_superuser": "on", "is_active": "", "groups": [1, 2, 3],
              "username": "other", "password": "x", "reach": "stores"}  # fmt: skip
    shop.client("administrator").post(page("backoffice_user", clerk.pk), fields)
    clerk.refresh_from_db()
    assert (clerk.name, clerk.username, clerk.is_active, clerk.is_superuser, clerk.reach) == (
        "林小芬", "clerk", True, False, "group",
    )  # fmt: skip
    assert [group.name for group in clerk.groups.all()] == ["clerk"]
    assert set(last("staff.edit").changes) == {"name"}


def verb(client: Client, slug: str, pk: int, **fields: Any) -> Any:
    data = {"key": f"{slug}-{pk}", "step": "confirm", "reason": "因為", **fields}
    return client.post(page("backoffice_user", pk, slug), data, headers=EN)


def test_roles_are_given_by_a_verb_with_a_reason(shop: Shop) -> None:
    clerk = shop.staff["clerk"]
    answer = verb(shop.client("administrator"), "assign", clerk.pk, roles=["manager"], reach="stores",
                  stores=[shop.store.pk])  # fmt: skip
    assert answer.status_code == 302
    clerk = User.objects.get(pk=clerk.pk)
    assert clerk.has_perm("points.approve_correction") and list(clerk.stores.all()) == [shop.store]
    event = last("staff.assign")
    assert event.changes["roles"] == [["clerk"], ["manager"]] and event.reason == "因為"


@pytest.mark.parametrize("slug", ["assign", "reset_password", "disable"])
def test_nobody_touches_his_own_account_or_a_superusers(shop: Shop, slug: str) -> None:
    fields = {"roles": ["manager"], "reach": "group", "password": "correct horse battery"}
    boss = shop.client("administrator")
    own = verb(boss, slug, shop.staff["administrator"].pk, **fields)
    assert own.status_code == 409 and "You cannot do this to your own account." in own.content.decode()
    root = verb(boss, slug, shop.root.pk, **fields)
    assert root.status_code == 409 and "Only a superuser" in root.content.decode()
    assert not AuditEvent.objects.filter(action__startswith="staff.").exists()


@pytest.mark.parametrize("role", ["clerk", "manager", "support", "auditor"])
@pytest.mark.parametrize("slug", ["assign", "reset_password", "reset_factor", "disable", "enable"])
def test_only_administrators_have_these_verbs(shop: Shop, role: str, slug: str) -> None:
    assert verb(shop.client(role), slug, shop.staff["marketer"].pk, reach="group").status_code == 403


def test_closing_an_account_ends_sessions_jobs_and_keys_at_once(shop: Shop) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from backoffice.actors import Actor
    from backoffice.choices import ApiKeyKind
    from backoffice.services import api_keys

    clerk, now = shop.staff["clerk"], timezone.now()
    browser = shop.client("clerk")
    job = JobFactory(owner=clerk)
    actor = Actor.staff(shop.root)
    api_keys.issue(
        kind=ApiKeyKind.STAFF, name="script", scopes=[], actor=actor, owner=clerk, now=now,
        expires_at=now + timedelta(days=30),
    )  # fmt: skip
    assert verb(shop.client("administrator"), "disable", clerk.pk).status_code == 302
    assert reverse("admin:login") in browser.get(reverse("admin:jsi18n"))["Location"]
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert ApiKey.objects.get(owner=clerk).revoked_at is not None
    assert last("staff.disable").changes == {
        "is_active": [True, False], "jobs_cancelled": [0, 1], "keys_revoked": [0, 1],
    }  # fmt: skip
    verb(shop.client("administrator"), "enable", clerk.pk)
    assert User.objects.get(pk=clerk.pk).is_active


def test_a_reset_password_is_kept_in_no_stored_answer(shop: Shop) -> None:
    clerk = shop.staff["clerk"]
    boss = shop.client("administrator")
    weak = verb(boss, "reset_password", clerk.pk, password="short")
    assert weak.status_code == 409 and "short" in weak.content.decode()
    assert verb(boss, "reset_password", clerk.pk, password="correct horse battery").status_code == 302
    assert Client().login(username="clerk", password="correct horse battery")
    assert not IdempotencyKey.objects.exists()
    stock = boss.get(f"/backoffice/user/{clerk.pk}/password/")
    assert stock["Location"] == page("backoffice_user", clerk.pk, "reset_password")


def test_users_are_never_deleted(shop: Shop) -> None:
    client = shop.client("root")
    pk = shop.staff["clerk"].pk
    assert client.post(page("backoffice_user", pk, "delete"), {"post": "yes"}).status_code == 403
    client.post(
        reverse("admin:backoffice_user_changelist"),
        {"action": "delete_selected", "_selected_action": [pk], "post": "yes"},
    )
    assert User.objects.filter(pk=pk).exists()


def test_ones_own_password_is_changed_with_the_old_one(db: Any, client: Client) -> None:
    user = UserFactory()
    client.force_login(user)
    url = reverse("admin:password_change")
    new = {"new_password1": "correct horse battery", "new_password2": "correct horse battery"}
    wrong = client.post(url, {"old_password": "wrong", **new}, headers=EN)
    assert wrong.status_code == 200 and "is wrong" in wrong.content.decode()
    done = client.post(url, {"old_password": PASSWORD, **new})
    assert done["Location"] == reverse("admin:password_change_done")
    assert client.get(url).status_code == 200, "this session goes on"
    assert last("staff.change_password").actor_id == str(user.pk)
