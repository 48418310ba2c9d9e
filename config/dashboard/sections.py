"""Tables and charts of the overview. Each leads to the page on which its figures stand in full."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice import alarm_kinds
from backoffice.admin.display import number
from backoffice.admin.tables import Chart, Column, Link, Section, Show
from backoffice.choices import Reach
from backoffice.models import Store
from backoffice.selectors import imports_over, open_alarms
from backoffice.services.imports.kinds import kinds_for
from backoffice.services.imports.telling import sentence
from config.dashboard.viewer import RECENT_DAYS, Viewer
from members.admin.reports import ReferringStores, per_day
from members.models import Purchase
from points.admin.reports import ManualGrants, PointsReport, SettlementReport, clerk_link, issuer_names
from points.reporting import staff, totals

SHOWN = 8
MOST_STORES = 30


def desk_sections(viewer: Viewer) -> list[Section]:
    """What this person did today, and how his stores are doing."""
    found = []
    if viewer.may("points.correct_points"):
        found.append(_own_corrections(viewer))
    if viewer.may("backoffice.view_importbatch") and kinds_for(viewer.user):
        found.append(_own_files(viewer))
    if viewer.user.reach == Reach.STORES and viewer.may("members.view_member_report"):
        found.append(_own_stores(viewer))
    return found


def _own_files(viewer: Viewer) -> Section:
    # Counted with all that waits: most people have none, and ask no further.
    rows = imports_over(viewer.user, viewer.now)[:SHOWN] if viewer.waiting["files"] else []
    return Section(
        title=_("Your files of this week"),
        columns=[Column(_("Uploaded"), Show.MOMENT), Column(_("What became of it"))],
        rows=[
            (
                batch.created_at,
                Link(sentence(batch), reverse("admin:backoffice_importbatch_change", args=[batch.pk])),
            )
            for batch in rows
        ],
        empty=_("None so far."),
        href=reverse("admin:backoffice_importbatch_changelist"),
    )


def _own_corrections(viewer: Viewer) -> Section:
    rows = viewer.own_today()[:SHOWN] if viewer.waiting["today"] else []
    return Section(
        title=_("Your corrections today"),
        columns=[
            Column(_("Time"), Show.MOMENT),
            Column(_("Member card")),
            Column(_("Points"), Show.SIGNED),
            Column(_("Reason")),
            Column(_("Status")),
        ],
        rows=[
            (
                row.created_at,
                Link(
                    row.account.member.card_no,
                    reverse("admin:members_member_change", args=[row.account.member_id]),
                ),
                row.points,
                row.get_reason_display(),
                row.get_status_display(),
            )
            for row in rows
        ],
        empty=_("None so far."),
        href=reverse("admin:points_adjustment_changelist") + f"?requested_by__id__exact={viewer.user.pk}",
    )


def _own_stores(viewer: Viewer) -> Section:
    stores = list(Store.objects.visible_to(viewer.user).order_by("code")[:MOST_STORES])
    today = {
        row["store"]: row
        for row in Purchase.objects.filter(
            store__in=stores,
            purchased_at__gte=viewer.day_start,
            purchased_at__lt=viewer.day_start + timedelta(days=1),
        )
        .order_by()
        .values("store")
        .annotate(orders=Count("pk"), cards=Count("member"), paid=Sum("paid"))
    }
    joined = viewer.joined_per_store
    rows: list[tuple[Any, ...]] = []
    for store in stores:
        row = today.get(store.pk, {"orders": 0, "cards": 0, "paid": Decimal(0)})
        rows.append((str(store), row["orders"], row["cards"], row["paid"], joined.get(store.pk, 0)))
    return Section(
        title=_("Your stores"),
        columns=[
            Column(_("Store")),
            Column(_("Orders today"), Show.NUMBER),
            Column(_("With a card"), Show.NUMBER),
            Column(_("Paid"), Show.MONEY),
            Column(_("New members, %(days)s days") % {"days": RECENT_DAYS}, Show.NUMBER),
        ],
        rows=rows,
        href=ReferringStores.address(),
    )


def points_sections(viewer: Viewer) -> list[Section]:
    """Growth of the membership, a year of points, and what brands owe each other this month."""
    found = []
    if viewer.may("members.view_member_report"):
        section = per_day(
            viewer.joined_per_day, viewer.recent, _("New members, %(days)s days") % {"days": RECENT_DAYS}
        )
        found.append(replace(section, href=ReferringStores.address()))
    if viewer.program is not None:
        found.append(_year(viewer))
        if viewer.may("points.view_settlementtotal"):
            found.append(_settlement(viewer))
    return found


def _year(viewer: Viewer) -> Section:
    assert viewer.program is not None
    flows = viewer.year
    series = [
        (_("Issued"), [flow.issued for flow in flows]),
        (_("Redeemed"), [flow.redeemed for flow in flows]),
        (_("Expired"), [flow.lapsed for flow in flows]),
    ]
    return Section(
        title=_("%(program)s: twelve months") % {"program": viewer.program.name},
        columns=[
            Column(_("Month"), Show.MONTH),
            Column(_("Issued"), Show.NUMBER),
            Column(_("Redeemed"), Show.NUMBER),
            Column(_("Expired"), Show.NUMBER),
            Column(_("Net"), Show.SIGNED),
        ],
        rows=[(flow.key, flow.issued, flow.redeemed, flow.lapsed, flow.net) for flow in reversed(flows)],
        chart=Chart([f"{flow.key:%Y-%m}" for flow in flows], series),
        href=PointsReport.address(),
    )


def _settlement(viewer: Viewer) -> Section:
    assert viewer.program is not None
    rows = totals.settlement(
        program=viewer.program, first=viewer.month_start, after=viewer.tomorrow, at=viewer.mark
    )
    names = issuer_names()
    owed = [row for row in rows if row.redeemer_id is not None and row.issuer_id != row.redeemer_id]
    return Section(
        title=_("Settlement between brands, this month"),
        columns=[
            Column(_("Owes")),
            Column(_("Owed to")),
            Column(_("Points"), Show.NUMBER),
            Column(_("Worth"), Show.MONEY),
        ],
        rows=[(names[r.issuer_id], names[r.redeemer_id], r.points, r.worth) for r in owed[:SHOWN]],
        empty=_("No brand accepted another's points in this period."),
        href=SettlementReport.address(),
    )


def watch_sections(viewer: Viewer) -> list[Section]:
    """Open alarms, and who gave most by hand."""
    found = []
    if viewer.may("backoffice.view_alarm"):
        found.append(_alarms(viewer))
    if viewer.may("points.view_staff_report"):
        found.append(_grants(viewer))
    return found


def _alarms(viewer: Viewer) -> Section:
    rows = open_alarms(viewer.user).select_related("store").order_by("-id")[:SHOWN]
    return Section(
        title=_("Open alarms"),
        columns=[
            Column(_("Alarm")),
            Column(_("What it is about")),
            Column(_("Store")),
            Column(_("Raised"), Show.MOMENT),
        ],
        rows=[
            (
                Link(
                    str(alarm_kinds.named(row.kind).title),
                    reverse("admin:backoffice_alarm_change", args=[row.pk]),
                ),
                row.subject,
                str(row.store or ""),
                row.raised_at,
            )
            for row in rows
        ],
        empty=_("No alarm is open."),
        href=reverse("admin:backoffice_alarm_changelist") + "?state=open",
    )


def _grants(viewer: Viewer) -> Section:
    since = viewer.midnight(viewer.today - timedelta(days=RECENT_DAYS - 1))
    found = staff.grants_by_clerk(user=viewer.user, start=since, end=viewer.now)[:SHOWN]
    return Section(
        title=_("Points given by hand, %(days)s days") % {"days": number(RECENT_DAYS)},
        columns=[
            Column(_("Staff")),
            Column(_("Corrections"), Show.NUMBER),
            Column(_("Given"), Show.NUMBER),
            Column(_("Taken"), Show.NUMBER),
            Column(_("Above the limits"), Show.PERCENT),
        ],
        rows=[
            (clerk_link(one.user_id, one.name), one.corrections, one.given, one.taken, one.share_above)
            for one in found
        ],
        empty=_("None in this period."),
        href=ManualGrants.address(),
    )
