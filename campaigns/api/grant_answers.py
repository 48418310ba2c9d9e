"""What a service is answered about its grants: the shape for the schema, and the dicts that have it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rest_framework import serializers

from campaigns.grant_data import ToldGrant
from campaigns.grant_words import explanation_of, sentences
from campaigns.models import Grant
from campaigns.services.grants.judging import Judged
from members.selectors.lineage import survivor
from points.api.answers import last_day
from points.models import Program
from points.selectors import account_summaries

Body = dict[str, Any]
STATES = ["posted", "pending", "cancelled"]


class GrantCancelAnswer(serializers.Serializer):
    """`taken` of its points are gone, `debt` of them owed because they were spent. `withhold` is NT$."""

    at = serializers.DateTimeField()
    reason = serializers.CharField()
    taken = serializers.IntegerField()
    debt = serializers.IntegerField()
    withhold = serializers.CharField()


class GrantAnswer(serializers.Serializer):
    """`pending`: the points wait until `confirm_at`, in no balance yet. `balance` and `available` are the
    member's in this program now; `debt_paid` of the points paid what he owed. `usable_through` is the
    last local day on which the points may be spent; without one they never lapse.
    """

    grant_no = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    program = serializers.CharField()
    points = serializers.IntegerField()
    balance = serializers.IntegerField()
    available = serializers.IntegerField()
    debt_paid = serializers.IntegerField()
    confirm_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    usable_through = serializers.DateField(allow_null=True)
    cancelled = GrantCancelAnswer(allow_null=True)
    why = serializers.ListField(child=serializers.CharField())


def known_before(told: ToldGrant, judged: Judged) -> Body:
    """The answer to a new grant but for what only the books say: balance, available, debt_paid."""
    return {
        "grant_no": told.number,
        "state": "pending" if judged.confirm_at else "posted",
        "program": judged.program.code,
        "points": told.points,
        "confirm_at": _time(judged.confirm_at),
        **_deadline(judged.expires_at, judged.program),
        "cancelled": None,
        "why": sentences(explanation_of(told)),
    }


def grant_body(grant: Grant, now: datetime) -> Body:
    """What became of a grant, with the balance of whom its member is now."""
    cancel, program, entry = getattr(grant, "cancel", None), grant.account.program, grant.entry
    owner = survivor(grant.account.member)
    summaries = account_summaries(member=owner, now=now)
    mine = next((one for one in summaries if one.program.pk == program.pk), None)
    lot = getattr(entry, "lot", None) if entry else None
    return {
        "grant_no": grant.number,
        "state": "cancelled" if cancel else grant.status,
        "program": program.code,
        "points": grant.points,
        "balance": mine.account.balance if mine else 0,
        "available": mine.available if mine else 0,
        "debt_paid": -entry.debt_delta if entry else 0,
        "confirm_at": _time(grant.pending.confirm_at) if grant.pending else None,
        **_deadline(lot.expires_at if lot else None, program),
        "cancelled": {
            "at": _time(cancel.at),
            "reason": cancel.reason,
            "taken": cancel.points,
            "debt": cancel.debt,
            "withhold": str(cancel.withheld),
        }
        if cancel
        else None,
        "why": sentences(_explanation(grant)),
    }


def _explanation(grant: Grant) -> Mapping[str, Any]:
    stored = grant.entry or grant.pending
    assert stored is not None, "a grant has its entry or what waits for it"
    explanation: Mapping[str, Any] = stored.explanation
    return explanation


def _deadline(expires_at: datetime | None, program: Program) -> Body:
    last = last_day(expires_at, ZoneInfo(program.time_zone)) if expires_at else None
    return {"expires_at": _time(expires_at), "usable_through": last}


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None
