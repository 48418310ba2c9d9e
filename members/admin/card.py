"""The member's card: to show and print, and to replace when it was lost (S29)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Preview, Text, verb_url, visible_or_404
from members import card_images
from members.admin.desk import MemberVerb, page_url, reason_field
from members.admin.masks import shown
from members.models import Member
from members.services.card_numbers import replace_card


class ReplaceCardForm(VerbForm):
    # The number that the person looked at: a card that a colleague has just printed must not die too.
    card_no = forms.CharField(widget=forms.HiddenInput, max_length=16)
    reason = reason_field()


class ReplaceCardView(MemberVerb):
    name = "members.replace_card"
    title = gettext_lazy("Replace a lost card")
    confirm_label = gettext_lazy("Replace the card")
    permission = "members.replace_card"
    form_class = ReplaceCardForm
    preview_at_once = True
    dangerous = True

    def initial(self, row: Member) -> dict[str, Any]:
        return {"card_no": row.card_no}

    def preview(self, row: Member, asked: Mapping[str, Any], now: datetime) -> Preview:
        return Preview(
            figures=[(_("Card number"), row.card_no, _("a new number"))],
            warnings=[_("The old card stops working at once, at every till. Points and coupons stay.")],
        )

    def perform(self, row: Member, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        replace_card(
            member=row,
            expected_card_no=asked["card_no"],
            reason=asked["reason"],
            actor=act.actor,
            now=act.now,
        )
        return {"member": row.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The card was replaced. The old number no longer works.")

    def done_url(self, body: Mapping[str, Any]) -> str:
        return verb_url(Member, "card", body["member"])


@require_safe
def card_view(request: HttpRequest, pk: int) -> HttpResponse:
    """The number with its codes, to hold under a scanner or to print."""
    user: Any = request.user
    if not user.has_perm("members.view_member"):
        raise PermissionDenied
    member: Member = visible_or_404(Member.objects.visible_to(user).living(), user, pk)
    number = member.card_no
    context = {
        **admin.site.each_context(request),
        "title": _("The member's card"),
        "member": member,
        "person": shown(member),
        "grouped": " ".join(number[at : at + 4] for at in range(0, len(number), 4)),
        "bars": card_images.bars(number),
        "qr": card_images.qr(number),
        "back_url": page_url(member.pk),
    }
    return TemplateResponse(request, "members/card.html", context)
