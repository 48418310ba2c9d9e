"""Doors for staff to the books: looking, and the verbs that correct them."""

from points.admin import adjustments, ledger, limits, panels, programs, reports, story_entries, story_requests

__all__ = [
    "adjustments",
    "ledger",
    "limits",
    "panels",
    "programs",
    "reports",
    "story_entries",
    "story_requests",
]
