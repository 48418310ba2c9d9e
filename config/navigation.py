"""The navigation of the back office: four groups, each entry shown to whom may open it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups with the entries that the signed-in user may open; empty groups are left out."""
    user: Any = request.user
    groups = [
        (_("Members"), [
            (_("Overview"), "monitoring", "index", ""),
            (_("Members"), "group", "members_member", "members.view_member"),
            (_("Purchases"), "receipt_long", "members_purchase", "members.view_purchase"),
            (_("Consents"), "fact_check", "members_consent", "members.view_consent"),
        ]),
        (_("Points"), [
            (_("Ledger"), "menu_book", "points_entry", "points.view_entry"),
            (_("Corrections"), "rule", "points_adjustment", "points.view_adjustment"),
            (_("Accounts"), "account_balance_wallet", "points_account", "points.view_account"),
            (_("Lots"), "stacks", "points_lot", "points.view_lot"),
            (_("Holds"), "lock_clock", "points_hold", "points.view_hold"),
            (_("Proofs"), "verified", "points_proof", "points.view_proof"),
        ]),
        (_("Marketing"), [
            (_("Points programs"), "loyalty", "points_program", "points.view_program"),
        ]),
        (_("Settings"), [
            (_("Brands"), "sell", "backoffice_brand", "backoffice.view_brand"),
            (_("Stores"), "storefront", "backoffice_store", "backoffice.view_store"),
            (_("Staff"), "badge", "backoffice_user", "backoffice.view_user"),
            (_("Staff member cards"), "id_card", "members_staffcard", "members.view_staffcard"),
            (_("Profile fields"), "list_alt", "members_profilefieldrule", "members.view_profilefieldrule"),
            (_("Jobs"), "pending_actions", "backoffice_job", "backoffice.view_job"),
            (_("Audit trail"), "history", "backoffice_auditevent", "backoffice.view_auditevent"),
            (_("Outbox"), "outbox", "backoffice_outboxmessage", "backoffice.view_outboxmessage"),
            (_("Heartbeats"), "monitor_heart", "backoffice_heartbeat", "backoffice.view_heartbeat"),
        ]),
    ]  # fmt: skip
    shown: list[dict[str, Any]] = []
    for title, entries in groups:
        items = [
            {"title": label, "icon": icon, "link": _address(name)}
            for label, icon, name, permission in entries
            if not permission or user.has_perm(permission)
        ]
        if items:
            shown.append({"title": title, "separator": bool(shown), "collapsible": False, "items": items})
    return shown


def _address(name: str) -> str:
    return reverse("admin:index") if name == "index" else reverse(f"admin:{name}_changelist")
