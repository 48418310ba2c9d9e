"""Reports about points: flows and liability, settlement, corrections by hand, who approves whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.display import number
from backoffice.admin.reports import Asked, PeriodForm, Report, register
from backoffice.admin.tables import Chart, Column, Link, Section, Show
from backoffice.choices import Reach
from backoffice.models import Brand, Store
from points.admin import file_sections
from points.models import Program
from points.reporting import files, staff, totals
from points.rules import worth


class ProgramForm(PeriodForm):
    program = forms.ModelChoiceField(
        label=gettext_lazy("Points program"), queryset=Program.objects.none(), empty_label=None
    )

    def narrow(self) -> None:
        rows = Program.objects.order_by("-is_default", "code")
        if self.user.reach != Reach.GROUP:
            rows = rows.filter(Q(brand=None) | Q(brand__in=Brand.objects.visible_to(self.user)))
        field: Any = self.fields["program"]
        field.queryset = rows
        first = rows.first()
        field.initial = first.pk if first else None


def issuer_names() -> dict[int | None, str]:
    """What each brand is called in these reports; points without an issuer are the group's."""
    return {None: _("The group"), **dict(Brand.objects.values_list("pk", "name"))}


@register
class PointsReport(Report):
    slug = "points"
    title = gettext_lazy("Points report")
    about = gettext_lazy(
        "What was issued, redeemed, expired and corrected, and what members own at the end of each month."
        " Days and months are those of Taipei; every figure is the sum of ledger entries."
    )
    icon = "finance"
    permission = "points.view_daytotal"
    form_class = ProgramForm
    usual_days = 365
    longest_days = 1830

    def sections(self, asked: Asked) -> Sequence[Section]:
        at = totals.mark()
        months = self._months(asked, at)
        if asked.user.reach != Reach.GROUP:
            return [months]
        return [months, self._issuers(asked, at)]

    def _months(self, asked: Asked, at: totals.Mark) -> Section:
        """By month; what members own is the group's, so those who see a part of it get the flows alone."""
        program, period, whole = asked.choices["program"], asked.period, asked.user.reach == Reach.GROUP
        stores = None if whole else list(Store.objects.visible_to(asked.user).values_list("pk", flat=True))
        span: dict[str, Any] = {"program": program, "first": period.first, "after": period.after, "at": at}
        flows = totals.flows(**span, by=totals.MONTH, stores=stores)
        owned = totals.outstanding_after(program=program, after=period.after, at=at).points if whole else 0
        rows: list[list[Any]] = []
        for flow in reversed(flows):
            row = [flow.key, flow.issued, flow.redeemed, flow.lapsed, flow.corrected, flow.net]
            rows.append([*row, owned, worth(program, max(owned, 0))] if whole else row)
            owned -= flow.grown
        columns = [
            Column(_("Month"), Show.MONTH),
            Column(_("Issued"), Show.NUMBER),
            Column(_("Redeemed"), Show.NUMBER),
            Column(_("Expired"), Show.NUMBER),
            Column(_("Corrected"), Show.SIGNED),
            Column(_("Net"), Show.SIGNED),
        ]
        if whole:
            columns += [Column(_("Outstanding"), Show.NUMBER), Column(_("Worth"), Show.MONEY)]
        total = [sum(row[place] for row in rows) for place in range(1, 6)]
        return Section(
            title=_("By month"),
            columns=columns,
            rows=rows,
            totals=[_("Together"), *total, *(["", ""] if whole else [])],
            note=_("Outstanding is what members owned at the end of the month, or of the period."),
            chart=Chart(
                [f"{flow.key:%Y-%m}" for flow in flows],
                [
                    (_("Issued"), [flow.issued for flow in flows]),
                    (_("Redeemed"), [flow.redeemed for flow in flows]),
                    (_("Expired"), [flow.lapsed for flow in flows]),
                ],
            ),
        )

    def _issuers(self, asked: Asked, at: totals.Mark) -> Section:
        program, period = asked.choices["program"], asked.period
        span: dict[str, Any] = {"program": program, "first": period.first, "after": period.after, "at": at}
        names = issuer_names()
        issued = {flow.key: flow.issued for flow in totals.flows(**span, by=totals.ISSUER) if flow.issued}
        used: dict[int | None, int] = {}
        for row in totals.settlement(**span):
            used[row.issuer_id] = used.get(row.issuer_id, 0) + row.points
        keys = sorted({*issued, *used}, key=lambda key: -issued.get(key, 0))
        return Section(
            title=_("By who pays for the points"),
            columns=[
                Column(_("Issuer")),
                Column(_("Issued"), Show.NUMBER),
                Column(_("Redeemed of them"), Show.NUMBER),
                Column(_("Worth"), Show.MONEY),
            ],
            rows=[
                (names.get(key, "?"), issued.get(key, 0), used.get(key, 0), worth(program, used.get(key, 0)))
                for key in keys
            ],
            note=_("Redeemed points are counted for the brand that issued them, wherever they were spent."),
        )


@register
class SettlementReport(Report):
    slug = "settlement"
    title = gettext_lazy("Settlement between brands")
    about = gettext_lazy(
        "Points that one brand issued and another accepted as payment, with their worth: what the issuer"
        " owes. Undone redemptions are taken out again."
    )
    icon = "handshake"
    permission = "points.view_settlementtotal"
    form_class = ProgramForm

    def sections(self, asked: Asked) -> Sequence[Section]:
        program = asked.choices["program"]
        names, seen = issuer_names(), self._seen(asked)
        nowhere = {**names, None: _("No store named")}
        found = totals.settlement(program=program, first=asked.period.first, after=asked.period.after)
        rows = [row for row in found if seen is None or {row.issuer_id, row.redeemer_id} & seen]
        owed = [row for row in rows if row.issuer_id != row.redeemer_id and row.redeemer_id is not None]
        return [
            Section(
                title=_("Who owes whom"),
                columns=[
                    Column(_("Owes")),
                    Column(_("Owed to")),
                    Column(_("Points"), Show.NUMBER),
                    Column(_("Worth"), Show.MONEY),
                ],
                rows=[(names[r.issuer_id], names[r.redeemer_id], r.points, r.worth) for r in owed],
                empty=_("No brand accepted another's points in this period."),
            ),
            Section(
                title=_("Issued by, redeemed at"),
                columns=[
                    Column(_("Issuer")),
                    Column(_("Redeemed at")),
                    Column(_("Points"), Show.NUMBER),
                    Column(_("Worth"), Show.MONEY),
                ],
                rows=[(names[r.issuer_id], nowhere[r.redeemer_id], r.points, r.worth) for r in rows],
                totals=(_("Together"), "", sum(r.points for r in rows), sum(r.worth for r in rows))
                if rows
                else (),
            ),
        ]

    @staticmethod
    def _seen(asked: Asked) -> set[int | None] | None:
        """The brands whose lines the user may see; None: all."""
        if asked.user.reach == Reach.GROUP:
            return None
        if asked.user.reach == Reach.BRAND:
            return {asked.user.brand_id} - {None}
        return set()


def clerk_link(user_id: int, name: str) -> Link:
    """The corrections that somebody asked for, in the list."""
    return Link(name, reverse("admin:points_adjustment_changelist") + f"?requested_by__id__exact={user_id}")


@register
class ManualGrants(Report):
    slug = "manual-grants"
    title = gettext_lazy("Points given by hand")
    about = gettext_lazy(
        "Corrections that were applied, by the person who asked for them, and files of points. Above the"
        " limits a second person decided. Whoever gives much to one card should be asked why."
    )
    icon = "volunteer_activism"
    permission = "points.view_staff_report"

    def sections(self, asked: Asked) -> Sequence[Section]:
        span: dict[str, Any] = {"user": asked.user, "start": asked.period.start, "end": asked.period.end}
        return [
            self._clerks(staff.grants_by_clerk(**span)),
            self._receivers(staff.top_receivers(**span)),
            self._undos(staff.undos_by_clerk(**span)),
            file_sections.by_person(files.files_by_person(**span)),
            file_sections.one_by_one(files.points_files(**span), _("Points files")),
        ]

    def _clerks(self, found: list[staff.ClerkGrants]) -> Section:
        return Section(
            title=_("By person"),
            columns=[
                Column(_("Staff")),
                Column(_("Corrections"), Show.NUMBER),
                Column(_("Given"), Show.NUMBER),
                Column(_("Taken"), Show.NUMBER),
                Column(_("Largest"), Show.NUMBER),
                Column(_("Members"), Show.NUMBER),
                Column(_("Above the limits"), Show.PERCENT),
            ],
            rows=[
                (
                    clerk_link(one.user_id, one.name), one.corrections, one.given, one.taken, one.largest,
                    one.receivers, one.share_above,
                )
                for one in found
            ],
            chart=Chart([one.name for one in found[:12]], [(_("Given"), [one.given for one in found[:12]])]),
        )  # fmt: skip

    def _receivers(self, found: list[staff.Receiver]) -> Section:
        return Section(
            title=_("Who received most"),
            columns=[
                Column(_("Member card")),
                Column(_("Staff")),
                Column(_("Corrections"), Show.NUMBER),
                Column(_("Given"), Show.NUMBER),
                Column(_("Share of what this person gave"), Show.PERCENT),
            ],
            rows=[
                (
                    Link(one.card_no, reverse("admin:members_member_change", args=[one.member_id])),
                    clerk_link(one.user_id, one.name), one.corrections, one.given, one.share,
                )
                for one in found
            ],
            note=_("The first %(count)s.") % {"count": number(staff.MOST)},
        )  # fmt: skip

    def _undos(self, found: list[staff.ClerkUndos]) -> Section:
        return Section(
            title=_("Redemptions undone by hand"),
            columns=[
                Column(_("Staff")),
                Column(_("Undone"), Show.NUMBER),
                Column(_("Points"), Show.NUMBER),
                Column(_("Largest"), Show.NUMBER),
                Column(_("Members"), Show.NUMBER),
            ],
            rows=[
                (clerk_link(one.user_id, one.name), one.undone, one.points, one.largest, one.members)
                for one in found
            ],
        )


@register
class ApprovalPairs(Report):
    slug = "approval-pairs"
    title = gettext_lazy("Who approves whom")
    about = gettext_lazy(
        "Two people and how often each approved the other's corrections and files of points. Those who do it"
        " both ways come first: head office should check some of theirs again."
    )
    icon = "group"
    permission = "points.view_staff_report"

    def sections(self, asked: Asked) -> Sequence[Section]:
        span: dict[str, Any] = {"user": asked.user, "start": asked.period.start, "end": asked.period.end}
        found = staff.approving_pairs(**span)
        both = sum(pair.mutual > 0 for pair in found)
        return [
            Section(
                title=_("Pairs"),
                columns=[
                    Column(_("One")),
                    Column(_("The other")),
                    Column(_("The other approved for the one"), Show.NUMBER),
                    Column(_("The one approved for the other"), Show.NUMBER),
                    Column(_("Files among them"), Show.NUMBER),
                    Column(_("Points"), Show.NUMBER),
                ],
                rows=[
                    (one.first, one.second, one.first_by_second, one.second_by_first, one.files, one.points)
                    for one in found
                ],
                warning=_("%(count)s pairs approve each other both ways.") % {"count": number(both)}
                if both
                else "",
            ),
            file_sections.one_by_one(
                files.points_files(**span, approved=True), _("Points files with a second person")
            ),
        ]
