"""Enrolling a member at the counter, usually from a paper form (S29b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text, VerbView
from backoffice.choices import Reach
from backoffice.errors import Refusal
from backoffice.models import Store
from members.admin.desk import page_url, way_to_owner
from members.admin.notes import PAPER_OR_COUNTER
from members.admin.standing import clean_phone
from members.choices import ConsentPurpose, FieldNeed, Gender, ProfileField
from members.dates import parse_date
from members.phones import display_phone
from members.selectors.profile import profile_needs
from members.selectors.search import Kind, find_members
from members.services.consents import ConsentAnswer
from members.services.enrolment import enrol

CONSENTS = {f"consent_{purpose}": purpose for purpose in ConsentPurpose.values}
TERMS = f"consent_{ConsentPurpose.TERMS.value}"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Stands for the row that does not exist yet."""

    pk: int = 0


def stores_of(user: Any) -> list[Store]:
    return list(
        Store.objects.visible_to(user).filter(is_active=True).select_related("brand").order_by("code")
    )


class EnrolForm(VerbForm):
    """The paper form from top to bottom: one pass of the Tab key."""

    field_order = (
        "phone", *ProfileField.values[:-1], *CONSENTS, "source", "signed_on", "version", "store",
        "referring_store", "blank_card", "note",
    )  # fmt: skip

    phone = forms.CharField(
        label=gettext_lazy("Mobile phone"),
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    name = forms.CharField(label=gettext_lazy("Full name"), max_length=60)
    gender = forms.ChoiceField(label=gettext_lazy("Gender"), choices=Gender.choices)
    birthday = forms.CharField(
        label=gettext_lazy("Birthday"),
        max_length=20,
        help_text=gettext_lazy("1990-02-03, 19900203 or 79/02/03 of the Republic."),
    )
    email = forms.EmailField(label=gettext_lazy("E-mail"))
    county = forms.CharField(label=gettext_lazy("County or city"), max_length=20)
    district = forms.CharField(label=gettext_lazy("District"), max_length=20)
    address = forms.CharField(label=gettext_lazy("Address"), max_length=200)
    source = forms.ChoiceField(label=gettext_lazy("Where from"), choices=PAPER_OR_COUNTER)
    signed_on = forms.DateField(label=gettext_lazy("Date on the form"))
    version = forms.CharField(
        label=gettext_lazy("Version of the text"), max_length=32, required=False,
        help_text=gettext_lazy("As printed on the form; empty if there is none."),
    )  # fmt: skip
    store = forms.ModelChoiceField(
        label=gettext_lazy("Joined at store"), queryset=Store.objects.none(), required=False
    )
    referring_store = forms.ModelChoiceField(
        label=gettext_lazy("Referring store"), queryset=Store.objects.none()
    )
    blank_card = forms.CharField(
        label=gettext_lazy("Card without a name"), max_length=24, required=False,
        help_text=gettext_lazy(
            "Scan a card that was used before: what it has collected becomes the member's."
        ),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )  # fmt: skip
    note = forms.CharField(
        label=gettext_lazy("Note"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, user: Any, needs: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("store", "referring_store"):
            choice: Any = self.fields[name]
            choice.queryset = Store.objects.visible_to(user).filter(is_active=True)
        for name in ProfileField.values:
            if needs[name] == FieldNeed.HIDDEN:
                del self.fields[name]
            else:
                self.fields[name].required = needs[name] == FieldNeed.REQUIRED
                self.fields[name].widget.is_required = self.fields[name].required

    def clean_phone(self) -> str:
        return clean_phone(self.cleaned_data["phone"])

    def clean_birthday(self) -> date | None:
        text = self.cleaned_data["birthday"]
        try:
            return parse_date(text) if text else None
        except ValueError:
            raise forms.ValidationError(_("Type the birthday as 1990-02-03 or 79/02/03.")) from None


for _field, _purpose in CONSENTS.items():
    # One switch for each purpose; nobody may join without the terms.
    EnrolForm.base_fields[_field] = forms.BooleanField(
        label=ConsentPurpose(_purpose).label, required=_field == TERMS
    )


class EnrolView(VerbView):
    """A verb that makes its row. The member is unverified: he collects points and cannot spend them yet."""

    name = "members.enrol"
    title = gettext_lazy("New member")
    confirm_label = gettext_lazy("Enrol")
    permission = "members.enrol_member"
    form_class = EnrolForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **{**kwargs, "pk": 0})

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A phone that a member has already leads to him: nobody is enrolled twice by accident."""
        found = find_members(text=request.GET.get("phone", ""), user=self.user)
        if found.kind is Kind.PHONE and len(found.members) == 1:
            messages.info(request, _("This phone belongs to this member already."))
            return HttpResponseRedirect(page_url(found.members[0].pk))
        return super().get(request, pk)

    def fetch(self, user: Any, pk: int) -> Any:
        return Newcomer()

    def initial(self, row: Any) -> dict[str, Any]:
        stores = stores_of(self.user)
        # Who works in named stores enrols for his own; whoever sees more has to say which.
        own = stores[0].pk if stores and (self.user.reach == Reach.STORES or len(stores) == 1) else None
        found = find_members(text=self.request.GET.get("phone", ""), user=self.user)
        phone = display_phone(found.normalised) if found.kind is Kind.PHONE else ""
        return {"phone": phone, "store": own, "referring_store": own, "signed_on": timezone.localdate()}

    def make_form(self, row: Any, data: Any = None, **kwargs: Any) -> VerbForm:
        chosen = data.get("store") if data else kwargs.get("initial", {}).get("store")
        store = next((store for store in stores_of(self.user) if str(store.pk) == str(chosen)), None)
        needs = profile_needs(store.brand if store else None)
        form = EnrolForm(data, user=self.user, needs=needs, **kwargs)
        first = "name" if form.initial.get("phone") and "name" in form.fields else "phone"
        form.fields[first].widget.attrs["autofocus"] = True
        return form

    def perform(self, row: Any, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        profile = {name: asked[name] for name in ProfileField.values if name in asked}
        member = enrol(
            **profile,
            phone=asked["phone"],
            source=asked["source"],
            store=asked["store"],
            consents=self.answers(asked),
            note=asked["note"],
            blank_card=asked["blank_card"],
            actor=act.actor,
            key=f"staff:{self.user.pk}:{act.key}",
            now=act.now,
        )
        return {"member": member.pk}

    @staticmethod
    def answers(asked: Mapping[str, Any]) -> Sequence[ConsentAnswer]:
        """What was ticked. An empty box is no answer: the member was not asked, or did not want to say."""
        return [
            ConsentAnswer(purpose, True, asked["version"], asked["signed_on"])
            for field, purpose in CONSENTS.items()
            if asked[field]
        ]

    def ways_out(self, refusal: Refusal) -> Sequence[tuple[Text, str]]:
        return way_to_owner(refusal, self.user)

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _(
            "The member is enrolled and unverified: points are collected, and spent "
            "once the phone is verified."
        )

    def done_url(self, body: Mapping[str, Any]) -> str:
        return page_url(body["member"])

    def back_url(self, row: Any) -> str:
        return reverse("admin:index")


admin.site.register_page("enrol/", EnrolView.as_view(), "enrol")  # type: ignore[attr-defined]
