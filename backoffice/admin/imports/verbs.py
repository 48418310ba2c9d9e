"""Decisions about an import, as verb pages: confirm, approve, drop, stop, pause, resume, undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.actors import Actor
from backoffice.admin.display import moment, number
from backoffice.admin.forms import VerbForm
from backoffice.admin.imports.preview import deciders, stayed_text, totals
from backoffice.admin.verbs import Act, Preview, Text, VerbView, visible_or_404
from backoffice.choices import ImportState
from backoffice.models import ImportBatch
from backoffice.selectors import import_rate
from backoffice.services import jobs
from backoffice.services.imports import intake, layouts, verbs
from backoffice.services.imports.kinds import kind_of


class ImportVerb(VerbView):
    """A verb on a batch within the user's reach, by somebody who may bring in its kind."""

    permission = "backoffice.view_importbatch"
    states: tuple[ImportState, ...] = ()

    def fetch(self, user: Any, pk: int) -> ImportBatch:
        batch: ImportBatch = visible_or_404(ImportBatch.objects.visible_to(user), user, pk)
        self.permitted(user, batch)
        return batch

    def permitted(self, user: Any, batch: ImportBatch) -> None:
        if not user.has_perm(kind_of(batch.kind).permission):
            from django.core.exceptions import PermissionDenied

            raise PermissionDenied

    def summary(self, row: ImportBatch) -> Sequence[tuple[Text, Any]]:
        user: Any = self.request.user
        kind = kind_of(row.kind)
        return (
            (_("File"), row.file_name),
            (_("Kind"), kind.title),
            *kind.about(row, user),
            (_("Uploaded by"), row.owner or "-"),
            (_("Uploaded"), moment(row.created_at)),
            *((((_("Columns and rules by"), named),)) if (named := deciders(row)) else ()),
            *((((_("Confirmed by"), row.confirmer),)) if row.confirmer else ()),
            (_("Status"), row.get_state_display()),
        )

    def back_url(self, row: ImportBatch) -> str:
        return reverse("admin:backoffice_importbatch_change", args=[row.pk])


def _rest(until: datetime, now: datetime) -> str:
    told = _(
        "So much waits for %(hours)s hours after the approval before it is written. It can be put away"
        " meanwhile."
    )
    return told % {"hours": number(round((until - now).total_seconds() / 3600))}


def stayed(row: ImportBatch) -> list[Text]:
    """A warning where the same rows were undone before and some of them stayed."""
    left = intake.left_behind(row)
    return [stayed_text(left)] if left else []


class ConfirmForm(VerbForm):
    again = forms.BooleanField(
        label=gettext_lazy("I mean it again"),
        required=False,
        help_text=gettext_lazy(
            "Tick this if the same rows were brought in before, or stayed when that was undone, and shall be"
            " once more."
        ),
    )


class ConfirmView(ImportVerb):
    name = "imports.confirm"
    title = gettext_lazy("Bring these rows in")
    confirm_label = gettext_lazy("Bring in")
    form_class = ConfirmForm
    effect_fields = ("again",)
    preview_at_once = True

    def make_form(self, row: ImportBatch, data: Any = None, **kwargs: Any) -> VerbForm:
        form = super().make_form(row, data, **kwargs)
        known = intake.earlier(row)
        if (known and not kind_of(row.kind).repeatable) or not (known or intake.left_behind(row)):
            form.fields["again"].widget = forms.HiddenInput()
            form.fields["again"].label = ""
        return form

    def initial(self, row: ImportBatch) -> dict[str, Any]:
        return {"again": False}

    def preview(self, row: ImportBatch, asked: Mapping[str, Any], now: datetime) -> Preview:
        counts = row.counts
        warnings: list[Text] = []
        user: Any = self.request.user
        if verbs.would_need_second(row, Actor.staff(user), now):
            warnings.append(_("A second person has to approve this import before anything is written."))
        if until := kind_of(row.kind).held_until(row, now):
            warnings.append(_rest(until, now))
        if known := intake.earlier(row):
            warnings.append(
                _("The same rows were brought in before, by import #%(batch_id)s.") % {"batch_id": known.pk}
            )
        warnings += stayed(row)
        if ignored := layouts.ignored(row.layout):
            warnings.append(_("These columns are ignored:") + " " + "、".join(ignored))
        left = sum(int(counts.get(name, 0)) for name in ("error", "conflict", "duplicate"))
        figures = (
            (_("New"), "", number(int(counts.get("new", 0)))),
            (_("Changed"), "", number(int(counts.get("changed", 0)))),
            (_("Rows that stay out"), "", number(left)),
            *((title, "", text) for title, text in totals(row)),
            *self.estimate(row),
        )
        return Preview(figures=figures, warnings=warnings)

    def estimate(self, row: ImportBatch) -> Sequence[tuple[Text, str, str]]:
        """How long the last imports of this kind say that it will take."""
        rate = import_rate(row.kind)
        if not rate:
            return ()
        minutes = max(1, round(verbs.rows_to_write(row) / rate / 60))
        return ((_("Estimated time"), "", _("about %(minutes)s min") % {"minutes": number(minutes)}),)

    def perform(self, row: ImportBatch, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        batch = verbs.confirm(batch_id=row.pk, actor=act.actor, now=act.now, again=bool(asked["again"]))
        return {"state": batch.state}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        if body["state"] == ImportState.WAITING:
            return _("The import waits for a second person. Nothing was written yet.")
        return _("The rows are being brought in. You may leave this page.")


class ApproveImportView(ImportVerb):
    name = "imports.approve"
    title = gettext_lazy("Approve this import")
    confirm_label = gettext_lazy("Approve")
    permission = "backoffice.approve_import"
    # What waits, and what stayed of the same rows, is told before the yes.
    preview_at_once = True

    def permitted(self, user: Any, batch: ImportBatch) -> None:
        """Whoever may approve need not be able to bring in."""

    def summary(self, row: ImportBatch) -> Sequence[tuple[Text, Any]]:
        return (
            *super().summary(row),
            (_("Rows"), number(verbs.rows_to_write(row))),
            *totals(row),
            (_("Checksum"), row.file_hash[:16]),
        )

    def preview(self, row: ImportBatch, asked: Mapping[str, Any], now: datetime) -> Preview | None:
        warnings = stayed(row)
        if until := kind_of(row.kind).held_until(row, now):
            warnings.append(_rest(until, now))
        return Preview(warnings=warnings) if warnings else None

    def perform(self, row: ImportBatch, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        batch = verbs.approve(batch_id=row.pk, actor=act.actor, now=act.now)
        return {"held_until": moment(batch.held_until) if batch.held_until else None}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        if body["held_until"]:
            told = _("The import was approved. Its rows wait until %(moment)s; it can be put away till then.")
            return told % {"moment": body["held_until"]}
        return _("The import was approved. Its rows are being brought in.")


class ReasonForm(VerbForm):
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200, required=False)


class DropView(ImportVerb):
    name = "imports.drop"
    title = gettext_lazy("Put this file away")
    confirm_label = gettext_lazy("Put away")
    form_class = ReasonForm
    dangerous = True

    def permitted(self, user: Any, batch: ImportBatch) -> None:
        if not user.has_perm("backoffice.approve_import"):
            super().permitted(user, batch)

    def perform(self, row: ImportBatch, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        verbs.drop(batch_id=row.pk, actor=act.actor, now=act.now, reason=asked["reason"])
        return {}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The file was put away. Nothing was written.")


class StopView(ImportVerb):
    name = "imports.stop"
    title = gettext_lazy("Stop this import")
    confirm_label = gettext_lazy("Stop")
    form_class = ReasonForm
    dangerous = True

    def perform(self, row: ImportBatch, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        verbs.stop(batch_id=row.pk, actor=act.actor, now=act.now, reason=asked["reason"])
        return {}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The import was stopped. What is in can be undone.")


class PauseView(ImportVerb):
    name = "imports.pause"
    title = gettext_lazy("Pause this import")
    confirm_label = gettext_lazy("Pause")

    def perform(self, row: ImportBatch, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        jobs.pause(job_id=row.job_id or 0, actor=act.actor, now=act.now)
        return {}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The import rests. It goes on where it stopped when you resume it.")


class ResumeView(ImportVerb):
    name = "imports.resume"
    title = gettext_lazy("Go on with this import")
    confirm_label = gettext_lazy("Resume")

    def perform(self, row: ImportBatch, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        jobs.resume(job_id=row.job_id or 0, actor=act.actor, now=act.now)
        return {}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The import goes on.")


class UndoImportView(ImportVerb):
    name = "imports.undo"
    title = gettext_lazy("Undo this import")
    confirm_label = gettext_lazy("Confirm undo")
    form_class = ReasonForm
    dangerous = True

    def summary(self, row: ImportBatch) -> Sequence[tuple[Text, Any]]:
        applied = number(int(row.counts.get("done:applied", 0)))
        told = [*super().summary(row), (_("Rows that go back"), applied), *totals(row)]
        if note := kind_of(row.kind).undo_note:
            told.append((_("What stays"), note))
        return tuple(told)

    def perform(self, row: ImportBatch, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        verbs.undo(batch_id=row.pk, actor=act.actor, now=act.now, reason=asked["reason"])
        return {}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The import is being undone. Rows that somebody has changed since are kept.")


VERBS = {
    "confirm": ConfirmView,
    "approve": ApproveImportView,
    "drop": DropView,
    "stop": StopView,
    "pause": PauseView,
    "resume": ResumeView,
    "undo": UndoImportView,
}
# The verbs that a state offers, in the order of their buttons; the first is the way on.
OFFERED: dict[str, tuple[str, ...]] = {
    ImportState.CHECKED: ("confirm", "drop"),
    ImportState.UNDERSTOOD: ("drop",),
    ImportState.WAITING: ("approve", "drop"),
    ImportState.HELD: ("drop",),
    ImportState.APPLYING: ("pause", "stop"),
    ImportState.APPLIED: ("undo",),
    ImportState.FAILED: ("drop",),
}
# The same, where the work on the file was cancelled or given up.
HALTED: dict[str, tuple[str, ...]] = {
    ImportState.UPLOADED: ("drop",),
    ImportState.CHECKING: ("drop",),
    ImportState.APPLYING: ("stop",),
    ImportState.UNDOING: ("undo",),
}


# Beside going on, while the work on the file rests; else it can be put away.
PAUSED: dict[str, tuple[str, ...]] = {ImportState.APPLYING: ("stop",), ImportState.UNDOING: ()}
