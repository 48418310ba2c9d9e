"""What the acts of the ledger and its background work are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from backoffice.acts import name_acts, name_reasons, name_sources, name_work
from points.choices import ReasonCode

name_acts(
    {
        "points.correct": _("Points given or taken"),
        "points.correct.approve": _("Correction approved"),
        "points.correct.reject": _("Correction turned down"),
        "points.correct.request": _("Correction asked for, above the limits"),
        "points.hold.release": _("Hold released"),
        "points.limits.loosen": _("Correction limits loosened"),
        "points.limits.tighten": _("Correction limits tightened"),
        "points.spending.block": _("Spending blocked"),
        "points.spending.unblock": _("Spending unblocked"),
        "points.undo": _("Redemption or earning undone"),
        "points.undo.request": _("Undo asked for, above the limits"),
        "program.change": _("Points program changed"),
        "program.create": _("Points program added"),
        "program.ratio_exceeded": _("Points program: far more issued than redeemed"),
        "program.ratio_kept": _("Points program: issuing is within the limit again"),
    }
)
name_reasons({code.value: code.label for code in ReasonCode})
name_sources(
    {
        "adjustment": _("Correction"),
        "bill": _("Paid bill"),
        "expiry": _("Expiry"),
        "import": _("Import"),
        "import_undo": _("Undone import"),
        "lapsed_refund": _("Points that came back lapsed"),
        "merge": _("Merged members"),
        "order": _("Order"),
        "undo": _("Undone by staff"),
    }
)
name_work(
    {
        "expire_points": _("Command line: expiry of points"),
        "points.expire": _("Nightly expiry of points"),
        "points.proofs": _("Nightly proof of the books"),
        "points.routine": _("Routine of the ledger"),
    }
)
