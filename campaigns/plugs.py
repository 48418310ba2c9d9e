"""What campaigns plug in below: the words for the numbers that they made, and the purchases of a member."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.earning import CARRY_RETURN_RULE, RETURN_RULE, RULE_CODE
from campaigns.explaining import sentences
from campaigns.selectors import recent_purchases
from members.models import Member
from members.sockets import Panel, register_panel
from points.explaining import register


def purchases(member: Member, user: Any, now: datetime) -> dict[str, Any]:
    """The latest purchases with what each earned and why."""
    return {"purchases": recent_purchases(member)}


for rule in (RULE_CODE, RETURN_RULE, CARRY_RETURN_RULE):
    register(rule, sentences)

register_panel(
    Panel(
        key="purchases",
        title=_("Purchases"),
        template="campaigns/purchases_panel.html",
        context=purchases,
        order=30,
        permission="members.view_purchase",
    )
)
