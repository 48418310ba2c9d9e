"""What the house itself shows in a box on a member's page: what he agrees to now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from members.choices import ConsentPurpose
from members.models import Member
from members.selectors.consents import latest_consents
from members.sockets import Panel, register_panel


def consents(member: Member, user: Any, now: datetime) -> dict[str, Any]:
    """Every purpose with the answer that counts; None where the member was never asked."""
    latest = latest_consents(member)
    return {"consents": [(label, latest.get(purpose)) for purpose, label in ConsentPurpose.choices]}


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
