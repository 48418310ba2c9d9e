"""Explanations in words: what `earning` and the settlement stored, as sentences for staff and members (N1).

Only the stored dict is read, never today's rules, so that the words of an old number never change.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import earning
from members.choices import MemberStatus
from points.choices import Rounding

REFUSED = {
    earning.NO_MEMBER: gettext_lazy("No points: no member was named at the till."),
    earning.MEMBER_NOT_SERVED: gettext_lazy("No points: the member was not active (%(status)s)."),
    earning.OTHER_BRAND: gettext_lazy("No points: the member belongs to another brand."),
    earning.PROGRAM_INACTIVE: gettext_lazy("No points: the program was switched off."),
    earning.ISSUING_STOPPED: gettext_lazy(
        "No points: far more points were issued than redeemed, so the program gives none for now."
    ),
    earning.ZERO_AMOUNT: gettext_lazy("No points: nothing was paid."),
    earning.BELOW_UNIT: gettext_lazy("No points: %(base)s is less than one unit of %(unit)s."),
    earning.GIVES_NOTHING: gettext_lazy("No points: the rule gives none for a unit."),
}


def sentences(explanation: Mapping[str, Any]) -> list[str]:
    """One to five sentences in the current language. An unknown rule is named by its code, never hidden."""
    rule = explanation.get("rule")
    if rule == earning.RULE_CODE:
        return _earned(explanation)
    if rule in (earning.RETURN_RULE, earning.CARRY_RETURN_RULE):
        return _taken_back(explanation)
    return [_("Rule “%(rule)s”.") % {"rule": rule}] if rule else []


def nt(amount: str | Decimal) -> str:
    """NT$ for people: thousands separated, no decimals when there are none."""
    value = Decimal(amount)
    return f"NT${value:,.0f}" if value == value.to_integral_value() else f"NT${value:,.2f}"


def _earned(e: Mapping[str, Any]) -> list[str]:
    values = {
        "base": nt(e["base"]),
        "unit": nt(e["unit"]),
        "unit_points": f"{e['unit_points']:,}",
        "program": e["program"],
        "version": e["version"],
        "status": _status(e.get("status", "")),
    }
    version = _("Rule of program “%(program)s”, version %(version)s.") % values
    failed = e.get("failed", "")
    if failed and "units" not in e:
        return [_refused(failed, values), version]
    lines = [
        _("%(base)s paid; each %(unit)s gives %(unit_points)s points.") % values,
        _("%(units)s units (%(rounding)s): %(points)s points.")
        % {
            "units": f"{e['units']:,}",
            "rounding": Rounding(e["rounding"]).label,
            "points": f"{e['points']:,}",
        },
    ]
    if "carry_in" in e:
        lines.append(
            _("Small change: %(before)s from before, %(after)s waits for the next purchase.")
            % {"before": nt(e["carry_in"]), "after": nt(e["carry_out"])}
        )
    if "cap" in e:
        lines.append(
            _("Cut from %(wanted)s to the most that one entry may have, %(cap)s.")
            % {"wanted": f"{e['wanted']:,}", "cap": f"{e['cap']:,}"}
        )
    if failed:
        lines.append(_refused(failed, values))
    return [*lines, version]


def _refused(failed: str, values: Mapping[str, Any]) -> str:
    known = REFUSED.get(failed)
    return str(known) % values if known else _("No points: %(code)s.") % {"code": failed}


def _status(code: str) -> str:
    return str(MemberStatus(code).label) if code in MemberStatus.values else code


def _taken_back(e: Mapping[str, Any]) -> list[str]:
    values = {key: f"{e.get(key, 0):,}" for key in ("granted", "before", "asked", "taken", "pending")}
    if e["rule"] == earning.CARRY_RETURN_RULE:
        lines = [
            _("%(returned)s came back; %(before)s of small change were waiting, now %(after)s.")
            % {"returned": nt(e["returned"]), "before": nt(e["carry_in"]), "after": nt(e["carry_out"])},
        ]
    else:
        lines = [
            _("%(returned)s of %(paid)s have come back; the purchase had given %(granted)s points.")
            % {"returned": nt(e["returned"]), "paid": nt(e["paid"]), "granted": values["granted"]},
        ]
    lines.append(_("To take back: %(asked)s points; %(before)s were taken back before.") % values)
    if "taken" not in e:
        # An entry of the ledger keeps why it was booked; what became of it stands with the award.
        return lines
    if e["pending"]:
        lines.append(_("%(pending)s of them were still waiting and never reached the balance.") % values)
    undone = e.get("undone", 0)
    if undone:
        lines.append(_("%(undone)s points had been undone before by staff.") % {"undone": f"{undone:,}"})
    short = e["asked"] - e["taken"] - undone
    if short:
        facts = {"short": f"{short:,}", "withheld": nt(e.get("withheld", "0"))}
        lines.append(
            _("%(short)s points were already spent; %(withheld)s are kept from the refund.") % facts
            if "withheld" in e
            else _("%(short)s points were already spent and are let go.") % facts
        )
    if e.get("debt"):
        lines.append(
            _("%(debt)s points were already spent and are owed; later points pay them.")
            % {"debt": f"{e['debt']:,}"}
        )
    return lines
