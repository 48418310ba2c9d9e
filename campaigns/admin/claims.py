"""A customer forgot his card: the receipt that a till told without a member is added to him (S89)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.display import moment, money, number
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Preview, Text
from campaigns.services import claims
from members.admin.desk import Door, MemberVerb, add_door
from members.choices import MemberStatus
from members.models import Member
from members.purchase_data import CENT, MONEY_LIMIT, RECEIPT_NO_LENGTH


class ClaimForm(VerbForm):
    number = forms.CharField(
        label=gettext_lazy("Number of the invoice or receipt"), max_length=RECEIPT_NO_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )  # fmt: skip
    bought_on = forms.DateField(label=gettext_lazy("Day of the purchase"))
    amount = forms.DecimalField(
        label=gettext_lazy("Amount paid, NT$"), min_value=CENT, max_value=MONEY_LIMIT - CENT, max_digits=12,
        decimal_places=2,
    )  # fmt: skip


class ClaimView(MemberVerb):
    name = "campaigns.claim_receipt"
    title = gettext_lazy("Add a receipt")
    confirm_label = gettext_lazy("Add the receipt")
    permission = claims.PERMISSION
    form_class = ClaimForm
    effect_fields = ("number", "bought_on", "amount")

    def initial(self, row: Member) -> dict[str, Any]:
        return {"bought_on": timezone.localdate()}

    def preview(self, row: Member, asked: Mapping[str, Any], now: datetime) -> Preview:
        found = claims.preview(member=row, told=told(asked), user=self.user, now=now)
        receipt = found.purchase
        return Preview(
            figures=[(name, "0", number(points)) for name, points in found.gives],
            heads=(_("Receipt"), _("Store"), _("Time"), _("Paid")),
            rows=[
                (receipt.receipt_no, receipt.store.name, moment(receipt.purchased_at), money(receipt.paid))
            ],
        )

    def perform(self, row: Member, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = claims.claim_by_staff(member=row, told=told(asked), actor=act.actor, now=act.now)
        return {"member": row.pk, "points": sum(reward.points for reward in done.rewards)}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The receipt was added: %(points)s points.") % {"points": number(body["points"])}


def told(asked: Mapping[str, Any]) -> claims.Told:
    return claims.Told(asked["number"], asked["bought_on"], asked["amount"])


admin.site.register_page("members/<int:pk>/claim/", ClaimView.as_view(), "claim_receipt")  # type: ignore[attr-defined]
add_door(
    Door(
        "claim", gettext_lazy("Add a receipt"), (claims.PERMISSION,), (MemberStatus.ACTIVE.value,),
        route="admin:claim_receipt",
    )
)  # fmt: skip
