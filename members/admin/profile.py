"""Editing a profile: a verb like the others, audited, safe to repeat, never overwriting unseen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text
from backoffice.errors import Refusal
from backoffice.models import Store
from members.admin.desk import MemberVerb, staff_actor
from members.admin.masks import UNMASK
from members.choices import FieldNeed, Gender, ProfileField, UnmaskPurpose
from members.models import Member
from members.selectors.profile import profile_needs
from members.services.disclosure import PERSONAL, reveal
from members.services.profile import change_profile


class ProfileForm(VerbForm):
    """All profile fields; the view takes out those that the member's brand does not ask for."""

    version = forms.CharField(widget=forms.HiddenInput)
    name = forms.CharField(label=gettext_lazy("Full name"), max_length=60, required=False)
    gender = forms.ChoiceField(label=gettext_lazy("Gender"), choices=Gender.choices, required=False)
    birthday = forms.DateField(label=gettext_lazy("Birthday"), required=False)
    email = forms.EmailField(label=gettext_lazy("E-mail"), required=False)
    county = forms.CharField(label=gettext_lazy("County or city"), max_length=20, required=False)
    district = forms.CharField(label=gettext_lazy("District"), max_length=20, required=False)
    address = forms.CharField(label=gettext_lazy("Address"), max_length=200, required=False)
    referring_store = forms.ModelChoiceField(
        label=gettext_lazy("Referring store"), queryset=Store.objects.none(), required=False
    )


class ProfileView(MemberVerb):
    """Change what is known about a member (S22); the service writes old and new value into the trail."""

    name = "members.change_profile"
    title = gettext_lazy("Edit profile")
    confirm_label = gettext_lazy("Save")
    permission = "members.change_member"
    form_class = ProfileForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        # The form shows the whole person: who may not unmask, may not open it.
        if not request.user.has_perm(UNMASK):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Opening the form is a look at the unmasked person, and recorded and counted like one (S24)."""
        try:
            reveal(
                member=self.row,
                fields=PERSONAL,
                purpose=UnmaskPurpose.CORRECTION.value,
                reason=self.name,
                actor=staff_actor(self.user),
                now=timezone.now(),
            )
        except Refusal as refusal:
            return self.page(self.make_form(self.row), refused=str(refusal), status=409)
        return super().get(request, pk)

    def make_form(self, row: Member, data: Any = None, **kwargs: Any) -> VerbForm:
        form = super().make_form(row, data, **kwargs)
        needs = profile_needs(row.brand)
        for field in ProfileField.values:
            if needs[field] == FieldNeed.HIDDEN or (
                field == ProfileField.REFERRING_STORE and row.referring_store_locked
            ):
                del form.fields[field]
        if ProfileField.REFERRING_STORE in form.fields:
            choice: Any = form.fields[ProfileField.REFERRING_STORE]
            choice.queryset = Store.objects.visible_to(self.user).filter(is_active=True)
        return form

    def initial(self, row: Member) -> dict[str, Any]:
        values = {field: getattr(row, field) for field in ProfileField.values}
        return values | {"version": row.updated_at.isoformat()}

    def perform(self, row: Member, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        changes = {name: value for name, value in asked.items() if name != "version"}
        change_profile(
            member=row,
            changes=changes,
            actor=act.actor,
            now=act.now,
            expected_updated_at=datetime.fromisoformat(asked["version"]),
        )
        return {"member": row.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The profile was saved.")
