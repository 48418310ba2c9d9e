"""Every page of the back office, as (name, address): registered admins, verbs and pages of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.urls import reverse

if TYPE_CHECKING:
    from tests.admin.conftest import Shop


def admin_pages() -> list[tuple[str, str]]:
    """Changelist, add, change and history of each registered admin that has a row."""
    pages = []
    for model in admin.site._registry:
        opts = model._meta
        name = f"{opts.app_label}_{opts.model_name}"
        pages.append((f"{name} list", reverse(f"admin:{name}_changelist")))
        pages.append((f"{name} add", reverse(f"admin:{name}_add")))
        row = model._default_manager.order_by("pk").first()
        assert row is not None, f"the shop of the tests has no {name}"
        pages.append((f"{name} change", reverse(f"admin:{name}_change", args=[row.pk])))
        pages.append((f"{name} history", reverse(f"admin:{name}_history", args=[row.pk])))
        pages.append((f"{name} delete", reverse(f"admin:{name}_delete", args=[row.pk])))
    return pages


def own_pages(shop: Shop) -> list[tuple[str, str]]:
    """The overview, the search, the member page and every verb."""
    return [
        ("overview", reverse("admin:index")),
        ("find", reverse("admin:find") + "?q=0900000000"),
        ("member page", reverse("admin:members_member_change", args=[shop.member.pk])),
        ("verb profile", reverse("admin:members_member_profile", args=[shop.member.pk])),
        ("verb correct", reverse("admin:points_account_correct", args=[shop.account.pk])),
        ("verb undo redemption", reverse("admin:points_entry_undo", args=[shop.spent.pk])),
        ("verb undo earning", reverse("admin:points_entry_undo", args=[shop.earned.pk])),
        ("verb grace", reverse("admin:points_entry_grace", args=[shop.earned.pk])),
        ("verb approve", reverse("admin:points_adjustment_approve", args=[shop.waiting.pk])),
        ("verb reject", reverse("admin:points_adjustment_reject", args=[shop.waiting.pk])),
        ("password change", reverse("admin:password_change")),
    ]


def all_pages(shop: Shop) -> list[tuple[str, str]]:
    return [*own_pages(shop), *admin_pages()]
