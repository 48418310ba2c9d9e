"""The points of a member on his page: balances and the whole expiry schedule. Entries are in his story."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.admin.verbs import verb_url
from members.models import Member
from members.sockets import Panel, register_panel
from points.models import Account
from points.selectors import account_summaries


def accounts(member: Member, user: Any, now: datetime) -> dict[str, Any]:
    """Each account with its figures."""
    summaries = account_summaries(member=member, now=now)
    may_correct = user.has_perm("points.correct_points")
    may_block = user.has_perm("points.block_spending")
    return {
        "member": member,
        "accounts": [
            {
                "summary": summary,
                "correct_url": verb_url(Account, "correct", summary.account.pk) if may_correct else "",
                "block_url": verb_url(Account, "block", summary.account.pk) if may_block else "",
            }
            for summary in summaries
        ],
    }


register_panel(
    Panel(
        key="points",
        title=_("Points"),
        template="points/accounts_panel.html",
        context=accounts,
        order=10,
        permission="points.view_account",
    )
)
