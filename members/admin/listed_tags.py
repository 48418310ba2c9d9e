"""The filters of the member list, and a tag for everybody in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.display import number
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text, VerbView
from backoffice.services.imports.intake import may_bring
from members.errors import NotAListFilter
from members.models import Tag
from members.selectors.member_lists import NARROWINGS, Narrowing, narrowing_of, told
from members.services.imports import listed

MAY = "members.import_tag"


def list_filter(narrowing: Narrowing) -> type[admin.SimpleListFilter]:
    """The filter of the list's drawer. A value that is not offered finds nobody."""

    def lookups(self: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        user: Any = request.user
        return [(value, str(title)) for value, title in narrowing.options(user)]

    def queryset(self: Any, request: HttpRequest, rows: Any) -> Any:
        value = self.value()
        if not value:
            return rows
        if value not in dict(self.lookup_choices):
            return rows.none()
        return rows.filter(narrowing.condition(value, timezone.now()))

    body = {
        "title": narrowing.title,
        "parameter_name": narrowing.name,
        "lookups": lookups,
        "queryset": queryset,
    }
    return type(f"{narrowing.name.title()}Filter", (admin.SimpleListFilter,), body)


# Those of plain columns are Django's own, under the same names.
FILTERS = (
    "status",
    *(list_filter(one) for name, one in NARROWINGS.items() if "__" not in name),
    "source",
)


def query_of(request: HttpRequest) -> dict[str, str]:
    """The filters in the address, without the page and the order of the list."""
    return {
        name: str(value) for name, value in request.GET.items() if name not in ("p", "o", "all") and value
    }


def way_to_listed(request: HttpRequest) -> str:
    """Where everybody of the list that `request` shows gets a tag; "" where that is not possible."""
    user: Any = request.user
    query = query_of(request)
    if not user.has_perm(MAY) or not may_bring(user) or not set(query) <= set(NARROWINGS):
        return ""
    return reverse("admin:members_membertag_listed") + (f"?{urlencode(query)}" if query else "")


@dataclass(frozen=True, slots=True)
class Listing:
    """Stands for the row that the verb starts from: a filter."""

    query: dict[str, str]
    pk: int = 0


class ListedForm(VerbForm):
    tag = forms.ModelChoiceField(label=gettext_lazy("Tag"), queryset=Tag.objects.none())
    act = forms.ChoiceField(
        label=gettext_lazy("The tag"),
        choices=(("add", gettext_lazy("Is added")), ("remove", gettext_lazy("Is taken away"))),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice: Any = self.fields["tag"]
        choice.queryset = Tag.objects.active_on(timezone.localdate())


class ListedTagView(VerbView):
    """A tag for everybody in a list: the way of an import, so it is looked at first and undone as one."""

    name = "members.tag_listed"
    title = gettext_lazy("Tag everybody in this list")
    confirm_label = gettext_lazy("Show what would change")
    permission = MAY
    form_class = ListedForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **{**kwargs, "pk": 0})

    def fetch(self, user: Any, pk: int) -> Any:
        listing = Listing(query_of(self.request))
        try:
            for name, value in listing.query.items():
                narrowing_of(name, value, user)
        except NotAListFilter as refusal:
            raise Http404(str(refusal)) from None
        return listing

    def summary(self, row: Any) -> Sequence[tuple[Text, Any]]:
        filters = told(row.query, self.user)
        count = listed.count(row.query, self.user, timezone.now())
        return (
            *(filters or [(_("Members"), _("everybody"))]),
            (_("Members in this list"), number(count)),
        )

    def perform(self, row: Any, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        batch = listed.tag_listed(
            query=row.query, tag_id=asked["tag"].pk, act=asked["act"], actor=act.actor, now=act.now
        )
        return {"batch": batch.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _(
            "The list is being looked through. Nothing is written before you have seen what would change."
        )

    def done_url(self, body: Mapping[str, Any]) -> str:
        return reverse("admin:backoffice_importbatch_change", args=[body["batch"]])

    def back_url(self, row: Any) -> str:
        address = reverse("admin:members_member_changelist")
        return f"{address}?{urlencode(row.query)}" if row.query else address
