"""Alarms: the list of what somebody has to look at, and the page where he says what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice import alarm_kinds
from backoffice.admin.base import ReadOnlyAdmin
from backoffice.admin.bell import looked_at
from backoffice.admin.display import display, moment, pretty
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text, VerbView, verb_paths, verb_url, visible_or_404
from backoffice.choices import NoticeSubject
from backoffice.models import Alarm, Store
from backoffice.services import alarms

STATES = {"open": "danger", "seen": "success"}


class AcknowledgeForm(VerbForm):
    note = forms.CharField(
        label=gettext_lazy("note"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("What you found out, and what was done. Without names and phone numbers."),
    )


class AcknowledgeView(VerbView):
    """Somebody answerable has looked at it."""

    name = "backoffice.acknowledge_alarm"
    title = gettext_lazy("Acknowledge this alarm")
    confirm_label = gettext_lazy("Acknowledge")
    permission = "backoffice.acknowledge_alarm"
    form_class = AcknowledgeForm

    def fetch(self, user: Any, pk: int) -> Alarm:
        rows = Alarm.objects.visible_to(user).select_related("store", "about")
        alarm: Alarm = visible_or_404(rows, user, pk)
        return alarm

    def summary(self, row: Alarm) -> Sequence[tuple[Text, Any]]:
        return (
            (_("Alarm"), alarm_kinds.named(row.kind).title),
            (_("What it is about"), row.subject),
            (_("Store"), row.store or "-"),
            (_("Raised"), moment(row.raised_at)),
            (_("What was seen"), alarm_kinds.named(row.kind).told(row.facts) or "-"),
        )

    def perform(self, row: Alarm, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = alarms.acknowledge(alarm_id=row.pk, note=asked["note"], actor=act.actor, now=act.now)
        return {"alarm": done.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The alarm is acknowledged.")

    def back_url(self, row: Alarm) -> str:
        return reverse("admin:backoffice_alarm_change", args=[row.pk])


class OpenFilter(admin.SimpleListFilter):
    title = gettext_lazy("status")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", _("Not acknowledged")), ("seen", _("Acknowledged"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "open":
                return queryset.filter(acknowledged_at=None)
            case "seen":
                return queryset.exclude(acknowledged_at=None)
        return queryset


class KindFilter(admin.SimpleListFilter):
    """Registered kinds by their names: what is in the table need not be read for a list of choices."""

    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(code, str(kind.title)) for code, kind in alarm_kinds.known().items()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class StoreFilter(admin.SimpleListFilter):
    title = gettext_lazy("store")
    parameter_name = "store"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        user: Any = request.user
        return [(str(store.pk), str(store)) for store in Store.objects.visible_to(user).order_by("code")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        chosen = self.value() or ""
        return queryset.filter(store=int(chosen)) if chosen.isascii() and chosen.isdigit() else queryset


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    list_display = ("matter", "subject", "store", "raised", "state", "acknowledged_by")
    list_display_links = ("matter",)
    list_filter = (OpenFilter, KindFilter, StoreFilter)
    list_select_related = ("store", "acknowledged_by")
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        "matter", "told", "subject", "store", "about", "raised", "acknowledged_by", "acknowledged", "note",
        "seen_facts",
    )  # fmt: skip
    readonly_fields = ("matter", "told", "raised", "acknowledged", "seen_facts")
    change_form_outer_before_template = "admin/alarm_verbs.html"

    def get_urls(self) -> list[Any]:
        return [*verb_paths(self, {"acknowledge": AcknowledgeView}), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        user: Any = request.user
        may = user.has_perm("backoffice.acknowledge_alarm") and object_id.isdigit()
        url = verb_url(Alarm, "acknowledge", int(object_id)) if may else ""
        if object_id.isdigit():
            looked_at(request, NoticeSubject.ALARM, int(object_id))
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), "acknowledge_url": url}
        )

    @display(description=gettext_lazy("alarm"))
    def matter(self, alarm: Alarm) -> str:
        return str(alarm_kinds.named(alarm.kind).title)

    @display(description=gettext_lazy("what was seen"))
    def told(self, alarm: Alarm) -> str:
        return alarm_kinds.named(alarm.kind).told(alarm.facts) or "-"

    @display(description=gettext_lazy("status"), label=STATES)
    def state(self, alarm: Alarm) -> tuple[str, str]:
        return (
            ("open", _("Not acknowledged")) if alarm.acknowledged_at is None else ("seen", _("Acknowledged"))
        )

    @display(description=gettext_lazy("raised"))
    def raised(self, alarm: Alarm) -> str:
        return format_html('<span class="sk-time">{}</span>', moment(alarm.raised_at))

    @display(description=gettext_lazy("acknowledged"))
    def acknowledged(self, alarm: Alarm) -> str:
        return moment(alarm.acknowledged_at)

    @display(description=gettext_lazy("facts"))
    def seen_facts(self, alarm: Alarm) -> str:
        return pretty(alarm.facts)
