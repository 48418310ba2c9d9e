"""Asking for an export: what will be in it, in which columns and in which clothes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from backoffice.admin.base import actor_of
from backoffice.admin.display import number
from backoffice.admin.forms import VerbForm
from backoffice.admin.proofs import first_prove
from backoffice.choices import ExportFormat
from backoffice.errors import ExportKindUnknown, Refusal
from backoffice.services.exports import verbs
from backoffice.services.exports.kinds import Asked, ExportKind, kind_of
from backoffice.services.exports.permits import may_export, may_have_whole

# Counting millions takes longer than somebody wants to wait for a form.
COUNTED = 200_000
WHOLE = "_whole"


class AskForm(VerbForm):
    format = forms.ChoiceField(label=gettext_lazy("Format"), choices=ExportFormat.choices)
    lossy = forms.BooleanField(
        label=gettext_lazy("Write “?” for characters that Big5 does not have"),
        required=False,
        help_text=gettext_lazy("Without this tick such names are listed, and no file is made."),
    )
    columns = forms.MultipleChoiceField(
        label=gettext_lazy("Columns"), widget=forms.CheckboxSelectMultiple(attrs={"class": "sk-ticks"})
    )
    reason = forms.CharField(
        label=gettext_lazy("Why do you need whole personal data?"), max_length=200, required=False
    )

    def __init__(self, kind: ExportKind, asked: Asked, data: Any = None) -> None:
        known = kind.columns(asked)
        usual = [name for name in known if name in (kind.usual or known)]
        super().__init__(data, initial={"columns": usual, "format": ExportFormat.CSV.value})
        columns: Any = self.fields["columns"]
        columns.choices = [(name, column.title) for name, column in known.items()]
        if asked.whole:
            self.fields["reason"].required = True
        else:
            del self.fields["reason"]


def ask_view(request: HttpRequest, kind: str) -> HttpResponse:
    """`ask/<kind>/?<the list's own query>`. Raises PermissionDenied, Http404."""
    user: Any = request.user
    found = _kind(kind)
    if not may_export(found, user):
        raise PermissionDenied
    whole = bool(request.GET.get(WHOLE))
    if whole:
        if not may_have_whole(found, user):
            raise PermissionDenied
        if to_proof := first_prove(request):
            return to_proof
    parameters = {name: str(value) for name, value in request.GET.items() if name != WHOLE}
    try:
        asked = Asked(user, found.filter_of(parameters), (), whole, timezone.now())
        found.narrowed(asked)
    except Refusal as refusal:
        return _page(request, found, None, None, refused=str(refusal), status=409)
    form = AskForm(found, asked, request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, found, asked, form, status=400 if form.errors else 200)
    given = form.cleaned_data
    try:
        export = verbs.ask(
            kind=kind, query=asked.query, columns=given["columns"], format=given["format"],
            lossy=given["lossy"], whole=whole, reason=given.get("reason", ""),
            language=get_language() or "en",
            actor=actor_of(request), key=f"staff:{user.pk}:{given['key']}", now=asked.now,
        )  # fmt: skip
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return _page(request, found, asked, form, status=409)
    return HttpResponseRedirect(reverse("admin:backoffice_export_change", args=[export.pk]))


def _kind(name: str) -> ExportKind:
    try:
        return kind_of(name)
    except ExportKindUnknown:
        raise Http404 from None


def _page(
    request: HttpRequest,
    kind: ExportKind,
    asked: Asked | None,
    form: AskForm | None,
    *,
    refused: str = "",
    status: int = 200,
) -> HttpResponse:
    user: Any = request.user
    whole_url = plain_url = ""
    if asked is not None and may_have_whole(kind, user) and kind.personal(_all_columns(kind, asked)):
        whole_url = _address(request, kind, {**asked.query, WHOLE: "1"})
        plain_url = _address(request, kind, asked.query)
    context = {
        **admin.site.each_context(request),
        "title": _("Export: %(list)s") % {"list": kind.title},
        "kind": kind,
        "form": form,
        "refused": refused,
        "whole": asked.whole if asked else False,
        "whole_url": whole_url,
        "plain_url": plain_url,
        "rows": _counted(kind, asked) if asked else "",
        "filter": kind.told(asked.query, asked.user) if asked else [],
        "back_url": reverse("admin:backoffice_export_changelist"),
    }
    return TemplateResponse(request, "admin/export_ask.html", context, status=status)


def _all_columns(kind: ExportKind, asked: Asked) -> Asked:
    return Asked(asked.user, asked.query, list(kind.columns(asked)), asked.whole, asked.now)


def _address(request: HttpRequest, kind: ExportKind, query: Mapping[str, str]) -> str:
    return reverse("admin:backoffice_export_ask", args=[kind.name]) + "?" + urlencode(query)


def _counted(kind: ExportKind, asked: Asked) -> str:
    rows = kind.until(kind.narrowed(asked), asked).order_by()[: COUNTED + 1].count()
    return _("more than %(rows)s") % {"rows": number(COUNTED)} if rows > COUNTED else number(rows)
