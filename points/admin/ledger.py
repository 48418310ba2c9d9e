"""The books, to be looked at: entries, lots, holds, accounts, proofs. No form writes here (T20)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from backoffice.acts import source_title
from backoffice.admin.base import EVERYBODY, ReadOnlyAdmin
from backoffice.admin.display import display, moment, number, pretty, signed
from backoffice.admin.exports.button import Exportable
from backoffice.admin.verbs import verb_paths
from points.admin.blocking import BlockView
from points.admin.corrections import CorrectView, GraceView, UndoView
from points.admin.releases import ReleaseView
from points.admin.story_words import reason_text
from points.admin.timeline import actor_name, page_of
from points.choices import HoldStatus
from points.explaining import sentences
from points.models import Account, Entry, Hold, Lot, Proof

HOLD_COLOURS = {
    HoldStatus.OPEN.value: "info",
    HoldStatus.CAPTURED.value: "success",
    HoldStatus.VOIDED.value: "warning",
    HoldStatus.EXPIRED.value: "danger",
}


def card_link(member_id: int, card_no: str) -> str:
    """A member by his card number: lists of the books name nobody."""
    return format_html(
        '<a class="sk-link sk-phone" href="{}">{}</a>',
        reverse("admin:members_member_change", args=[member_id]),
        card_no,
    )


@admin.register(Entry)
class EntryAdmin(Exportable, ReadOnlyAdmin):
    export_kind = "ledger"
    scope = "account"
    list_display = ("id", "moved", "after", "kind", "card", "store", "happened", "booked")
    list_filter = ("kind", "actor_type")
    list_select_related = ("account__member", "store")
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        "card", "seq", "kind", "moved", "after", "debt_delta", "source", "undoes",
        "who", "reason_words", "note", "store", "happened", "booked", "why", "row_hash_hex",
    )  # fmt: skip
    readonly_fields = (
        "card", "moved", "after", "source", "undoes", "who", "reason_words", "happened", "booked", "why",
        "row_hash_hex",
    )  # fmt: skip

    def get_urls(self) -> list[Any]:
        return [*verb_paths(self, {"undo": UndoView, "grace": GraceView}), *super().get_urls()]

    @display(description=_("points"))
    def moved(self, entry: Entry) -> str:
        return signed(entry.points)

    @display(description=_("balance after"))
    def after(self, entry: Entry) -> str:
        return format_html('<span class="sk-amount">{}</span>', number(entry.balance_after))

    @display(description=_("member"))
    def card(self, entry: Entry) -> str:
        return card_link(entry.member_id, entry.account.member.card_no)

    @display(description=_("happened"))
    def happened(self, entry: Entry) -> str:
        return format_html('<span class="sk-time">{}</span>', moment(entry.occurred_at))

    @display(description=_("booked"))
    def booked(self, entry: Entry) -> str:
        return format_html('<span class="sk-time">{}</span>', moment(entry.created_at))

    @display(description=_("undoes"))
    def undoes(self, entry: Entry) -> str:
        if entry.reverses_id is None:
            return "-"
        url = reverse("admin:points_entry_change", args=[entry.reverses_id])
        return format_html('<a class="sk-link" href="{}">{}</a>', url, entry.reverses_id)

    @display(description=_("explanation"))
    def why(self, entry: Entry) -> str:
        told = format_html_join("", "<li>{}</li>", ((line,) for line in sentences(entry.explanation)))
        return format_html(
            '<ul class="sk-why">{}</ul><details><summary>{}</summary>{}</details>',
            told, _("As it is stored"), pretty(entry.explanation),
        )  # fmt: skip

    @display(description=_("source"))
    def source(self, entry: Entry) -> str:
        return f"{source_title(entry.source_type)} {entry.source_id}"

    @display(description=_("actor"))
    def who(self, entry: Entry) -> str:
        return actor_name(entry)

    @display(description=_("reason"))
    def reason_words(self, entry: Entry) -> str:
        return reason_text(entry.reason) or "-"

    @display(description=_("hash"))
    def row_hash_hex(self, entry: Entry) -> str:
        return format_html("<code>{}</code>", bytes(entry.row_hash).hex())


@admin.register(Lot)
class LotAdmin(ReadOnlyAdmin):
    scope = "account"
    list_display = (
        "lot_no",
        "card",
        "original_points",
        "left",
        "held_points",
        "available_from",
        "expires_at",
    )
    list_filter = (("expires_at", admin.EmptyFieldListFilter),)
    list_select_related = ("account__member",)
    ordering = ("-entry",)
    sortable_by = ()
    fields = (
        "card", "lot_no", "original_points", "left", "held_points", "available_from", "expires_at",
        "expired_at", "brand",
    )  # fmt: skip
    readonly_fields = ("card", "lot_no", "original_points", "left", "held_points")

    @display(description=_("lot"))
    def lot_no(self, lot: Lot) -> str:
        return str(lot.pk)

    @display(description=_("member"))
    def card(self, lot: Lot) -> str:
        return card_link(lot.account.member_id, lot.account.member.card_no)

    @display(description=_("points at first"))
    def original_points(self, lot: Lot) -> str:
        return format_html('<span class="sk-amount">{}</span>', number(lot.original))

    @display(description=_("points left"))
    def left(self, lot: Lot) -> str:
        return format_html('<span class="sk-amount">{}</span>', number(lot.remaining))

    @display(description=_("held"))
    def held_points(self, lot: Lot) -> str:
        return format_html('<span class="sk-amount">{}</span>', number(lot.held))


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    scope = "account"
    list_display = ("id", "card", "held_points", "coloured_status", "store", "created_at", "expires_at")
    list_filter = ("status",)
    list_select_related = ("account__member", "store")
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        "card", "held_points", "captured", "status", "source", "who",
        "store", "created_at", "expires_at", "settled_at",
    )  # fmt: skip
    readonly_fields = ("card", "held_points", "source", "who")

    change_form_outer_before_template = "points/hold_verbs.html"

    def get_urls(self) -> list[Any]:
        return [*verb_paths(self, {"release": ReleaseView}), *super().get_urls()]

    @display(description=_("member"))
    def card(self, hold: Hold) -> str:
        return card_link(hold.account.member_id, hold.account.member.card_no)

    @display(description=_("points"))
    def held_points(self, hold: Hold) -> str:
        return format_html('<span class="sk-amount">{}</span>', number(hold.points))

    @display(description=_("status"), label=HOLD_COLOURS)
    def coloured_status(self, hold: Hold) -> tuple[str, str]:
        return hold.status, hold.get_status_display()

    @display(description=_("source"))
    def source(self, hold: Hold) -> str:
        return f"{source_title(hold.source_type)} {hold.source_id}"

    @display(description=_("actor"))
    def who(self, hold: Hold) -> str:
        return actor_name(hold)


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("id", "card", "program", "points", "held_points", "owed", "entries", "spend_blocked")
    list_filter = ("program", "spend_blocked")
    list_select_related = ("member", "program")
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("member__card_no__exact",)
    fields = (
        "card", "program", "points", "held_points", "waiting", "owed", "entries", "spend_blocked",
        "opened_at",
    )  # fmt: skip
    readonly_fields = ("card", "points", "held_points", "waiting", "owed", "entries")

    def get_urls(self) -> list[Any]:
        return [*verb_paths(self, {"correct": CorrectView, "block": BlockView}), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The whole ledger of the account, a page at a time; `?before=` is the number to go on from."""
        account = self.get_object(request, object_id)
        if not self.has_view_permission(request, account) or request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        if account is None:
            raise Http404(_("There is no such record, or it is outside your stores."))
        before = request.GET.get("before", "")
        user: Any = request.user
        context = {
            **self.admin_site.each_context(request),
            "title": _("Ledger of card %(card)s") % {"card": account.member.card_no},
            "account": account,
            "page": page_of(account=account, user=user, before=int(before) if before.isdigit() else None),
            "is_first": not before,
        }
        return TemplateResponse(request, "points/account_page.html", context)

    @display(description=_("member"))
    def card(self, account: Account) -> str:
        return card_link(account.member_id, account.member.card_no)

    @display(description=_("balance"))
    def points(self, account: Account) -> str:
        return format_html('<span class="sk-amount">{}</span>', number(account.balance))

    @display(description=_("held"))
    def held_points(self, account: Account) -> str:
        return format_html('<span class="sk-amount">{}</span>', number(account.held))

    @display(description=_("waiting"))
    def waiting(self, account: Account) -> str:
        return format_html('<span class="sk-amount">{}</span>', number(account.pending))

    @display(description=_("debt"))
    def owed(self, account: Account) -> str:
        return format_html('<span class="sk-amount">{}</span>', number(account.debt))

    @display(description=_("entries"))
    def entries(self, account: Account) -> str:
        return format_html('<span class="sk-amount">{}</span>', number(account.seq))


@admin.register(Proof)
class ProofAdmin(ReadOnlyAdmin):
    scope = EVERYBODY
    list_display = ("finished_at", "verdict", "checks", "checked_entries", "faults")
    ordering = ("-id",)
    sortable_by = ()
    fields = ("started_at", "finished_at", "checks", "entries", "faults", "found")
    readonly_fields = ("found",)

    @display(description=_("verdict"), label={"ok": "success", "faults": "danger"})
    def verdict(self, proof: Proof) -> tuple[str, object]:
        return ("faults", _("Faults found")) if proof.faults else ("ok", _("Books balance"))

    @display(description=_("entries"))
    def checked_entries(self, proof: Proof) -> str:
        return format_html('<span class="sk-amount">{}</span>', number(proof.entries))

    @display(description=_("findings"))
    def found(self, proof: Proof) -> str:
        return pretty(proof.findings)
