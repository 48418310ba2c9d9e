"""Issuing cards without a name (S28): a form, and the sheet of numbers to print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text, VerbView
from backoffice.models import Store
from members import card_images
from members.admin.enrolment import Newcomer, stores_of
from members.models import Member
from members.services.blank_cards import MOST, issue

PERMISSION = "members.issue_card"


class IssueForm(VerbForm):
    store = forms.ModelChoiceField(label=gettext_lazy("Store"), queryset=Store.objects.none())
    count = forms.IntegerField(
        label=gettext_lazy("How many"), min_value=1, max_value=MOST, initial=20,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )  # fmt: skip


class IssueCardsView(VerbView):
    """A verb that makes its rows."""

    name = "members.issue_card"
    title = gettext_lazy("Issue cards without a name")
    confirm_label = gettext_lazy("Issue the cards")
    permission = PERMISSION
    form_class = IssueForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **{**kwargs, "pk": 0})

    def fetch(self, user: Any, pk: int) -> Any:
        return Newcomer()

    def make_form(self, row: Any, data: Any = None, **kwargs: Any) -> VerbForm:
        form = IssueForm(data, **kwargs)
        choice: Any = form.fields["store"]
        choice.queryset = Store.objects.visible_to(self.user).filter(is_active=True)
        stores = stores_of(self.user)
        if len(stores) == 1:
            form.fields["store"].initial = stores[0].pk
        return form

    def perform(self, row: Any, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        batch = f"staff:{self.user.pk}:{act.key}"
        made = issue(count=asked["count"], store=asked["store"], actor=act.actor, key=batch, now=act.now)
        return {"batch": batch, "cards": len(made)}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        made = body["cards"]
        return ngettext("%(count)s card was issued.", "%(count)s cards were issued.", made) % {"count": made}

    def done_url(self, body: Mapping[str, Any]) -> str:
        asked = urlencode({"batch": body["batch"], "cards": body["cards"]})
        return f"{reverse('admin:card_sheet')}?{asked}"

    def back_url(self, row: Any) -> str:
        return reverse("admin:members_member_changelist")


@require_safe
def sheet(request: HttpRequest) -> HttpResponse:
    """The cards of one batch that still have no owner, to print."""
    user: Any = request.user
    if not user.has_perm(PERMISSION):
        raise PermissionDenied
    batch, told = request.GET.get("batch", ""), request.GET.get("cards", "")
    count = min(int(told), MOST) if told.isdecimal() and len(told) < 5 else 0
    keys = [f"card:{batch}:{number}" for number in range(count)]
    cards = Member.objects.visible_to(user).living().filter(enrol_key__in=keys, phone="", name="")
    context = {
        **admin.site.each_context(request),
        "title": _("Cards without a name"),
        "cards": [
            (" ".join(number[at : at + 4] for at in range(0, 16, 4)), card_images.bars(number))
            for number in cards.order_by("pk").values_list("card_no", flat=True)
        ],
    }
    return TemplateResponse(request, "members/card_sheet.html", context)


admin.site.register_page("cards/issue/", IssueCardsView.as_view(), "issue_cards")  # type: ignore[attr-defined]
admin.site.register_page("cards/sheet/", sheet, "card_sheet")  # type: ignore[attr-defined]
