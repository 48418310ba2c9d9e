"""Goods that come back at the desk: lines and pieces, or an amount; with what that does to the points."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.actors import Actor
from backoffice.admin.display import moment, money, number
from backoffice.admin.forms import VerbForm, dress
from backoffice.admin.verbs import Act, Preview, Text, VerbView, plain, visible_or_404
from backoffice.errors import Refusal
from campaigns.choices import ReturnReason
from campaigns.services import staff_returns
from members.models import Purchase
from members.purchase_data import CENT, MONEY_LIMIT, RECEIPT_NO_LENGTH

LINE = "line_"


class ReturnForm(VerbForm):
    """Fixed fields; one field more for each line of which something may still come back."""

    amount = forms.DecimalField(
        label=gettext_lazy("Amount in NT$"),
        required=False,
        min_value=CENT,
        max_value=MONEY_LIMIT - CENT,
        max_digits=12,
        decimal_places=2,
        help_text=gettext_lazy("Empty: what was paid for the lines above."),
    )
    return_no = forms.CharField(
        label=gettext_lazy("Number of the return slip"),
        max_length=RECEIPT_NO_LENGTH,
        help_text=gettext_lazy("Each number is taken once."),
    )
    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"), choices=[("", gettext_lazy("Choose")), *ReturnReason.choices]
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=150,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("In words, for whoever looks at it later. No phone numbers."),
    )

    def __init__(self, *args: Any, lines: Sequence[staff_returns.LineLeft], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, forms.Field] = {f"{LINE}{line.line_no}": _pieces(line) for line in lines}
        for name, field in fields.items():
            dress(field)
            field.widget.attrs["aria-describedby"] = f"id_{name}_help"
        self.fields = {**fields, **self.fields}

    def asked(self) -> dict[str, Any]:
        """`quantities` by line number, as text keys; the rest as the fields are called."""
        found = super().asked()
        lines = {name: found.pop(name) for name in list(found) if name.startswith(LINE)}
        return found | {name: value for name, value in lines.items() if value}


def _pieces(line: staff_returns.LineLeft) -> forms.DecimalField:
    label = _("Line %(number)s %(name)s, pieces") % {"number": line.line_no, "name": line.name}
    left = _("%(left)s left, %(amount)s") % {
        "left": f"{line.quantity.normalize():f}",
        "amount": money(line.amount),
    }
    return forms.DecimalField(
        label=label,
        required=False,
        min_value=Decimal(0),
        max_digits=10,
        decimal_places=3,
        help_text=left,
    )


class ReturnView(VerbView):
    """Take back a part of a receipt, or all of it; its points follow from the award as it was granted."""

    name = "purchase.return"
    title = gettext_lazy("Take goods back")
    confirm_label = gettext_lazy("Confirm the return")
    permission = staff_returns.PERMISSION
    effect_fields = ("amount",)
    dangerous = True

    def fetch(self, user: Any, pk: int) -> Purchase:
        rows = Purchase.objects.filter(staff_returns.visible_purchases(user)).select_related(
            "store", "member"
        )
        purchase: Purchase = visible_or_404(rows, user, pk)
        return purchase

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Says at once when this person has to leave it to somebody else, before he has typed anything."""
        row: Any = self.row
        try:
            staff_returns.refuse_stranger(row, self.user)
        except Refusal as refusal:
            return self.page(self.make_form(row), refused=str(refusal), status=409)
        return super().get(request, pk)

    def make_form(self, row: Purchase, data: Any = None, **kwargs: Any) -> VerbForm:
        # What was sent is read as it was sent, also by a second click, when nothing of the line is left.
        sent = data or ()
        lines = [
            line for line in staff_returns.every_line(row) if line.quantity or f"{LINE}{line.line_no}" in sent
        ]
        return ReturnForm(data, lines=lines, **kwargs)

    def initial(self, row: Purchase) -> dict[str, Any]:
        return {"return_no": f"{row.receipt_no[:58]}-{row.returns.count() + 1}"}

    def expected_seq(self, row: Purchase) -> int | None:
        return row.returns.count()

    def back_url(self, row: Purchase) -> str:
        if row.member_id is not None:
            return reverse("admin:members_member_change", args=[row.member_id])
        return reverse("admin:members_purchase_change", args=[row.pk])

    def summary(self, row: Purchase) -> Sequence[tuple[Text, Any]]:
        returned = row.returns.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
        return (
            (_("Receipt"), row.receipt_no),
            (_("Member card"), row.member.card_no if row.member else "-"),
            (_("Store"), row.store),
            (_("Bought"), moment(row.purchased_at)),
            (_("Paid"), money(row.paid)),
            (_("Returned so far"), money(returned)),
        )

    def digest(self, asked: Mapping[str, Any]) -> str:
        """Which effect was shown: over the pieces and the amount."""
        shown = {name: value for name, value in asked.items() if name == "amount" or name.startswith(LINE)}
        return hashlib.sha256(json.dumps(plain(shown), sort_keys=True).encode()).hexdigest()[:32]

    def preview(self, row: Purchase, asked: Mapping[str, Any], now: datetime) -> Preview:
        found = staff_returns.preview_return(
            purchase_id=row.pk,
            quantities=quantities(asked),
            amount=asked.get("amount"),
            actor=Actor.staff(self.user),
            now=now,
        )
        figures: list[tuple[Text, Any, Any]] = [(_("Money to pay back"), "-", money(found.amount))]
        warnings: list[Text] = []
        if found.withhold:
            figures.append((_("Kept for spent points"), "-", money(found.withhold)))
            warnings.append(
                _("Pay back %(amount)s only: the rest stands for points that are spent already.")
                % {"amount": money(found.amount - found.withhold)}
            )
        for effect in found.programs:
            figures.append(_figure(effect.program, _("balance"), effect.balance_before, effect.balance_after))
            if effect.debt_before or effect.debt_after:
                figures.append(_figure(effect.program, _("debt"), effect.debt_before, effect.debt_after))
            if effect.waiting_before or effect.waiting_after:
                waiting = effect.waiting_before, effect.waiting_after
                figures.append(_figure(effect.program, _("waiting"), *waiting))
            if effect.debt_after > effect.debt_before:
                warnings.append(_("The points are spent already: the member will owe them."))
        return Preview(figures, warnings=warnings)

    def perform(self, row: Purchase, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = staff_returns.return_by_staff(
            purchase_id=row.pk,
            return_no=asked["return_no"],
            quantities=quantities(asked),
            amount=asked.get("amount"),
            reason=asked["reason"],
            note=asked["note"],
            expected_returns=act.expected_seq,
            actor=act.actor,
            now=act.now,
        )
        points = sum(part.taken for part in done.taken)
        return {"return": done.return_id, "amount": str(done.amount - done.withhold), "points": points}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The return was recorded: pay back %(amount)s; %(points)s points were taken back.") % {
            "amount": money(Decimal(body["amount"])),
            "points": number(body["points"]),
        }


def quantities(asked: Mapping[str, Any]) -> dict[int, Decimal]:
    """The fields of the lines as line number -> pieces."""
    lines = {name: value for name, value in asked.items() if name.startswith(LINE) and value}
    return {int(name.removeprefix(LINE)): value for name, value in lines.items()}


def _figure(program: str, what: Text, before: int, after: int) -> tuple[Text, Any, Any]:
    return (f"{program}: {what}", number(before), number(after))


admin.site.register_page("receipts/<int:pk>/return/", ReturnView.as_view(), "purchase_return")  # type: ignore[attr-defined]
