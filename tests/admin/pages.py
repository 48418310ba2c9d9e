"""Every page of the back office, as (name, address): registered admins, verbs and pages of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.urls import reverse

from backoffice.admin.reports import all_reports
from backoffice.models import Alarm, ApiKey, WebhookDelivery, WebhookSubscription
from campaigns.models import TillItem
from points.models import CorrectionLimit

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
        *(
            (f"verb {slug}", reverse(f"admin:members_member_{slug}", args=[shop.member.pk]))
            for slug in (
                "reveal",
                "replace_card",
                "card",
                "phone",
                "freeze",
                "unfreeze",
                "note",
                "consent",
                "claim_card",
                "merge",
                "answer",
            )
        ),
        ("verb strike", reverse("admin:members_membernote_strike", args=[shop.member.notes.get().pk])),
        ("verb enrol", reverse("admin:enrol")),
        ("verb claim receipt", reverse("admin:claim_receipt", args=[shop.member.pk])),
        ("verb issue cards", reverse("admin:issue_cards")),
        ("card sheet", reverse("admin:card_sheet")),
        ("verb correct", reverse("admin:points_account_correct", args=[shop.account.pk])),
        ("verb block spending", reverse("admin:points_account_block", args=[shop.account.pk])),
        ("verb undo redemption", reverse("admin:points_entry_undo", args=[shop.spent.pk])),
        ("verb undo earning", reverse("admin:points_entry_undo", args=[shop.earned.pk])),
        ("verb grace", reverse("admin:points_entry_grace", args=[shop.earned.pk])),
        ("verb release hold", reverse("admin:points_hold_release", args=[shop.hold.pk])),
        (
            "verb correction limits",
            reverse("admin:points_correctionlimit_set", args=[CorrectionLimit.objects.get(role="").pk]),
        ),
        ("verb take goods back", reverse("admin:purchase_return", args=[shop.purchase.pk])),
        ("verb approve", reverse("admin:points_adjustment_approve", args=[shop.waiting.pk])),
        ("verb reject", reverse("admin:points_adjustment_reject", args=[shop.waiting.pk])),
        ("verb acknowledge", reverse("admin:backoffice_alarm_acknowledge", args=[Alarm.objects.get().pk])),
        *((f"report {report.slug}", report.address()) for report in all_reports()),
        *(
            (
                f"verb {slug} of a colleague",
                reverse(f"admin:backoffice_user_{slug}", args=[shop.staff["clerk"].pk]),
            )
            for slug in ("assign", "reset_password", "reset_factor", "disable", "enable")
        ),
        *(
            (name, reverse(f"admin:{name}"))
            for name in ("security", "set_up_factor", "recovery_codes", "prove")
        ),
        ("verb issue api key", reverse("admin:issue_api_key")),
        ("verb revoke api key", reverse("admin:backoffice_apikey_revoke", args=[ApiKey.objects.get().pk])),
        (
            "verb end session",
            reverse("admin:members_membersession_end", args=[shop.member.sessions.get().pk]),
        ),
        *(
            (
                f"verb {slug} till item",
                reverse(f"admin:campaigns_tillitem_{slug}", args=[TillItem.objects.get().pk]),
            )
            for slug in ("settle", "refuse")
        ),
        ("verb add webhook", reverse("admin:subscribe_webhook")),
        (
            "verb end webhook",
            reverse("admin:backoffice_webhooksubscription_end", args=[WebhookSubscription.objects.get().pk]),
        ),
        (
            "verb send webhook again",
            reverse("admin:backoffice_webhookdelivery_resend", args=[WebhookDelivery.objects.get().pk]),
        ),
        *(
            (f"export {kind}", reverse("admin:backoffice_export_ask", args=[kind]))
            for kind in ("members", "tags", "purchases", "ledger")
        ),
        ("notices", reverse("admin:notices")),
        ("notices read", reverse("admin:notices_read")),
        ("import upload", reverse("admin:backoffice_importbatch_upload")),
        ("verb tag member", reverse("admin:members_membertag_give", args=[shop.member.pk])),
        ("verb untag member", reverse("admin:members_membertag_take", args=[shop.member.pk])),
        ("verb tag list", reverse("admin:members_membertag_listed") + "?status__exact=active"),
        ("password change", reverse("admin:password_change")),
    ]


def all_pages(shop: Shop) -> list[tuple[str, str]]:
    return [*own_pages(shop), *admin_pages()]
