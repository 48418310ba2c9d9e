"""Webhooks: receivers with a secret that is shown once, and their deliveries with the dead letters among
them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.base import EVERYBODY, ReadOnlyAdmin
from backoffice.admin.display import display, moment, pretty
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text, VerbView, verb_paths, verb_url, visible_or_404
from backoffice.choices import DeliveryState, WebhookEvent
from backoffice.models import Brand, WebhookDelivery, WebhookSubscription
from backoffice.services.webhooks import subscriptions

PERMISSION = "backoffice.steer_webhook"
COLOURS = {
    DeliveryState.WAITING.value: "info",
    DeliveryState.SENT.value: "success",
    DeliveryState.DEAD.value: "danger",
}


@dataclass(frozen=True, slots=True)
class NewReceiver:
    """Stands for the row that does not exist yet."""

    pk: int = 0


class SubscribeForm(VerbForm):
    name = forms.CharField(label=gettext_lazy("name"), max_length=60)
    url = forms.CharField(
        label=gettext_lazy("web address"),
        max_length=500,
        help_text=gettext_lazy("https://partner.example/shuke"),
    )
    brand = forms.ModelChoiceField(
        label=gettext_lazy("brand"),
        queryset=Brand.objects.none(),
        required=False,
        help_text=gettext_lazy("Empty: the whole group."),
    )
    events = forms.MultipleChoiceField(
        label=gettext_lazy("events"), choices=WebhookEvent.choices, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["brand"]
        field.queryset = Brand.objects.filter(is_active=True)


class SubscribeView(VerbView):
    """The secret is on the page that answers, and nowhere else."""

    name = "backoffice.subscribe_webhook"
    title = gettext_lazy("Add webhook")
    confirm_label = gettext_lazy("Add")
    permission = PERMISSION
    form_class = SubscribeForm
    reauthenticate = True
    made: subscriptions.Subscribed | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **{**kwargs, "pk": 0})

    def fetch(self, user: Any, pk: int) -> Any:
        return NewReceiver()

    def perform(self, row: Any, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        self.made = subscriptions.subscribe(
            name=asked["name"],
            url=asked["url"],
            events=[WebhookEvent(event) for event in asked["events"]],
            brand=asked["brand"],
            actor=act.actor,
            now=act.now,
        )
        return {"webhook": self.made.subscription.pk}

    def confirm(self, form: VerbForm, asked: dict[str, Any], now: datetime) -> HttpResponse:
        response = super().confirm(form, asked, now)
        if self.made is None or response.status_code != 302:
            return response
        context = {
            **admin.site.each_context(self.request),
            "title": _("The new webhook"),
            "made": self.made,
            "back_url": self.back_url(self.row),
        }
        return TemplateResponse(self.request, "admin/webhook_made.html", context)

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The webhook was added.")

    def back_url(self, row: Any) -> str:
        return reverse("admin:backoffice_webhooksubscription_changelist")


class EndForm(VerbForm):
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=200)


class EndView(VerbView):
    name = "backoffice.end_webhook"
    title = gettext_lazy("End webhook")
    confirm_label = gettext_lazy("End")
    permission = PERMISSION
    form_class = EndForm
    dangerous = True

    def fetch(self, user: Any, pk: int) -> WebhookSubscription:
        row: WebhookSubscription = visible_or_404(WebhookSubscription.objects.all(), user, pk)
        return row

    def summary(self, row: WebhookSubscription) -> Sequence[tuple[Text, Any]]:
        return ((_("name"), row.name), (_("web address"), row.url), (_("brand"), row.brand or "-"))

    def perform(self, row: WebhookSubscription, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = subscriptions.end(subscription_id=row.pk, reason=asked["reason"], actor=act.actor, now=act.now)
        return {"webhook": done.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The webhook is ended. What waited for it was given up.")

    def back_url(self, row: Any) -> str:
        return reverse("admin:backoffice_webhooksubscription_change", args=[row.pk])


class ResendView(VerbView):
    name = "backoffice.resend_webhook"
    title = gettext_lazy("Send again")
    confirm_label = gettext_lazy("Send again")
    permission = PERMISSION

    def fetch(self, user: Any, pk: int) -> WebhookDelivery:
        rows = WebhookDelivery.objects.select_related("subscription")
        row: WebhookDelivery = visible_or_404(rows, user, pk)
        return row

    def summary(self, row: WebhookDelivery) -> Sequence[tuple[Text, Any]]:
        return (
            (_("webhook"), row.subscription.name),
            (_("event"), row.get_event_display()),
            (_("error"), row.error or "-"),
            (_("attempts"), row.attempts),
        )

    def perform(self, row: WebhookDelivery, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = subscriptions.resend(delivery_id=row.pk, actor=act.actor, now=act.now)
        return {"delivery": done.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("It is tried for three more days.")

    def back_url(self, row: Any) -> str:
        return reverse("admin:backoffice_webhookdelivery_change", args=[row.pk])


@admin.register(WebhookSubscription)
class WebhookSubscriptionAdmin(ReadOnlyAdmin):
    scope = EVERYBODY
    list_display = ("name", "url", "brand", "told_of", "made", "ended")
    list_display_links = ("name",)
    list_select_related = ("brand",)
    ordering = ("-id",)
    sortable_by = ()
    fields = ("name", "url", "brand", "told_of", "made", "ended")
    readonly_fields = ("told_of", "made", "ended")
    change_list_template = "admin/webhook_list.html"
    change_form_outer_before_template = "admin/webhook_verbs.html"

    def get_urls(self) -> list[Any]:
        return [*verb_paths(self, {"end": EndView}), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        user: Any = request.user
        url = reverse("admin:subscribe_webhook") if user.has_perm(PERMISSION) else ""
        return super().changelist_view(request, {**(extra_context or {}), "subscribe_url": url})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        user: Any = request.user
        may = user.has_perm(PERMISSION) and object_id.isdigit()
        open_ = may and WebhookSubscription.objects.filter(pk=int(object_id), ended_at=None).exists()
        extra = {
            "verb_url": verb_url(WebhookSubscription, "end", int(object_id)) if open_ else "",
            "verb_label": _("End webhook"),
            "dangerous": True,
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **extra})

    @display(description=gettext_lazy("events"))
    def told_of(self, row: WebhookSubscription) -> str:
        names = dict(WebhookEvent.choices)
        return "、".join(str(names.get(event, event)) for event in row.events)

    @display(description=gettext_lazy("created"))
    def made(self, row: WebhookSubscription) -> str:
        return moment(row.created_at)

    @display(description=gettext_lazy("ended"))
    def ended(self, row: WebhookSubscription) -> str:
        return moment(row.ended_at) or "-"


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    scope = EVERYBODY
    list_display = ("id", "subscription", "event", "status", "attempts", "answer_status", "error", "happened")
    list_filter = ("state", "event")
    list_select_related = ("subscription",)
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        "subscription", "event", "state", "attempts", "answer_status", "error", "happened", "due", "sent",
        "content",
    )  # fmt: skip
    readonly_fields = ("happened", "due", "sent", "content")
    change_form_outer_before_template = "admin/webhook_verbs.html"

    def get_urls(self) -> list[Any]:
        return [*verb_paths(self, {"resend": ResendView}), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        user: Any = request.user
        may = user.has_perm(PERMISSION) and object_id.isdigit()
        dead = may and WebhookDelivery.objects.filter(pk=int(object_id), state=DeliveryState.DEAD).exists()
        extra = {
            "verb_url": verb_url(WebhookDelivery, "resend", int(object_id)) if dead else "",
            "verb_label": _("Send again"),
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **extra})

    @display(description=gettext_lazy("status"), label=COLOURS)
    def status(self, row: WebhookDelivery) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=gettext_lazy("happened"))
    def happened(self, row: WebhookDelivery) -> str:
        return format_html('<span class="sk-time">{}</span>', moment(row.created_at))

    @display(description=gettext_lazy("next attempt"))
    def due(self, row: WebhookDelivery) -> str:
        return moment(row.due_at) if row.state == DeliveryState.WAITING else "-"

    @display(description=gettext_lazy("sent"))
    def sent(self, row: WebhookDelivery) -> str:
        return moment(row.sent_at) or "-"

    @display(description=gettext_lazy("content"))
    def content(self, row: WebhookDelivery) -> str:

        return pretty(json.loads(row.body))


admin.site.register_page("webhooks/add/", SubscribeView.as_view(), "subscribe_webhook")  # type: ignore[attr-defined]
