"""The till inbox: what tills told that a person has to settle or refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.base import ReadOnlyAdmin
from backoffice.admin.display import display, moment, money, pretty, signed
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text, VerbView, verb_paths, verb_url, visible_or_404
from campaigns.choices import TillItemKind, TillItemState, TimeTaken
from campaigns.models import TillItem
from campaigns.services.tills import decisions, inbox

COLOURS = {
    TillItemState.PARKED.value: "info",
    TillItemState.WAITING.value: "warning",
    TillItemState.SETTLED.value: "success",
    TillItemState.REFUSED.value: "danger",
}


def what_of(item: TillItem) -> str:
    """The number that matters: NT$ of a receipt or return, points of the others."""
    told = item.payload
    if item.kind == TillItemKind.PURCHASE:
        return money(Decimal(told["paid"]))
    if item.kind == TillItemKind.RETURN:
        return money(Decimal(told["amount"])) if told["amount"] else _("By lines")
    points = told["points"] if item.kind == TillItemKind.CORRECTION else -told["points"]
    return signed(points)


def note_field(*, required: bool) -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Note"),
        max_length=500,
        required=required,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("In words, for whoever looks at it later. No phone numbers."),
    )


class SettleForm(VerbForm):
    time_taken = forms.ChoiceField(
        label=gettext_lazy("Which time counts"),
        choices=TimeTaken.choices,
        initial=TimeTaken.TOLD,
        help_text=gettext_lazy("Choose the arrival where the till's clock was wrong."),
    )
    card_no = forms.CharField(
        label=gettext_lazy("Member card"),
        max_length=19,
        required=False,
        help_text=gettext_lazy("Only where the card that was scanned led to nobody."),
    )
    note = note_field(required=True)


class RefuseForm(VerbForm):
    note = note_field(required=True)


class DecisionView(VerbView):
    permission = inbox.PERMISSION
    form_class: ClassVar[type[VerbForm]] = RefuseForm

    def fetch(self, user: Any, pk: int) -> TillItem:
        rows = TillItem.objects.visible_to(user).select_related("store", "member")
        item: TillItem = visible_or_404(rows, user, pk)
        return item

    def summary(self, row: TillItem) -> Sequence[tuple[Text, Any]]:
        return (
            (_("Kind"), row.get_kind_display()),
            (_("Number"), row.number),
            (_("Amount or points"), what_of(row)),
            (_("Member card"), row.member.card_no if row.member else "-"),
            (_("Store"), row.store),
            (_("Why somebody has to look"), row.detail or row.get_reason_display()),
            (_("Happened"), moment(row.occurred_at)),
            (_("Arrived"), moment(row.received_at)),
        )

    def back_url(self, row: TillItem) -> str:
        return reverse("admin:campaigns_tillitem_change", args=[row.pk])


class SettleView(DecisionView):
    """Carry out what the till told."""

    name = "campaigns.settle_till_item"
    title = gettext_lazy("Settle what the till told")
    confirm_label = gettext_lazy("Settle")
    form_class = SettleForm

    def perform(self, row: TillItem, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = decisions.settle_item(
            item_id=row.pk,
            time_taken=TimeTaken(asked["time_taken"]),
            card_no=asked["card_no"],
            note=asked["note"],
            actor=act.actor,
            now=act.now,
        )
        return {"item": done.pk, "waiting": bool(done.result.get("waiting"))}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        if body["waiting"]:
            return _("The correction was asked for; it waits for a second person.")
        return _("It is settled.")


class RefuseView(DecisionView):
    name = "campaigns.refuse_till_item"
    title = gettext_lazy("Refuse what the till told")
    confirm_label = gettext_lazy("Refuse")
    dangerous = True

    def perform(self, row: TillItem, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = inbox.refuse(item_id=row.pk, note=asked["note"], actor=act.actor, now=act.now)
        return {"item": done.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("It is refused; nothing has moved.")


@admin.register(TillItem)
class TillItemAdmin(ReadOnlyAdmin):
    list_display = ("told", "what", "card", "store", "why", "status", "happened")
    list_display_links = ("told",)
    list_filter = ("state", "kind", "reason")
    list_select_related = ("store", "member")
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        "told", "about", "what", "card", "store", "till", "why", "state", "happened", "arrived", "decided_by",
        "decided", "note", "content", "outcome",
    )  # fmt: skip
    readonly_fields = (
        "told", "what", "card", "till", "why", "happened", "arrived", "decided", "content", "outcome",
    )  # fmt: skip
    change_form_outer_before_template = "campaigns/till_item_verbs.html"

    def get_urls(self) -> list[Any]:
        return [*verb_paths(self, {"settle": SettleView, "refuse": RefuseView}), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        user: Any = request.user
        may = user.has_perm(inbox.PERMISSION) and object_id.isdigit()
        urls = {
            f"{verb}_url": verb_url(TillItem, verb, int(object_id)) if may else ""
            for verb in ("settle", "refuse")
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **urls})

    @display(description=gettext_lazy("told"))
    def told(self, item: TillItem) -> str:
        return f"{item.get_kind_display()} {item.number}"

    @display(description=gettext_lazy("amount or points"))
    def what(self, item: TillItem) -> str:
        return what_of(item)

    @display(description=gettext_lazy("till"))
    def till(self, item: TillItem) -> str:
        return item.key.name

    @display(description=gettext_lazy("member card"))
    def card(self, item: TillItem) -> str:
        return item.member.card_no if item.member else "-"

    @display(description=gettext_lazy("why somebody has to look"))
    def why(self, item: TillItem) -> str:
        return item.detail or str(item.get_reason_display())

    @display(description=gettext_lazy("status"), label=COLOURS)
    def status(self, item: TillItem) -> tuple[str, str]:
        return item.state, item.get_state_display()

    @display(description=gettext_lazy("happened"))
    def happened(self, item: TillItem) -> str:
        return format_html('<span class="sk-time">{}</span>', moment(item.occurred_at))

    @display(description=gettext_lazy("arrived"))
    def arrived(self, item: TillItem) -> str:
        return moment(item.received_at)

    @display(description=gettext_lazy("decided"))
    def decided(self, item: TillItem) -> str:
        return moment(item.decided_at) or "-"

    @display(description=gettext_lazy("what the till told"))
    def content(self, item: TillItem) -> str:
        return pretty(item.payload)

    @display(description=gettext_lazy("result"))
    def outcome(self, item: TillItem) -> str:
        return pretty(item.result)
