"""The correction verbs: give or take, undo, grace, and the second person's decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.actors import Actor
from backoffice.admin.display import moment, number, signed
from backoffice.admin.verbs import Act, Bounds, Preview, Text, VerbView, visible_or_404
from points.admin.correction_forms import (
    GRACE_DAYS,
    CorrectForm,
    GraceForm,
    UndoForm,
    bounds_of,
    effect,
)
from points.choices import AdjustmentStatus, EntryKind, ReasonCode
from points.errors import AlreadyReversed
from points.models import Account, Entry
from points.reporting.allowance import allowance
from points.services import corrections, previews


class AccountVerb(VerbView):
    """What verbs on an account and on its entries have in common."""

    def account(self, row: Any) -> Account:
        raise NotImplementedError

    def expected_seq(self, row: Any) -> int | None:
        return self.account(row).seq

    def back_url(self, row: Any) -> str:
        return reverse("admin:members_member_change", args=[self.account(row).member_id])

    def actor(self) -> Actor:
        return Actor.staff(self.user)

    def gives(self, row: Any) -> bool:
        """Whether the verb gives points that count on the day's limits."""
        return False

    def bounds(self, row: Any) -> Bounds | None:
        if not self.gives(row):
            return None
        left = allowance(user=self.user, account_id=self.account(row).pk, now=timezone.now())
        return bounds_of(left)


class CorrectView(AccountVerb):
    """Give or take points (S23): a signed change with a reason, never "set the balance to"."""

    name = "points.correct"
    title = gettext_lazy("Give or take points")
    permission = "points.correct_points"
    form_class = CorrectForm
    effect_fields = ("points",)

    def fetch(self, user: Any, pk: int) -> Account:
        rows = Account.objects.visible_to(user).select_related("member", "program")
        account: Account = visible_or_404(rows, user, pk)
        return account

    def account(self, row: Account) -> Account:
        return row

    def gives(self, row: Account) -> bool:
        return True

    def summary(self, row: Account) -> Sequence[tuple[Text, Any]]:
        return (
            (_("Member card"), row.member.card_no),
            (_("Points program"), row.program.name),
            (_("Balance"), number(row.balance)),
        )

    def preview(self, row: Account, asked: Mapping[str, Any], now: datetime) -> Preview:
        found = previews.preview_correction(
            account_id=row.pk,
            points=asked["points"],
            reason=str(asked.get("reason") or ""),
            actor=self.actor(),
            now=now,
        )
        return effect(found)

    def perform(self, row: Account, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = corrections.correct(
            account_id=row.pk,
            points=asked["points"],
            reason=asked["reason"],
            note=asked["note"],
            key=act.key,
            expected_seq=act.expected_seq,
            actor=act.actor,
            now=act.now,
        )
        return {"request": done.adjustment_id, "status": done.status, "points": asked["points"]}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        if body["status"] == AdjustmentStatus.PENDING:
            return _("The request waits for a second person. No points have moved yet.")
        if body["points"] > 0:
            return _("%(points)s points were given.") % {"points": number(body["points"])}
        return _("%(points)s points were taken.") % {"points": number(-body["points"])}


class EntryVerb(AccountVerb):
    """A verb that starts from one entry of the timeline."""

    def fetch(self, user: Any, pk: int) -> Entry:
        rows = Entry.objects.filter(account__in=Account.objects.visible_to(user)).select_related(
            "account__member", "account__program", "store"
        )
        entry: Entry = visible_or_404(rows, user, pk)
        return entry

    def account(self, row: Entry) -> Account:
        return row.account

    def summary(self, row: Entry) -> Sequence[tuple[Text, Any]]:
        return (
            (_("Member card"), row.account.member.card_no),
            (_("Entry"), row.get_kind_display()),
            (_("Points"), signed(row.points)),
            (_("Happened"), moment(row.occurred_at)),
            (_("Store"), row.store or "-"),
        )


class UndoView(EntryVerb):
    """Undo a redemption or an earning (S23): points return to the lots that they came from."""

    name = "points.undo"
    permission = "points.undo_entry"
    form_class = UndoForm
    effect_fields = ("points",)
    preview_at_once = True
    dangerous = True

    confirm_label = gettext_lazy("Confirm undo")

    def heading(self, row: Entry) -> Text:
        return _("Undo this redemption") if row.kind == EntryKind.SPEND else _("Undo this earning")

    def gives(self, row: Entry) -> bool:
        return row.kind == EntryKind.SPEND

    def initial(self, row: Entry) -> dict[str, Any]:
        reason = ReasonCode.WRONG_REDEMPTION if row.kind == EntryKind.SPEND else ReasonCode.WRONG_EARN
        return {"points": corrections.left_to_undo(row), "reason": reason.value}

    def preview(self, row: Entry, asked: Mapping[str, Any], now: datetime) -> Preview:
        if not asked["points"]:
            raise AlreadyReversed(left=0)
        found = previews.preview_undo(entry_id=row.pk, points=asked["points"], actor=self.actor(), now=now)
        return effect(found)

    def perform(self, row: Entry, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = corrections.undo_entry(
            entry_id=row.pk,
            points=asked["points"],
            reason=asked["reason"],
            note=asked["note"],
            key=act.key,
            expected_seq=act.expected_seq,
            actor=act.actor,
            now=act.now,
        )
        if done.posting is None:
            return {"request": done.adjustment_id, "status": done.status, "points": asked["points"]}
        points, lapsed = done.posting.points, done.lapsed
        return {"entry": done.posting.entry_id, "status": done.status, "points": points, "lapsed": lapsed}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        if body["status"] != AdjustmentStatus.APPLIED:
            return _("The request waits for a second person. No points have moved yet.")
        points = number(abs(body["points"]))
        if body["points"] < 0:
            return _("The earning was undone: %(points)s points were taken back.") % {"points": points}
        if body["lapsed"]:
            return _("%(points)s points came back, %(lapsed)s of them past their last day.") % {
                "points": points,
                "lapsed": number(body["lapsed"]),
            }
        return _("The redemption was undone: %(points)s points came back.") % {"points": points}


class GraceView(EntryVerb):
    """Give lapsed points once more (N10)."""

    name = "points.grace"
    title = gettext_lazy("Give grace for expired points")
    permission = "points.grace_points"
    form_class = GraceForm
    effect_fields = ("days",)
    preview_at_once = True

    def gives(self, row: Entry) -> bool:
        return True

    def initial(self, row: Entry) -> dict[str, Any]:
        return {"days": GRACE_DAYS}

    def preview(self, row: Entry, asked: Mapping[str, Any], now: datetime) -> Preview:
        found = previews.preview_grace(entry_id=row.pk, days=asked["days"], actor=self.actor(), now=now)
        return effect(found)

    def perform(self, row: Entry, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = corrections.grace(
            entry_id=row.pk,
            days=asked["days"],
            note=asked["note"],
            key=act.key,
            expected_seq=act.expected_seq,
            actor=act.actor,
            now=act.now,
        )
        points = done.posting.points if done.posting else -row.points
        status, again = done.status, done.replayed
        return {"request": done.adjustment_id, "status": status, "points": points, "again": again}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        if body["status"] == AdjustmentStatus.PENDING:
            return _("The request waits for a second person. No points have moved yet.")
        if body["status"] == AdjustmentStatus.REJECTED:
            return _("Grace for these points was refused before; nothing was added.")
        if body["again"]:
            return _("Grace for these points had been given before; nothing was added.")
        return _("%(points)s points were given once more.") % {"points": number(body["points"])}
