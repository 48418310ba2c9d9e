"""Verbs of staff as pages: look, see the effect, confirm once.

Every act that moves money-like state is a subclass of VerbView, mounted by the admin of the row that it
starts from (`verb_paths`). The page reads; the one service call of `perform` decides and writes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, cast

import structlog
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from backoffice.actors import Actor
from backoffice.admin.forms import VerbForm
from backoffice.admin.proofs import first_prove
from backoffice.errors import Refusal
from backoffice.services.idempotency import run_once

if TYPE_CHECKING:
    from backoffice.models import User

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Preview:
    """The effect of a verb, computed without writing.

    `figures` are (label, value before, value after); `rows` a table below them under `heads`; `warnings` are
    sentences that the person must not overlook.
    """

    figures: Sequence[tuple[Text, Any, Any]] = ()
    heads: Sequence[Text] = ()
    rows: Sequence[Sequence[Any]] = ()
    warnings: Sequence[Text] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a person may go alone: (label, value, whether it is used up), and what happens beyond."""

    figures: Sequence[tuple[Text, Any, bool]]
    beyond: Text


class VerbView(View):
    """One verb on one row.

    Subclasses set `title`, `permission`, `form_class` and implement `fetch`, `perform`, `done_message` and
    `back_url`; `preview` and `expected_seq` where the verb moves points.
    """

    http_method_names = ("get", "head", "post")
    template_name = "admin/verb.html"
    title: ClassVar[Text] = ""
    confirm_label: ClassVar[Text] = gettext_lazy("Confirm")
    permission: ClassVar[str] = ""
    form_class: ClassVar[type[VerbForm]] = VerbForm
    dangerous: ClassVar[bool] = False
    # Fields that change the effect: confirming other values than those previewed shows the effect again.
    effect_fields: ClassVar[tuple[str, ...]] = ()
    preview_at_once: ClassVar[bool] = False
    # Whether the person has to prove himself first, unless he did so a short while ago (`proofs`).
    reauthenticate: ClassVar[bool] = False
    name: ClassVar[str] = ""
    # What helps after a refusal (see `ways_out`).
    links: Sequence[tuple[Text, str]] = ()

    # --- What a verb says -------------------------------------------------------------------------------
    def fetch(self, user: User, pk: int) -> Model:
        """The row, within the user's reach. Raises Http404."""
        raise NotImplementedError

    def initial(self, row: Any) -> dict[str, Any]:
        return {}

    def make_form(self, row: Any, data: Any = None, **kwargs: Any) -> VerbForm:
        return self.form_class(data, **kwargs)

    def expected_seq(self, row: Any) -> int | None:
        return None

    def preview(self, row: Any, asked: Mapping[str, Any], now: datetime) -> Preview | None:
        """The effect of `asked`, read only. Raises Refusal where the verb itself would refuse."""
        return None

    def perform(self, row: Any, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        """ONE service call. The answer (JSON) is stored under the key and given again to a second click."""
        raise NotImplementedError

    def done_message(self, body: Mapping[str, Any]) -> Text:
        raise NotImplementedError

    def back_url(self, row: Any) -> str:
        raise NotImplementedError

    def done_url(self, body: Mapping[str, Any]) -> str:
        """Where to go when it is done; the row itself may only exist since then."""
        return self.back_url(self.row)

    def ways_out(self, refusal: Refusal) -> Sequence[tuple[Text, str]]:
        """Links (label, address) that help after this refusal."""
        return ()

    def heading(self, row: Any) -> Text:
        return self.title

    def summary(self, row: Any) -> Sequence[tuple[Text, Any]]:
        """What the verb is about, as (label, value), shown above the form."""
        return ()

    def bounds(self, row: Any) -> Bounds | None:
        """What this person may do by himself, told before he types; None where nothing bounds him."""
        return None

    # --- How it walks -----------------------------------------------------------------------------------
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        user: Any = request.user
        if not user.has_perm(self.permission):
            raise PermissionDenied
        self.user: User = user
        self.row = self.fetch(user, int(kwargs["pk"]))
        if self.reauthenticate and (to_proof := first_prove(request)):
            return to_proof
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        initial = {**self.initial(self.row), "expected_seq": self.expected_seq(self.row)}
        form = self.make_form(self.row, initial=initial)
        if not self.preview_at_once:
            return self.page(form)
        asked = {name: form.initial.get(name) for name in self.effect_fields}
        return self.with_preview(form, asked, timezone.now())

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        form = self.make_form(self.row, request.POST)
        if not form.is_valid():
            return self.page(form)
        now = timezone.now()
        asked = form.asked()
        seen = form.cleaned_data["previewed"]
        if request.POST.get("step") != "confirm" or (self.effect_fields and seen != self.digest(asked)):
            return self.with_preview(form, asked, now)
        return self.confirm(form, asked, now)

    def confirm(self, form: VerbForm, asked: dict[str, Any], now: datetime) -> HttpResponse:
        key = form.cleaned_data["key"]
        actor = Actor.staff(self.user, str(structlog.contextvars.get_contextvars().get("request_id", "")))
        expected = form.cleaned_data["expected_seq"]
        act = Act(key=key, actor=actor, now=now, expected_seq=expected)
        request = {"verb": self.name, "row": self.row.pk, "expected_seq": expected, **plain(asked)}
        try:
            answer = run_once(
                client=f"staff:{self.user.pk}",
                key=key,
                request=request,
                now=now,
                verb=lambda: self.perform(self.row, asked, act),
            )
        except Refusal as refusal:
            return self.refused(form, asked, refusal, now)
        messages.success(self.request, str(self.done_message(answer.body)))
        return HttpResponseRedirect(self.done_url(answer.body))

    def refused(self, form: VerbForm, asked: dict[str, Any], refusal: Refusal, now: datetime) -> HttpResponse:
        """The refusal's sentence on the form, with the state as it is now: looking again is one click."""
        self.row = self.fetch(self.user, self.row.pk)
        self.links = self.ways_out(refusal)
        by_field = getattr(refusal, "errors", None)
        if isinstance(by_field, Mapping) and set(by_field) <= set(form.fields):
            for name, sentences in by_field.items():
                form.add_error(name, list(sentences))
        else:
            form.add_error(None, str(refusal))
        return self.with_preview(form, asked, now, status=409)

    def with_preview(
        self, form: VerbForm, asked: dict[str, Any], now: datetime, status: int = 200
    ) -> HttpResponse:
        try:
            preview = self.preview(self.row, asked, now)
        except Refusal as refusal:
            self.links = self.ways_out(refusal)
            if form.is_bound and not form.non_field_errors():
                form.add_error(None, str(refusal))
            return self.page(form, refused=None if form.is_bound else str(refusal), status=409)
        hidden = {"previewed": self.digest(asked), "expected_seq": self.expected_seq(self.row)}
        if form.is_bound:
            form.data = cast(QueryDict, form.data).copy()
        for name, value in hidden.items():
            form.initial[name] = value
            if form.is_bound:
                form.data[name] = "" if value is None else str(value)  # type: ignore[index]
        return self.page(form, preview=preview, may_confirm=True, status=status)

    def page(self, form: VerbForm, status: int = 200, **context: Any) -> HttpResponse:
        confirm_now = not self.effect_fields
        return TemplateResponse(
            self.request,
            self.template_name,
            {
                **admin.site.each_context(self.request),
                "title": self.heading(self.row),
                "form": form,
                "row": self.row,
                "summary": self.summary(self.row),
                "bounds": self.bounds(self.row),
                "back_url": self.back_url(self.row),
                "confirm_label": self.confirm_label,
                "dangerous": self.dangerous,
                "has_effect": bool(self.effect_fields),
                "links": self.links,
                "preview": None,
                "may_confirm": confirm_now,
                **context,
            },
            status=status,
        )

    def digest(self, asked: Mapping[str, Any]) -> str:
        """Which effect was shown: a short hash over the fields that change it."""
        shown = plain({name: asked.get(name) for name in self.effect_fields})
        return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Act:
    """Who confirms, under which key, when, and which state of the account he looked at."""

    key: str
    actor: Actor
    now: datetime
    expected_seq: int | None = None


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON knows them; everything else as text."""
    known = (str, int, bool, type(None))
    return {name: value if isinstance(value, known) else str(value) for name, value in values.items()}


def visible_or_404(rows: Any, user: User, pk: int) -> Any:
    """The row of a scoped queryset. Raises Http404 for none and for one outside the user's reach, alike."""
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404(_("There is no such record, or it is outside your stores."))
    return found


def verb_paths(model_admin: Any, verbs: Mapping[str, type[VerbView]]) -> list[URLPattern]:
    """Routes `<pk>/<slug>/` for an admin's `get_urls`, named `<app>_<model>_<slug>`."""
    opts = model_admin.opts
    return [
        path(
            f"<int:pk>/{slug}/",
            model_admin.admin_site.admin_view(view.as_view()),
            name=f"{opts.app_label}_{opts.model_name}_{slug.replace('-', '_')}",
        )
        for slug, view in verbs.items()
    ]


def verb_url(model: type[Model], slug: str, pk: int) -> str:
    """Where a verb of `model` starts for the row `pk`."""
    opts = model._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{slug.replace('-', '_')}", args=[pk])
