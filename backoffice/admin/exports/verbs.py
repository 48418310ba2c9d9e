"""Decisions about an export that is being written, and about one that its encoding could not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.display import moment
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text, VerbView, visible_or_404
from backoffice.models import Export
from backoffice.services.exports import verbs
from backoffice.services.exports.kinds import kind_of


class ExportVerb(VerbView):
    """A verb on one's own export; others may look at it and do no more."""

    permission = "backoffice.view_export"

    def fetch(self, user: Any, pk: int) -> Export:
        rows = Export.objects.visible_to(user).filter(owner=user).select_related("owner", "job")
        export: Export = visible_or_404(rows, user, pk)
        return export

    def summary(self, row: Export) -> Sequence[tuple[Text, Any]]:
        return (
            (_("Export"), f"#{row.pk}"),
            (_("Kind"), kind_of(row.kind).title),
            (_("Asked"), moment(row.created_at)),
        )

    def back_url(self, row: Export) -> str:
        return reverse("admin:backoffice_export_change", args=[row.pk])


class PauseView(ExportVerb):
    name = "exports.pause"
    title = gettext_lazy("Pause this export")
    confirm_label = gettext_lazy("Pause")

    def perform(self, row: Export, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        return {"state": verbs.pause(export_id=row.pk, actor=act.actor, now=act.now).state}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The export rests.")


class ResumeView(ExportVerb):
    name = "exports.resume"
    title = gettext_lazy("Go on with this export")
    confirm_label = gettext_lazy("Resume")

    def perform(self, row: Export, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        return {"state": verbs.resume(export_id=row.pk, actor=act.actor, now=act.now).state}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The export goes on.")


class StopView(ExportVerb):
    name = "exports.stop"
    title = gettext_lazy("Stop this export")
    confirm_label = gettext_lazy("Stop")
    dangerous = True

    def perform(self, row: Export, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        return {"state": verbs.stop(export_id=row.pk, actor=act.actor, now=act.now).state}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The export was stopped. There is no file.")


class AgainForm(VerbForm):
    way = forms.ChoiceField(
        label=gettext_lazy("Instead"),
        choices=[
            ("csv", gettext_lazy("As UTF-8: every character stays")),
            ("xlsx", gettext_lazy("As an Excel workbook: every character stays")),
            ("lossy", gettext_lazy("As Big5 all the same, with “?” in their place")),
        ],
    )


class AgainView(ExportVerb):
    name = "exports.again"
    title = gettext_lazy("Export in another way")
    confirm_label = gettext_lazy("Export")
    form_class = AgainForm

    def perform(self, row: Export, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        way = asked["way"]
        made = verbs.ask_again(
            export_id=row.pk, format="big5" if way == "lossy" else way, lossy=way == "lossy",
            actor=act.actor, key=f"staff:{act.actor.id}:{act.key}", now=act.now,
        )  # fmt: skip
        return {"export": made.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The list is being exported again.")

    def done_url(self, body: Mapping[str, Any]) -> str:
        return reverse("admin:backoffice_export_change", args=[body["export"]])


VERBS: dict[str, type[VerbView]] = {
    "pause": PauseView, "resume": ResumeView, "stop": StopView, "again": AgainView,
}  # fmt: skip
