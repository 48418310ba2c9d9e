"""Blocking an account's spending, and letting it go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.display import number
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Preview, Text, visible_or_404
from members.admin.desk import reason_field
from points.admin.corrections import AccountVerb
from points.models import Account
from points.services.blocking import set_spend_block


class BlockForm(VerbForm):
    # The state that the person wants: a second click does not turn it back.
    blocked = forms.BooleanField(widget=forms.HiddenInput, required=False)
    reason = reason_field()


class BlockView(AccountVerb):
    name = "points.block"
    title = gettext_lazy("Block or unblock spending")
    confirm_label = gettext_lazy("Confirm")
    permission = "points.block_spending"
    form_class = BlockForm
    preview_at_once = True
    dangerous = True

    def fetch(self, user: Any, pk: int) -> Account:
        rows = Account.objects.visible_to(user).select_related("member", "program")
        account: Account = visible_or_404(rows, user, pk)
        return account

    def account(self, row: Account) -> Account:
        return row

    def expected_seq(self, row: Account) -> int | None:
        return None

    def heading(self, row: Account) -> Text:
        return _("Unblock spending") if row.spend_blocked else _("Block spending")

    def initial(self, row: Account) -> dict[str, Any]:
        return {"blocked": not row.spend_blocked}

    def summary(self, row: Account) -> Sequence[tuple[Text, Any]]:
        return (
            (_("Member card"), row.member.card_no),
            (_("Points program"), row.program.name),
            (_("Balance"), number(row.balance)),
        )

    def preview(self, row: Account, asked: Mapping[str, Any], now: datetime) -> Preview:
        states = (_("Allowed"), _("Blocked"))
        known = row.spend_blocked
        return Preview(
            figures=[(_("Spending"), states[known], states[not known])],
            warnings=[
                _("Points are collected and kept; no till takes any of them while spending is blocked.")
            ],
        )

    def perform(self, row: Account, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = set_spend_block(
            account_id=row.pk,
            blocked=bool(asked["blocked"]),
            reason=asked["reason"],
            actor=act.actor,
            now=act.now,
        )
        return {"blocked": done.spend_blocked}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("Spending is blocked.") if body["blocked"] else _("Spending is open again.")
