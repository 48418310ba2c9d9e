"""What services gave to members, and what they took back of it. Nothing is written here."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from backoffice.admin.base import ReadOnlyAdmin, ReadOnlyInline
from backoffice.admin.display import display, moment, signed
from campaigns.choices import AwardStatus
from campaigns.models import Grant, GrantCancel
from points.admin.ledger import card_link

COLOURS = {
    AwardStatus.PENDING.value: "info",
    AwardStatus.POSTED.value: "success",
    AwardStatus.CANCELLED.value: "danger",
}


class GrantCancelInline(ReadOnlyInline):
    model = GrantCancel
    fields = ("asked", "points", "debt", "withheld", "entry", "reason", "at")


@admin.register(Grant)
class GrantAdmin(ReadOnlyAdmin):
    list_display = (
        "number",
        "given",
        "service",
        "card",
        "program_name",
        "caller",
        "coloured_status",
        "happened",
    )
    list_filter = ("status", "brand")
    list_select_related = ("account__member", "account__program", "key", "cancel")
    search_fields = ("number__exact",)
    search_help_text = _("Whole number of the grant")
    ordering = ("-id",)
    sortable_by = ()
    inlines = (GrantCancelInline,)
    fields = (
        "number", "given", "service", "reason", "card", "program_name", "brand", "caller", "status_now",
        "entry", "happened", "created_at",
    )  # fmt: skip
    readonly_fields = ("given", "card", "program_name", "caller", "status_now", "happened")

    @display(description=_("points"))
    def given(self, grant: Grant) -> str:
        return signed(grant.points)

    @display(description=_("member"))
    def card(self, grant: Grant) -> str:
        return card_link(grant.account.member_id, grant.account.member.card_no)

    @display(description=_("points program"))
    def program_name(self, grant: Grant) -> str:
        return grant.account.program.name

    @display(description=_("API key"))
    def caller(self, grant: Grant) -> str:
        return grant.key.name

    @display(description=_("status"), label=COLOURS)
    def coloured_status(self, grant: Grant) -> tuple[str, str]:
        status = _status_of(grant)
        return status.value, str(status.label)

    @display(description=_("status"))
    def status_now(self, grant: Grant) -> str:
        return str(_status_of(grant).label)

    @display(description=_("happened"))
    def happened(self, grant: Grant) -> str:
        return format_html('<span class="sk-time">{}</span>', moment(grant.occurred_at))


def _status_of(grant: Grant) -> AwardStatus:
    return AwardStatus.CANCELLED if hasattr(grant, "cancel") else AwardStatus(grant.status)
