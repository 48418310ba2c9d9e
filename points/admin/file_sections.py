"""Tables of reports about points that came by file: who gave them, and who said yes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.admin.display import number
from backoffice.admin.tables import Column, Link, Section, Show
from backoffice.choices import ImportState
from points.reporting.files import MOST, PEOPLE, FilesOfPerson, PointsFile


def by_person(found: Sequence[FilesOfPerson]) -> Section:
    return Section(
        title=_("Points by file, by person"),
        columns=[
            Column(_("Uploaded by")),
            Column(_("Files"), Show.NUMBER),
            Column(_("Rows"), Show.NUMBER),
            Column(_("Given"), Show.NUMBER),
            Column(_("Taken"), Show.NUMBER),
            Column(_("Rows undone"), Show.NUMBER),
            Column(_("Without a second person"), Show.NUMBER),
        ],
        rows=[
            (
                one.name or _("nobody: from a terminal"), one.files, one.rows, one.given, one.taken,
                one.undone, one.alone,
            )
            for one in found
        ],
        empty=_("No points came by file in this period."),
    )  # fmt: skip


def one_by_one(found: Sequence[PointsFile], title: str) -> Section:
    """Each file with everybody who had a part in it."""
    heads = {"owner": _("Uploaded by"), "confirmer": _("Confirmed by"), "approver": _("Approved by")}
    return Section(
        title=title,
        columns=[
            Column(_("File")),
            Column(_("Applied"), Show.MOMENT),
            *(Column(heads[who]) for who in PEOPLE),
            Column(_("Rows"), Show.NUMBER),
            Column(_("Given"), Show.NUMBER),
            Column(_("Taken"), Show.NUMBER),
            Column(_("Rows undone"), Show.NUMBER),
            Column(_("Status")),
        ],
        rows=[
            (
                _file(one), one.applied_at, *(one.people[who] for who in PEOPLE), one.rows, one.given,
                one.taken, one.undone, str(ImportState(one.state).label),
            )
            for one in found
        ],
        note=_("Given and taken are what the rows booked, also where they were undone since.")
        + " "
        + _("The first %(count)s.") % {"count": number(MOST)},
        empty=_("No points came by file in this period."),
    )  # fmt: skip


def _file(one: PointsFile) -> Any:
    name = f"#{one.batch_id} {one.name}"
    if not one.is_seen:
        return name
    return Link(name, reverse("admin:backoffice_importbatch_change", args=[one.batch_id]))
