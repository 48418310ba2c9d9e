"""Corrections by staff: the list, and the desk where a second person decides."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from backoffice.admin.base import ReadOnlyAdmin
from backoffice.admin.display import display, moment, signed
from backoffice.admin.verbs import verb_paths
from points.admin.decisions import ApproveView, RejectView
from points.admin.ledger import card_link
from points.choices import AdjustmentStatus
from points.models import Adjustment

ADJUSTMENT_COLOURS = {
    AdjustmentStatus.DRAFT.value: "info",
    AdjustmentStatus.PENDING.value: "warning",
    AdjustmentStatus.APPROVED.value: "primary",
    AdjustmentStatus.REJECTED.value: "danger",
    AdjustmentStatus.APPLIED.value: "success",
}


@admin.register(Adjustment)
class AdjustmentAdmin(ReadOnlyAdmin):
    scope = "account"
    list_display = (
        "id",
        "moved",
        "card",
        "reason",
        "coloured_status",
        "requested_by",
        "approved_by",
        "asked",
    )
    list_filter = ("status", "reason")
    list_select_related = ("account__member", "requested_by", "approved_by")
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        "card", "moved", "reason", "note", "about", "status", "needs_approval", "over_limit", "requested_by",
        "approved_by",
        "expires_at", "created_at", "decided_at", "applied_at",
    )  # fmt: skip
    readonly_fields = ("card", "moved", "about")

    change_form_outer_before_template = "points/adjustment_verbs.html"

    def get_urls(self) -> list[Any]:
        return [*verb_paths(self, {"approve": ApproveView, "reject": RejectView}), *super().get_urls()]

    @display(description=_("points"))
    def moved(self, adjustment: Adjustment) -> str:
        return signed(adjustment.points)

    @display(description=_("about entry"))
    def about(self, adjustment: Adjustment) -> str:
        entry = adjustment.undoes or adjustment.lapse
        if entry is None:
            return "-"
        words = f"{entry.pk}: {entry.get_kind_display()} {signed(entry.points)}"
        return format_html(
            '<a class="sk-link" href="{}">{}</a>',
            reverse("admin:points_entry_change", args=[entry.pk]),
            words,
        )

    @display(description=_("member"))
    def card(self, adjustment: Adjustment) -> str:
        return card_link(adjustment.account.member_id, adjustment.account.member.card_no)

    @display(description=_("status"), label=ADJUSTMENT_COLOURS)
    def coloured_status(self, adjustment: Adjustment) -> tuple[str, str]:
        return adjustment.status, adjustment.get_status_display()

    @display(description=_("asked"))
    def asked(self, adjustment: Adjustment) -> str:
        return format_html('<span class="sk-time">{}</span>', moment(adjustment.created_at))
