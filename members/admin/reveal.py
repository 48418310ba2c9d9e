"""Unmasking a member: with a purpose, counted, in the trail, for one page (S24, T19)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext_lazy

from backoffice.admin.forms import VerbForm
from backoffice.errors import Refusal
from members.admin.desk import MemberVerb, reason_field, staff_actor
from members.admin.masks import UNMASK, Shown, unmasked
from members.choices import UnmaskPurpose
from members.models import Member
from members.services.disclosure import PERSONAL, reveal


class RevealForm(VerbForm):
    purpose = forms.ChoiceField(
        label=gettext_lazy("What for"), choices=[("", gettext_lazy("Choose")), *UnmaskPurpose.choices]
    )
    reason = reason_field()


class RevealView(MemberVerb):
    """The answer is the member's page itself, once: nothing unmasked is stored, and a reload asks again.

    So it has no stored answer under its key as the other verbs have.
    """

    name = "members.reveal"
    title = gettext_lazy("Unmask personal data")
    confirm_label = gettext_lazy("Unmask for this page")
    permission = UNMASK
    form_class = RevealForm
    # Set where the route is mounted: the page that shows a member.
    show: ClassVar[Callable[[Any, Member, Shown, datetime], HttpResponse]]

    def confirm(self, form: VerbForm, asked: dict[str, Any], now: datetime) -> HttpResponse:
        try:
            values = reveal(
                member=self.row,
                fields=PERSONAL,
                purpose=asked["purpose"],
                reason=asked["reason"],
                actor=staff_actor(self.user),
                now=now,
            )
        except Refusal as refusal:
            return self.refused(form, asked, refusal, now)
        return type(self).show(self.request, self.row, unmasked(self.row, values), now)
