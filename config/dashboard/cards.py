"""Single figures: what waits for somebody, and where the points stand this month."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from backoffice.admin.display import moment, money, number
from config.dashboard.viewer import Viewer
from points.admin.reports import PointsReport
from points.models import Proof
from points.services.proofs import last_proof

STALE_HOURS = 36


@dataclass(frozen=True, slots=True)
class Card:
    """One figure. `mood` is "good", "bad" or empty; `href` where to do something about it."""

    title: str
    value: str
    hint: str = ""
    href: str = ""
    mood: str = ""


def desk_cards(viewer: Viewer) -> list[Card]:
    """What waits for this person, or for those whom he answers for."""
    cards = []
    if viewer.may("points.correct_points"):
        href = reverse("admin:points_adjustment_changelist") + (
            f"?status__exact=pending&requested_by__id__exact={viewer.user.pk}"
        )
        cards.append(
            Card(_("Your requests that wait"), number(viewer.waiting["own"]), _("for a second person"), href)
        )
    if viewer.may("points.approve_correction"):
        waiting = viewer.waiting["approvals"]
        href = reverse("admin:points_adjustment_changelist") + "?status__exact=pending"
        cards.append(Card(_("Waiting approvals"), number(waiting), "", href, "bad" if waiting else "good"))
    if viewer.may("backoffice.view_alarm"):
        ringing = viewer.waiting["alarms"]
        href = reverse("admin:backoffice_alarm_changelist") + "?state=open"
        cards.append(Card(_("Open alarms"), number(ringing), "", href, "bad" if ringing else "good"))
    if viewer.may("backoffice.view_importbatch"):
        href = reverse("admin:backoffice_importbatch_changelist") + "?waits=1"
        hint = _("looked through, refused or to be approved")
        cards.append(Card(_("Imports that wait for you"), number(viewer.waiting["imports"]), hint, href))
    if viewer.may("points.view_proof"):
        cards.append(_proof_card(last_proof(), viewer))
    if viewer.may("backoffice.view_outboxmessage"):
        late = viewer.waiting["overdue"]
        href = reverse("admin:backoffice_outboxmessage_changelist") + "?sent_at__isempty=1"
        cards.append(Card(_("Overdue messages"), number(late), _("outbox"), href, "bad" if late else "good"))
    if viewer.may("backoffice.view_job"):
        failed = viewer.waiting["failed"]
        href = reverse("admin:backoffice_job_changelist") + "?state__exact=failed"
        cards.append(Card(_("Failed jobs"), number(failed), "", href, "bad" if failed else "good"))
    return cards


def _proof_card(proof: Proof | None, viewer: Viewer) -> Card:
    title, href = _("Last proof of the books"), reverse("admin:points_proof_changelist")
    if proof is None:
        return Card(title, _("not yet"), _("It runs every night."), href, "bad")
    age = _("%(age)s ago") % {"age": timesince(proof.finished_at, viewer.now, depth=1)}
    hint = f"{moment(proof.finished_at)} · {age}"
    if proof.faults:
        return Card(title, _("%(faults)s faults") % {"faults": number(proof.faults)}, hint, href, "bad")
    stale = (viewer.now - proof.finished_at).total_seconds() > STALE_HOURS * 3600
    return Card(title, _("Books balance"), hint, href, "bad" if stale else "good")


def points_cards(viewer: Viewer) -> list[Card]:
    """The default program this month, what members own of it, and whether too much is issued (S100)."""
    program = viewer.program
    if program is None:
        return []
    month = viewer.year[-1]
    owned, ratio = viewer.owned, viewer.ratio
    link = PointsReport.address()
    this_month = _("this month")
    limit = (
        _("over %(days)s days; at most %(limit)s")
        % {"days": ratio.days, "limit": f"{ratio.limit.normalize():f}"}
        if ratio.limit is not None
        else _("over %(days)s days; no limit is set") % {"days": ratio.days}
    )
    mood = "" if ratio.limit is None else "bad" if ratio.over else "good"
    change = reverse("admin:points_program_change", args=[program.pk])
    worth = _("worth %(amount)s") % {"amount": money(owned.worth)}
    return [
        Card(_("Issued"), number(month.issued), this_month, link),
        Card(_("Redeemed"), number(month.redeemed), this_month, link),
        Card(_("Expired"), number(month.lapsed), this_month, link),
        Card(_("Outstanding"), number(owned.points), worth, link),
        Card(_("Members owe"), number(owned.debt), _("points taken back that were spent")),
        Card(_("Waiting points"), number(owned.pending), _("not confirmed yet")),
        Card(_("Issued per point redeemed"), f"{ratio.value:.2f}", limit, change, mood),
    ]
