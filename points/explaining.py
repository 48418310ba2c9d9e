"""How a number came about, in words (N1): each rule's stored dict is rendered by whoever wrote it.

The ledger's own rules are told here; upper floors register theirs by `register`, since they alone know them.
Only the stored dict is read, never today's rules, so that the words of an old number never change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Writer = Callable[[Mapping[str, Any]], list[str]]

_writers: dict[str, Writer] = {}

OWN = {
    "correction": gettext_lazy("Corrected by staff, request %(request)s."),
    "undone_by_staff": gettext_lazy("Entry %(entry)s was undone by staff."),
    "bill": gettext_lazy(
        "NT$%(worth)s of a bill over NT$%(amount)s paid with points, at %(cash_points)s points for "
        "NT$%(cash_amount)s."
    ),
    "expiry": gettext_lazy("These points were not used before their last day ended."),
    "came_back_lapsed": gettext_lazy(
        "These points came back with entry %(refund_entry)s after their last day, so they lapsed again."
    ),
    "lapse_undone_with_its_earning": gettext_lazy(
        "The earning behind these lapsed points was undone; the expiry of lot %(lot)s went with it."
    ),
    "points_import": gettext_lazy(
        "Brought in by line %(line)s of the file “%(file)s” (import #%(import)s), uploaded by"
        " %(uploaded_by)s, approved by %(approved_by)s."
    ),
    "points_import_undone": gettext_lazy(
        "Line %(line)s of import #%(import)s was undone, and with it entry %(entry)s."
    ),
    "debt_paid_from_released_hold": gettext_lazy("A released hold paid what the member owed."),
}


def register(rule: str, writer: Writer) -> None:
    """Let `writer` tell the explanations whose `rule` is this one. Raises ImproperlyConfigured when taken."""
    if rule in _writers or rule in OWN:
        raise ImproperlyConfigured(f"the rule {rule!r} is told twice")
    _writers[rule] = writer


def sentences(explanation: Mapping[str, Any]) -> list[str]:
    """Sentences in the current language; none for an empty explanation. Unknown rules are named."""
    rule = str(explanation.get("rule", ""))
    if rule in _writers:
        return _writers[rule](explanation)
    if rule in OWN:
        return [_filled(str(OWN[rule]), explanation)]
    return [_("Rule “%(rule)s”.") % {"rule": rule}] if rule else []


def _filled(sentence: str, explanation: Mapping[str, Any]) -> str:
    try:
        return sentence % explanation
    except KeyError:
        # Written by an older version that kept less.
        return sentence
