"""The navigation of the back office: four groups, each entry shown to whom may open it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.admin import bell
from backoffice.admin.reports import reports_for
from config.dashboard.viewer import Viewer


def _groups() -> list[tuple[str, list[tuple[str, str, str, str]]]]:
    """(title, entries) with (label, icon, name of the page, permission) each."""
    return [
        (_("Members"), [
            (_("Overview"), "monitoring", "index", ""),
            (_("Members"), "group", "members_member", "members.view_member"),
            (_("Purchases"), "receipt_long", "members_purchase", "members.view_purchase"),
            (_("Consents"), "fact_check", "members_consent", "members.view_consent"),
            (_("Signed-in devices"), "devices", "members_membersession", "members.view_membersession"),
            (_("Tags"), "label", "members_tag", "members.view_tag"),
            (_("Imports"), "upload_file", "backoffice_importbatch", "backoffice.view_importbatch"),
            (_("Exports"), "download", "backoffice_export", "backoffice.view_export"),
        ]),
        (_("Points"), [
            (_("Ledger"), "menu_book", "points_entry", "points.view_entry"),
            (_("Corrections"), "rule", "points_adjustment", "points.view_adjustment"),
            (_("Accounts"), "account_balance_wallet", "points_account", "points.view_account"),
            (_("Lots"), "stacks", "points_lot", "points.view_lot"),
            (_("Holds"), "lock_clock", "points_hold", "points.view_hold"),
            (_("Till inbox"), "inbox", "campaigns_tillitem", "campaigns.view_tillitem"),
            (_("Proofs"), "verified", "points_proof", "points.view_proof"),
        ]),
        (_("Marketing"), [
            (_("Points programs"), "loyalty", "points_program", "points.view_program"),
            (_("Gifts"), "redeem", "campaigns_gift", "campaigns.view_gift"),
            (_("Gifts taken"), "card_giftcard", "campaigns_gifttaken", "campaigns.view_gifttaken"),
            (_("Grants by services"), "volunteer_activism", "campaigns_grant", "campaigns.view_grant"),
        ]),
        (_("Settings"), _settings()),
    ]  # fmt: skip


def _settings() -> list[tuple[str, str, str, str]]:
    """What is set up once, and what shows that the house runs."""
    return [
        (_("Brands"), "sell", "backoffice_brand", "backoffice.view_brand"),
        (_("Stores"), "storefront", "backoffice_store", "backoffice.view_store"),
        (_("Staff"), "badge", "backoffice_user", "backoffice.view_user"),
        (_("Staff member cards"), "id_card", "members_staffcard", "members.view_staffcard"),
        (_("Profile fields"), "list_alt", "members_profilefieldrule", "members.view_profilefieldrule"),
        (
            _("Terms of membership"), "gavel", "members_membershipterms",
            "members.view_membershipterms",
        ),
        (_("Correction limits"), "speed", "points_correctionlimit", "points.view_correctionlimit"),
        (_("Jobs"), "pending_actions", "backoffice_job", "backoffice.view_job"),
        (_("Audit trail"), "history", "backoffice_auditevent", "backoffice.view_auditevent"),
        (_("API keys"), "vpn_key", "backoffice_apikey", "backoffice.view_apikey"),
        (_("Sign-in events"), "key", "backoffice_loginevent", "backoffice.view_loginevent"),
        (_("Outbox"), "outbox", "backoffice_outboxmessage", "backoffice.view_outboxmessage"),
        (
            _("Webhooks"), "webhook", "backoffice_webhooksubscription",
            "backoffice.view_webhooksubscription",
        ),
        (
            _("Webhook deliveries"), "send", "backoffice_webhookdelivery",
            "backoffice.view_webhookdelivery",
        ),
        (_("Heartbeats"), "monitor_heart", "backoffice_heartbeat", "backoffice.view_heartbeat"),
    ]  # fmt: skip


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups with the entries that the signed-in user may open; empty groups are left out."""
    user: Any = request.user
    shown: list[dict[str, Any]] = []
    for title, entries in _groups():
        items = [
            {"title": label, "icon": icon, "link": _address(name)}
            for label, icon, name, permission in entries
            if not permission or user.has_perm(permission)
        ]
        if items:
            shown.append({"title": title, "separator": bool(shown), "collapsible": False, "items": items})
    if watched := _watched(request):
        # Behind the counter work, before what is set up once.
        place = len(shown) - any(group["title"] == _("Settings") for group in shown)
        watch = {"title": _("Reports and alarms"), "separator": True, "collapsible": False, "items": watched}
        shown.insert(place, watch)
    return shown


def _watched(request: HttpRequest) -> list[dict[str, Any]]:
    """Alarms with the number of open ones, then every report that the user may open."""
    user: Any = request.user
    items: list[dict[str, Any]] = []
    if user.has_perm("backoffice.view_alarm"):
        waiting = _ringing(request)
        badge = {"badge": str(waiting), "badge_variant": "danger"} if waiting else {}
        link = _address("backoffice_alarm") + "?state=open"
        items.append({"title": _("Alarms"), "icon": "notifications_active", "link": link, **badge})
    items += [
        {"title": report.title, "icon": report.icon, "link": report.address()} for report in reports_for(user)
    ]
    return items


def _ringing(request: HttpRequest) -> int:
    """Open alarms; on the overview counted together with all else that waits."""
    if request.path == reverse("admin:index"):
        return Viewer.of(request).waiting["alarms"]
    return bell.ringing(request)


def _address(name: str) -> str:
    return reverse("admin:index") if name == "index" else reverse(f"admin:{name}_changelist")
