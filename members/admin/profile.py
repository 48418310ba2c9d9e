"""Editing a profile: a verb like the others, audited, safe to repeat, never overwriting unseen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text, VerbView, visible_or_404
from backoffice.models import Store
from members.choices import FieldNeed, Gender, ProfileField
from members.models import Member
from members.selectors.profile import profile_needs
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


class ProfileView(VerbView):
    """Change what is known about a member (S22); the service writes old and new value into the trail."""

    name = "members.change_profile"
    title = gettext_lazy("Edit profile")
    confirm_label = gettext_lazy("Save")
    permission = "members.change_member"
    form_class = ProfileForm

    def fetch(self, user: Any, pk: int) -> Member:
        member: Member = visible_or_404(Member.objects.visible_to(user), user, pk)
        return member

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

    def back_url(self, row: Member) -> str:
        return reverse("admin:members_member_change", args=[row.pk])
