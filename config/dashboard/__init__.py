"""The overview: first the search box, then what needs this person, then the figures that he answers for.

Everything is cut by permission and reach. Sums of the ledger come from the daily totals, so that the page
costs the same with ten million entries as with ten.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from backoffice.admin import bell
from config.dashboard.cards import desk_cards, points_cards
from config.dashboard.sections import desk_sections, points_sections, watch_sections
from config.dashboard.viewer import Viewer


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the index page shows, by what the user may see."""
    viewer = Viewer.of(request)
    bell.is_known(request, unread=viewer.waiting["notices"], alarms=viewer.waiting.get("alarms", 0))
    return {
        **context,
        "may_find": viewer.may("members.view_member"),
        "cards": [*desk_cards(viewer), *points_cards(viewer)],
        "sections": [*desk_sections(viewer), *points_sections(viewer), *watch_sections(viewer)],
    }
