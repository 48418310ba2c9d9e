"""The overview: the search box, what needs somebody, and a year of points. Each card by permission."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.admin.display import moment, money, number
from backoffice.choices import Reach
from backoffice.selectors import jobs_failed, outbox_overdue
from points.models import Program, Proof
from points.rules import add_months
from points.selectors import Flow, Outstanding, monthly_flows, outstanding, waiting_corrections

MONTHS = 12
# Sums over the whole ledger are read once for everybody. What is over and booked hardly changes.
FRESH_SECONDS = 60
SETTLED_SECONDS = 6 * 3600


@dataclass(frozen=True, slots=True)
class Card:
    """One figure. `mood` is "good", "bad" or empty; `href` where to do something about it."""

    title: str
    value: str
    hint: str = ""
    href: str = ""
    mood: str = ""


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the index page shows, by what the user may see."""
    user: Any = request.user
    now = timezone.now()
    cards = _desk_cards(user, now)
    chart = None
    program = Program.objects.filter(is_default=True).first() if _sees_totals(user) else None
    if program is not None:
        flows = year_of(program, now)
        cards = [*_totals(program, flows[-1]), *cards]
        chart = _chart(program, flows)
    return {**context, "may_find": user.has_perm("members.view_member"), "cards": cards, "chart": chart}


def _sees_totals(user: Any) -> bool:
    """Totals of the whole group are for those who answer for the whole group."""
    answers = user.has_perm("points.view_proof") or user.has_perm("points.change_program")
    return bool(answers and user.reach == Reach.GROUP)


def year_of(program: Program, now: datetime) -> list[Flow]:
    """The last twelve local months, oldest first, the current one last; months without entries are zero."""
    zone = ZoneInfo(program.time_zone)
    today = now.astimezone(zone).date().replace(day=1)
    months = [add_months(today, -back) for back in range(MONTHS - 1, -1, -1)]
    starts = [datetime(day.year, day.month, 1, tzinfo=zone) for day in months]
    past = cache.get_or_set(
        f"dashboard:flows:{program.pk}:{today:%Y%m}",
        lambda: monthly_flows(program=program, start=starts[0], end=starts[-1]),
        SETTLED_SECONDS,
    )
    current = cache.get_or_set(
        f"dashboard:flow:{program.pk}",
        lambda: monthly_flows(program=program, start=starts[-1], end=now),
        FRESH_SECONDS,
    )
    found = {flow.month.astimezone(zone).date(): flow for flow in [*(past or []), *(current or [])]}
    return [found.get(day, Flow(start, 0, 0, 0, 0)) for day, start in zip(months, starts, strict=True)]


def _totals(program: Program, month: Flow) -> list[Card]:
    owed: Outstanding = cache.get_or_set(  # type: ignore[assignment]
        f"dashboard:outstanding:{program.pk}", lambda: outstanding(program=program), FRESH_SECONDS
    )
    this_month = _("this month")
    return [
        Card(_("Issued"), number(month.issued), this_month),
        Card(_("Redeemed"), number(month.redeemed), this_month),
        Card(_("Expired"), number(month.expired), this_month),
        Card(_("Outstanding"), number(owed.points), _("worth %(amount)s") % {"amount": money(owed.worth)}),
    ]


def _desk_cards(user: Any, now: datetime) -> list[Card]:
    cards = []
    if user.has_perm("points.approve_correction"):
        waiting = waiting_corrections(user=user).count()
        href = reverse("admin:points_adjustment_changelist") + "?status__exact=pending"
        cards.append(Card(_("Waiting approvals"), number(waiting), "", href, "bad" if waiting else ""))
    if user.has_perm("points.view_proof"):
        cards.append(_proof_card(Proof.objects.order_by("-id").first()))
    if user.has_perm("backoffice.view_outboxmessage"):
        late = outbox_overdue(now).count()
        href = reverse("admin:backoffice_outboxmessage_changelist") + "?sent_at__isempty=1"
        cards.append(Card(_("Overdue messages"), number(late), _("outbox"), href, "bad" if late else "good"))
    if user.has_perm("backoffice.view_job"):
        failed = jobs_failed().count()
        href = reverse("admin:backoffice_job_changelist") + "?state__exact=failed"
        cards.append(Card(_("Failed jobs"), number(failed), "", href, "bad" if failed else "good"))
    return cards


def _proof_card(proof: Proof | None) -> Card:
    title, href = _("Last proof of the books"), reverse("admin:points_proof_changelist")
    if proof is None:
        return Card(title, _("not yet"), _("It runs every night."), href, "bad")
    if proof.faults:
        value = _("%(faults)s faults") % {"faults": number(proof.faults)}
        return Card(title, value, moment(proof.finished_at), href, "bad")
    return Card(title, _("Books balance"), moment(proof.finished_at), href, "good")


def _chart(program: Program, flows: list[Flow]) -> dict[str, Any]:
    """Twelve months as bars, and the same figures as a table beside them."""
    zone = ZoneInfo(program.time_zone)
    labels = [flow.month.astimezone(zone).strftime("%Y-%m") for flow in flows]
    series = [
        (_("Issued"), [flow.issued for flow in flows], "#0f766e"),
        (_("Redeemed"), [flow.redeemed for flow in flows], "#d97706"),
        (_("Expired"), [flow.expired for flow in flows], "#9ca3af"),
    ]
    datasets = [
        {"label": label, "data": values, "backgroundColor": colour, "borderRadius": 2}
        for label, values, colour in series
    ]
    options = {
        "maintainAspectRatio": False,
        "responsive": True,
        "animation": False,
        "plugins": {"legend": {"display": True, "position": "bottom"}},
        "scales": {
            "x": {"grid": {"display": False}},
            "y": {"display": True, "beginAtZero": True, "ticks": {"precision": 0}},
        },
    }
    rows = [
        (label, number(flow.issued), number(flow.redeemed), number(flow.expired), number(flow.net))
        for label, flow in zip(labels, flows, strict=True)
    ]
    return {
        "title": _("%(program)s: twelve months") % {"program": program.name},
        "data": json.dumps({"labels": labels, "datasets": datasets}),
        "options": json.dumps(options),
        "heads": (_("Month"), _("Issued"), _("Redeemed"), _("Expired"), _("Net")),
        "rows": list(reversed(rows)),
    }
