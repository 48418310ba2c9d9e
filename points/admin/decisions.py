"""The second person's verbs: approve or reject a correction that waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.display import moment, number, signed
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Preview, Text, visible_or_404
from points.admin.correction_forms import DecisionForm, effect
from points.admin.corrections import AccountVerb
from points.models import Account, Adjustment
from points.services import corrections, previews


class DecisionView(AccountVerb):
    """The second person's page for one waiting request."""

    permission = "points.approve_correction"
    form_class: ClassVar[type[VerbForm]] = DecisionForm

    def fetch(self, user: Any, pk: int) -> Adjustment:
        rows = Adjustment.objects.filter(account__in=Account.objects.visible_to(user)).select_related(
            "account__member", "account__program", "requested_by", "lapse__store", "undoes__store"
        )
        request: Adjustment = visible_or_404(rows, user, pk)
        return request

    def account(self, row: Adjustment) -> Account:
        return row.account

    def back_url(self, row: Adjustment) -> str:
        return reverse("admin:points_adjustment_change", args=[row.pk])

    def summary(self, row: Adjustment) -> Sequence[tuple[Text, Any]]:
        return (
            (_("Member card"), row.account.member.card_no),
            (_("Points"), signed(row.points)),
            *self.about(row),
            (_("Reason"), row.get_reason_display()),
            (_("Note"), row.note or "-"),
            (_("Asked by"), row.requested_by or "-"),
            (_("Asked"), moment(row.created_at)),
            (_("Why it waits"), row.get_over_limit_display() or "-"),
            (_("Balance"), number(row.account.balance)),
        )

    def about(self, row: Adjustment) -> Sequence[tuple[Text, Any]]:
        """The entry that the request is about, if it is about one."""
        entry = row.undoes or row.lapse
        if entry is None:
            return ()
        what = f"{entry.get_kind_display()} {signed(entry.points)}, {moment(entry.occurred_at)}"
        if entry.store:
            what = f"{what}, {entry.store}"
        return ((_("Undoes entry %(entry)s") % {"entry": entry.pk} if row.undoes else _("Grace for"), what),)


class ApproveView(DecisionView):
    name = "points.approve"
    title = gettext_lazy("Approve this correction")
    confirm_label = gettext_lazy("Approve")
    reauthenticate = True
    preview_at_once = True

    def preview(self, row: Adjustment, asked: Mapping[str, Any], now: datetime) -> Preview:
        return effect(previews.preview_approval(adjustment_id=row.pk, actor=self.actor(), now=now))

    def perform(self, row: Adjustment, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = corrections.approve(
            adjustment_id=row.pk,
            note=asked["note"],
            expected_seq=act.expected_seq,
            actor=act.actor,
            now=act.now,
        )
        return {"request": done.adjustment_id, "status": done.status}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The correction was approved and booked.")


class RejectView(DecisionView):
    name = "points.reject"
    title = gettext_lazy("Reject this correction")
    confirm_label = gettext_lazy("Reject")
    dangerous = True

    def perform(self, row: Adjustment, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = corrections.reject(adjustment_id=row.pk, note=asked["note"], actor=act.actor, now=act.now)
        return {"request": done.adjustment_id, "status": done.status}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The correction was rejected; no points moved.")
