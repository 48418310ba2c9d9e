"""Freezing a member and letting him go on, and changing his phone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Preview, Text
from members.admin.desk import MemberVerb, reason_field
from members.choices import MemberStatus
from members.errors import InvalidPhone, PhoneTaken
from members.models import Member
from members.phones import display_phone, mask_phone, normalise_phone
from members.selectors.search import owner_of_phone
from members.services.phone_numbers import change_phone
from members.services.standing import freeze, unfreeze


class ReasonForm(VerbForm):
    reason = reason_field()


class FreezeView(MemberVerb):
    name = "members.freeze"
    title = gettext_lazy("Freeze this member")
    confirm_label = gettext_lazy("Freeze")
    permission = "members.freeze_member"
    form_class = ReasonForm
    preview_at_once = True
    dangerous = True

    def preview(self, row: Member, asked: Mapping[str, Any], now: datetime) -> Preview:
        return Preview(
            figures=[(_("Status"), row.get_status_display(), MemberStatus.FROZEN.label)],
            warnings=[_("A frozen member keeps points and coupons, and can use none of them.")],
        )

    def perform(self, row: Member, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        freeze(member=row, reason=asked["reason"], actor=act.actor, now=act.now)
        return {"member": row.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The member is frozen.")


class UnfreezeView(MemberVerb):
    name = "members.unfreeze"
    title = gettext_lazy("Unfreeze this member")
    confirm_label = gettext_lazy("Unfreeze")
    permission = "members.freeze_member"
    form_class = ReasonForm
    preview_at_once = True

    def preview(self, row: Member, asked: Mapping[str, Any], now: datetime) -> Preview:
        return Preview(figures=[(_("Status"), row.get_status_display(), MemberStatus.ACTIVE.label)])

    def perform(self, row: Member, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        unfreeze(member=row, reason=asked["reason"], actor=act.actor, now=act.now)
        return {"member": row.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The member is active again.")


def clean_phone(text: str) -> str:
    """The typed phone in E.164. Raises ValidationError that says what was expected or perhaps meant."""
    try:
        return normalise_phone(text)
    except InvalidPhone as refusal:
        if refusal.suggestion:
            raise forms.ValidationError(
                _("Did you mean %(phone)s? Type it with its first zero.")
                % {"phone": display_phone(normalise_phone(refusal.suggestion))}
            ) from refusal
        raise forms.ValidationError(str(refusal)) from refusal


class PhoneForm(VerbForm):
    phone = forms.CharField(
        label=gettext_lazy("New mobile phone"),
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off", "autofocus": True}),
    )
    reason = reason_field()

    def clean_phone(self) -> str:
        return clean_phone(self.cleaned_data["phone"])


class ChangePhoneView(MemberVerb):
    name = "members.change_phone"
    title = gettext_lazy("Change the phone")
    confirm_label = gettext_lazy("Change the phone")
    permission = "members.change_phone"
    form_class = PhoneForm
    effect_fields = ("phone",)

    def preview(self, row: Member, asked: Mapping[str, Any], now: datetime) -> Preview:
        owner = owner_of_phone(asked["phone"])
        if owner is not None and owner != row.pk:
            raise PhoneTaken(owner)
        return Preview(
            figures=[(_("Mobile phone"), mask_phone(row.phone) or "-", display_phone(asked["phone"]))],
            warnings=[_("The new phone is unverified: the member cannot spend points until it is verified.")],
        )

    def perform(self, row: Member, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        change_phone(member=row, phone=asked["phone"], reason=asked["reason"], actor=act.actor, now=act.now)
        return {"member": row.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The phone was changed. It has to be verified before the member can spend points.")
