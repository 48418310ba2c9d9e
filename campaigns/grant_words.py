"""Grants in words, of the stored explanation alone: for the ledger, the story, the app and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from campaigns.grant_data import ToldGrant

RULE, CANCEL_RULE = "grant", "grant_cancelled"


def explanation_of(told: ToldGrant) -> dict[str, Any]:
    kept = {"rule": RULE, "service": told.service, "number": told.number, "points": told.points}
    return kept | {"reason": told.reason} if told.reason else kept


def sentences(explanation: Mapping[str, Any]) -> list[str]:
    told = {
        "service": explanation.get("service", ""),
        "number": explanation.get("number", ""),
        "points": f"{explanation.get('points', 0):,}",
    }
    lines = [_("“%(service)s” gave %(points)s points, number %(number)s.") % told]
    if reason := explanation.get("reason"):
        lines.append(_("It says: %(reason)s") % {"reason": reason})
    return lines


def cancel_sentences(explanation: Mapping[str, Any]) -> list[str]:
    told = {
        "service": explanation.get("service", ""),
        "number": explanation.get("number", ""),
        "points": f"{explanation.get('asked', 0):,}",
    }
    lines = [_("“%(service)s” took its %(points)s points of number %(number)s back.") % told]
    if reason := explanation.get("reason"):
        lines.append(_("It says: %(reason)s") % {"reason": reason})
    return lines
