"""What the stories of entries and of requests say alike: whose rows, who acted, reasons in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from backoffice.acts import actor_text
from points.choices import ReasonCode
from points.models import Account


def accounts_of(member_ids: Sequence[int]) -> QuerySet[Any]:
    """The accounts of these members, as a subquery of their ids."""
    return Account.objects.filter(member__in=member_ids).order_by().values("pk")


def actor_of(facts: Any) -> str:
    """The staff member by name; a till, an app or the system by what it is."""
    return actor_text(facts["actor_type"], facts["actor"], facts["actor"])


def reason_text(code: str) -> str:
    """A reason in words; a code that is no longer offered stays readable as itself."""
    return str(dict(ReasonCode.choices).get(code, code))


def codes_of(choices: Sequence[tuple[str, Any]], text: str) -> list[str]:
    """The codes whose words hold the text: people look for what they read."""
    return [code for code, label in choices if text.casefold() in str(label).casefold()]
