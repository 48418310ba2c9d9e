"""What staff may give without a second person: the list, and the verb that changes a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.base import EVERYBODY, ReadOnlyAdmin
from backoffice.admin.display import display, number
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Preview, Text, VerbView, verb_paths, visible_or_404
from points import policy
from points.admin.correction_forms import MOST, note_field
from points.models import CorrectionLimit
from points.services import limits


class LimitForm(VerbForm):
    per_request = forms.IntegerField(
        label=gettext_lazy("One correction"), min_value=0, max_value=policy.APPROVAL_ABOVE
    )
    per_receiver_day = forms.IntegerField(
        label=gettext_lazy("Given to one member a day"), min_value=0, max_value=MOST
    )
    per_clerk_day = forms.IntegerField(
        label=gettext_lazy("Given by one person a day"), min_value=0, max_value=policy.DAILY_GIVEN
    )
    per_store_day = forms.IntegerField(
        label=gettext_lazy("Given by one store a day"), min_value=0, max_value=MOST
    )
    mutual_above = forms.IntegerField(
        label=gettext_lazy("No mutual approval above"), min_value=0, max_value=MOST
    )
    mutual_days = forms.IntegerField(
        label=gettext_lazy("Within days"), min_value=1, max_value=policy.MOST_MUTUAL_DAYS
    )
    note = note_field()


class SetLimitView(VerbView):
    """Change the limits of a role; the effect says which number gets tighter and which looser."""

    name = "points.set_limits"
    permission = limits.PERMISSION
    form_class = LimitForm
    effect_fields = limits.FIELDS

    def fetch(self, user: Any, pk: int) -> CorrectionLimit:
        row: CorrectionLimit = visible_or_404(CorrectionLimit.objects.all(), user, pk)
        return row

    def heading(self, row: CorrectionLimit) -> Text:
        return _("Limits: %(role)s") % {"role": row}

    def initial(self, row: CorrectionLimit) -> dict[str, Any]:
        return {name: getattr(row, name) for name in limits.FIELDS}

    def expected_seq(self, row: CorrectionLimit) -> int | None:
        return row.version

    def back_url(self, row: CorrectionLimit) -> str:
        return reverse("admin:points_correctionlimit_changelist")

    def summary(self, row: CorrectionLimit) -> Sequence[tuple[Text, Any]]:
        return (
            (_("Role"), str(row)),
            (_("Above a limit"), _("A second person decides.")),
        )

    def preview(self, row: CorrectionLimit, asked: Mapping[str, Any], now: datetime) -> Preview:
        found = limits.changes(limit=row, numbers={name: asked[name] for name in limits.FIELDS})
        labels = {name: self.form_class.base_fields[name].label for name in limits.FIELDS}
        warnings = [
            _("Looser than before: %(limit)s.") % {"limit": labels[change.field]}
            for change in found
            if change.looser
        ]
        if not found:
            warnings.append(_("Nothing would change."))
        figures = [
            (
                f"{labels[change.field]} ({_('looser') if change.looser else _('tighter')})",
                number(change.before),
                number(change.after),
            )
            for change in found
        ]
        return Preview(figures, warnings=warnings)

    def perform(self, row: CorrectionLimit, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        limit = limits.set_limits(
            role=row.role,
            numbers={name: asked[name] for name in limits.FIELDS},
            note=asked["note"],
            expected_version=act.expected_seq,
            actor=act.actor,
            now=act.now,
        )
        return {"role": limit.role, "version": limit.version}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The limits hold from the next correction on.")


@admin.register(CorrectionLimit)
class CorrectionLimitAdmin(ReadOnlyAdmin):
    scope = EVERYBODY
    list_display = ("whose", "one_request", "to_receiver", "by_clerk", "by_store", "no_mutual")
    list_display_links = ("whose",)
    ordering = ("role",)
    sortable_by = ()
    fields = (*list_display, "mutual_days")
    readonly_fields = list_display
    change_form_outer_before_template = "points/limit_verbs.html"

    def get_urls(self) -> list[Any]:
        return [*verb_paths(self, {"set": SetLimitView}), *super().get_urls()]

    @display(description=gettext_lazy("role"))
    def whose(self, limit: CorrectionLimit) -> str:
        return str(limit)

    @display(description=gettext_lazy("one correction"))
    def one_request(self, limit: CorrectionLimit) -> str:
        return amount(limit.per_request)

    @display(description=gettext_lazy("given to one member a day"))
    def to_receiver(self, limit: CorrectionLimit) -> str:
        return amount(limit.per_receiver_day)

    @display(description=gettext_lazy("given by one person a day"))
    def by_clerk(self, limit: CorrectionLimit) -> str:
        return amount(limit.per_clerk_day)

    @display(description=gettext_lazy("given by one store a day"))
    def by_store(self, limit: CorrectionLimit) -> str:
        return amount(limit.per_store_day)

    @display(description=gettext_lazy("no mutual approval above"))
    def no_mutual(self, limit: CorrectionLimit) -> str:
        return amount(limit.mutual_above)


def amount(points: int) -> str:
    return format_html('<span class="sk-amount">{}</span>', number(points))
