"""API keys: the list, the verb that makes one and shows it once, the verb that ends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from backoffice.admin.base import ReadOnlyAdmin
from backoffice.admin.display import display, moment
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text, VerbView, verb_paths, verb_url, visible_or_404
from backoffice.choices import ApiKeyKind, ApiScope, Reach
from backoffice.models import ApiKey, Brand, Store, User
from backoffice.services import api_keys

PERMISSION = "backoffice.issue_api_key"
STATES = {"live": "success", "over": "warning", "revoked": "danger"}


@dataclass(frozen=True, slots=True)
class NewKey:
    """Stands for the row that does not exist yet."""

    pk: int = 0


class IssueForm(VerbForm):
    kind = forms.ChoiceField(label=gettext_lazy("kind"), choices=ApiKeyKind.choices)
    name = forms.CharField(label=gettext_lazy("name"), max_length=60)
    store = forms.ModelChoiceField(label=gettext_lazy("store"), queryset=Store.objects.none(), required=False)
    brand = forms.ModelChoiceField(label=gettext_lazy("brand"), queryset=Brand.objects.none(), required=False)
    owner = forms.ModelChoiceField(
        label=gettext_lazy("belongs to"), queryset=User.objects.none(), required=False
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("The caller may"),
        choices=ApiScope.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(attrs={"class": "sk-many"}),
    )
    networks = forms.CharField(
        label=gettext_lazy("addresses"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("One network a line, such as 203.0.113.0/24. Empty: from anywhere."),
    )
    signed = forms.BooleanField(label=gettext_lazy("requests are signed"), required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: dict[str, Any] = {
            "store": Store.objects.visible_to(user).filter(is_active=True),
            "brand": Brand.objects.visible_to(user).filter(is_active=True),
            # One's own; whoever sees the whole group makes them for others, too.
            "owner": User.objects.filter(is_active=True)
            if user.reach == Reach.GROUP
            else User.objects.filter(pk=user.pk),
        }
        for name, rows in choices.items():
            field: Any = self.fields[name]
            field.queryset = rows


class IssueKeyView(VerbView):
    """The new key is on the page that answers, and nowhere else: neither in a table nor in a session."""

    name = "backoffice.issue_api_key"
    title = gettext_lazy("Issue API key")
    confirm_label = gettext_lazy("Issue")
    permission = PERMISSION
    form_class = IssueForm
    reauthenticate = True
    issued: api_keys.IssuedKey | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **{**kwargs, "pk": 0})

    def fetch(self, user: Any, pk: int) -> Any:
        return NewKey()

    def make_form(self, row: Any, data: Any = None, **kwargs: Any) -> VerbForm:
        return IssueForm(data, user=self.user, **kwargs)

    def perform(self, row: Any, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        self.issued = api_keys.issue(
            kind=ApiKeyKind(asked["kind"]),
            name=asked["name"],
            scopes=[ApiScope(scope) for scope in asked["scopes"]],
            store=asked["store"],
            brand=asked["brand"],
            owner=asked["owner"],
            networks=asked["networks"].split(),
            signed=asked["signed"],
            actor=act.actor,
            now=act.now,
        )
        return {"key": self.issued.key.pk}

    def confirm(self, form: VerbForm, asked: dict[str, Any], now: datetime) -> HttpResponse:
        response = super().confirm(form, asked, now)
        if self.issued is None or response.status_code != 302:
            return response
        context = {
            **admin.site.each_context(self.request),
            "title": _("The new key"),
            "issued": self.issued,
            "back_url": self.back_url(self.row),
        }
        return TemplateResponse(self.request, "admin/api_key_issued.html", context)

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The key was issued.")

    def back_url(self, row: Any) -> str:
        return reverse("admin:backoffice_apikey_changelist")


class RevokeForm(VerbForm):
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=200)


class RevokeKeyView(VerbView):
    name = "backoffice.revoke_api_key"
    title = gettext_lazy("Revoke API key")
    confirm_label = gettext_lazy("Revoke")
    permission = PERMISSION
    form_class = RevokeForm
    dangerous = True

    def fetch(self, user: Any, pk: int) -> ApiKey:
        rows = ApiKey.objects.visible_to(user).select_related("store", "brand", "owner")
        key: ApiKey = visible_or_404(rows, user, pk)
        return key

    def summary(self, row: ApiKey) -> Sequence[tuple[Text, Any]]:
        return (
            (_("name"), row.name),
            (_("kind"), row.get_kind_display()),
            (_("beginning of the key"), f"{api_keys.BEGINNING}{row.prefix}"),
            (_("belongs to"), row.owner or row.store or row.brand or "-"),
        )

    def perform(self, row: ApiKey, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = api_keys.revoke(key_id=row.pk, actor=act.actor, reason=asked["reason"], now=act.now)
        return {"key": done.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The key is revoked. Its next request is refused.")

    def back_url(self, row: ApiKey) -> str:
        return reverse("admin:backoffice_apikey_change", args=[row.pk])


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "place", "beginning", "state", "used", "until")
    list_display_links = ("name",)
    list_filter = ("kind",)
    list_select_related = ("store", "brand", "owner")
    search_fields = ("name", "prefix")
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        "name", "kind", "place", "beginning", "may", "networks", "signed", "state_word", "made",
        "used", "until",
    )  # fmt: skip
    readonly_fields = ("place", "beginning", "may", "state_word", "made", "used", "until")
    change_form_outer_before_template = "admin/api_key_verbs.html"
    change_list_template = "admin/api_key_list.html"

    def get_urls(self) -> list[Any]:
        return [*verb_paths(self, {"revoke": RevokeKeyView}), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        user: Any = request.user
        url = reverse("admin:issue_api_key") if user.has_perm(PERMISSION) else ""
        return super().changelist_view(request, {**(extra_context or {}), "issue_url": url})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        user: Any = request.user
        may = user.has_perm(PERMISSION) and object_id.isdigit()
        url = verb_url(ApiKey, "revoke", int(object_id)) if may else ""
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "revoke_url": url})

    @display(description=gettext_lazy("belongs to"))
    def place(self, key: ApiKey) -> str:
        return str(key.owner or key.store or key.brand or "-")

    @display(description=gettext_lazy("beginning of the key"))
    def beginning(self, key: ApiKey) -> str:
        return f"{api_keys.BEGINNING}{key.prefix}…"

    @display(description=gettext_lazy("may"))
    def may(self, key: ApiKey) -> str:
        names = dict(ApiScope.choices)
        return "、".join(str(names.get(scope, scope)) for scope in key.scopes) or "-"

    @display(description=gettext_lazy("status"), label=STATES)
    def state(self, key: ApiKey) -> tuple[str, str]:
        if key.revoked_at is not None:
            return "revoked", _("Revoked")
        return ("live", _("Live")) if key.is_live(timezone.now()) else ("over", _("Expired"))

    @display(description=gettext_lazy("status"))
    def state_word(self, key: ApiKey) -> str:
        # A page shows no labels, only lists do.
        return self.state(key)[1]

    @display(description=gettext_lazy("last used"))
    def used(self, key: ApiKey) -> str:
        return format_html('<span class="sk-time">{}</span>', moment(key.last_used_at) or "-")

    @display(description=gettext_lazy("expires"))
    def until(self, key: ApiKey) -> str:
        return format_html('<span class="sk-time">{}</span>', moment(key.expires_at) or "-")

    @display(description=gettext_lazy("created"))
    def made(self, key: ApiKey) -> str:
        return moment(key.created_at)


admin.site.register_page("api-keys/issue/", IssueKeyView.as_view(), "issue_api_key")  # type: ignore[attr-defined]
