"""What the house itself shows on a member's page: consents, and who changed what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.selectors import trail_of
from members.models import Consent, Member
from members.sockets import Panel, register_panel

CHANGES = 10
CONSENTS = 10


def consents(member: Member, user: Any, now: datetime) -> dict[str, Any]:
    return {"consents": Consent.objects.filter(member=member).order_by("-at", "-id")[:CONSENTS]}


def changes(member: Member, user: Any, now: datetime) -> dict[str, Any]:
    """The latest acts on this member, with old and new value as the trail keeps them: masked (S22)."""
    events = trail_of(member)[:CHANGES]
    return {
        "events": [
            {
                "event": event,
                "fields": [
                    {"name": _field_name(name), "old": pair[0], "new": pair[1]}
                    for name, pair in event.changes.items()
                    if isinstance(pair, list) and len(pair) == 2
                ],
            }
            for event in events
        ]
    }


def _field_name(name: str) -> str:
    known = {field.name: field for field in Member._meta.fields}
    return str(known[name].verbose_name) if name in known else name


register_panel(
    Panel(
        key="consents",
        title=_("Consents"),
        template="members/consents_panel.html",
        context=consents,
        order=60,
        permission="members.view_consent",
    )
)
register_panel(
    Panel(
        key="changes",
        title=_("Changes"),
        template="members/changes_panel.html",
        context=changes,
        order=90,
        permission="backoffice.view_auditevent",
    )
)
