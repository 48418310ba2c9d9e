"""Letting a hold go by hand (N11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.acts import source_title
from backoffice.admin.display import moment, number
from backoffice.admin.verbs import Act, Preview, Text, visible_or_404
from points.admin.correction_forms import ReleaseForm, effect
from points.admin.corrections import AccountVerb
from points.models import Account, Hold
from points.services import holds, previews


class ReleaseView(AccountVerb):
    """Free held points before their time: whoever held them can no longer take them."""

    name = "points.release"
    title = gettext_lazy("Release this hold")
    confirm_label = gettext_lazy("Release")
    permission = "points.release_hold"
    form_class = ReleaseForm
    preview_at_once = True
    dangerous = True

    def fetch(self, user: Any, pk: int) -> Hold:
        rows = Hold.objects.filter(account__in=Account.objects.visible_to(user)).select_related(
            "account__member", "account__program", "store"
        )
        hold: Hold = visible_or_404(rows, user, pk)
        return hold

    def account(self, row: Hold) -> Account:
        return row.account

    def summary(self, row: Hold) -> Sequence[tuple[Text, Any]]:
        return (
            (_("Member card"), row.account.member.card_no),
            (_("Points"), number(row.points)),
            (_("Status"), row.get_status_display()),
            (_("Held for"), f"{source_title(row.source_type)} {row.source_id}"),
            (_("Store"), row.store or "-"),
            (_("Lapses"), moment(row.expires_at)),
        )

    def preview(self, row: Hold, asked: Mapping[str, Any], now: datetime) -> Preview:
        return effect(previews.preview_release(hold_id=row.pk, actor=self.actor(), now=now))

    def perform(self, row: Hold, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = holds.release_by_staff(
            hold_id=row.pk, reason=asked["reason"], note=asked["note"], actor=act.actor, now=act.now
        )
        return {"hold": done.hold_id, "points": done.points, "held": done.held, "balance": done.balance}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The hold was released: %(points)s points are free again.") % {
            "points": number(body["points"])
        }
