"""T20: the books have no form. T21: what people type is shown, never run. Scope holds on every list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse

from backoffice.models import User
from backoffice.roles import EVIDENCE
from members.models import Member
from tests.admin.pages import all_pages

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

REGISTERED = sorted(label for label in EVIDENCE if admin.site.is_registered(apps.get_model(label)))


@pytest.mark.parametrize("label", REGISTERED)
def test_evidence_cannot_be_written_by_any_admin_address(shop: Shop, label: str) -> None:
    model = apps.get_model(label)
    name = f"{model._meta.app_label}_{model._meta.model_name}"
    client = shop.client("root")
    row = model._default_manager.order_by("pk").first()
    before = list(model._default_manager.order_by("pk").values())
    data = {"points": 1, "balance": 9_999, "status": "applied", "_save": "1", "post": "yes"}
    statuses = [
        client.post(reverse(f"admin:{name}_add"), data).status_code,
        client.post(reverse(f"admin:{name}_change", args=[row.pk]), data).status_code,
        client.post(reverse(f"admin:{name}_delete", args=[row.pk]), data).status_code,
    ]
    assert statuses == [403, 403, 403]
    action = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes", "index": 0}
    client.post(reverse(f"admin:{name}_changelist"), action)
    assert list(model._default_manager.order_by("pk").values()) == before


def test_members_are_not_written_by_forms(shop: Shop) -> None:
    client = shop.client("root")
    url = reverse("admin:members_member_change", args=[shop.member.pk])
    assert client.post(url, {"name": "改名"}).status_code == 403
    assert client.post(reverse("admin:members_member_add"), {"name": "新人"}).status_code == 403
    assert Member.objects.get(pk=shop.member.pk).name == "王小明"


@pytest.mark.parametrize("name", ["members_member", "points_adjustment", "points_hold"])
def test_a_filter_with_a_nul_byte_is_refused_and_breaks_nothing(shop: Shop, name: str) -> None:
    answer = shop.client("clerk").get(reverse(f"admin:{name}_changelist") + "?status__exact=%00")
    assert answer.status_code in (302, 400)


def test_names_are_inert_on_every_page(shop: Shop) -> None:
    attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"[:60]
    Member.objects.filter(pk=shop.member.pk).update(name=attack, address=attack)
    shop.store.name = attack
    shop.store.save()
    client = shop.client("root")
    for name, address in all_pages(shop):
        html = client.get(address).content.decode()
        assert "<script>alert" not in html, name
        assert "<img src=x" not in html, name


def test_lists_and_pages_hold_only_what_is_in_reach(shop: Shop, other_store_clerk: User, client: Any) -> None:
    shop.member.brand = shop.brand
    shop.member.save()
    client.force_login(other_store_clerk)
    card = shop.member.card_no
    lists = ["members_member", "members_purchase", "members_consent", "points_entry", "points_account"]
    lists += ["points_lot", "points_hold", "points_adjustment"]
    for name in lists:
        page = client.get(reverse(f"admin:{name}_changelist"))
        assert page.status_code == 200, name
        assert card not in page.content.decode(), name
    hidden = [
        ("members_member", shop.member.pk),
        ("points_entry", shop.spent.pk),
        ("points_account", shop.account.pk),
        ("members_purchase", shop.purchase.pk),
    ]
    for name, pk in hidden:
        page = client.get(reverse(f"admin:{name}_change", args=[pk]))
        assert page.status_code in (302, 404), name
        assert card not in page.content.decode(), name
    stores = client.get(reverse("admin:backoffice_store_changelist")).content.decode()
    assert "TPE01" not in stores and "KHH01" in stores


def test_forgotten_reach_sees_nothing(shop: Shop, client: Any) -> None:
    lost = shop.staff["clerk"]
    lost.reach = "stores"
    lost.save()
    client.force_login(lost)
    page = client.get(reverse("admin:members_member_changelist")).content.decode()
    assert shop.member.card_no not in page
