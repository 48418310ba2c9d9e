"""Balances and entries as the API tells them: shapes for the schema, and the dicts that have them.

The balance is the most frequent look of all, so its dict is built by hand and not by a serializer.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rest_framework import serializers

from points.explaining import sentences
from points.models import Entry
from points.selectors import AccountSummary, Expiring


class ExpiringAnswer(serializers.Serializer):
    """`usable_through` is the last local day on which they may be spent; both null: they never lapse."""

    points = serializers.IntegerField()
    expires_at = serializers.DateTimeField(allow_null=True)
    usable_through = serializers.DateField(allow_null=True)


class BalanceAnswer(serializers.Serializer):
    """`available` may be spent now. `held` is set aside, `pending` not yet confirmed, `debt` owed."""

    program = serializers.CharField()
    name = serializers.CharField()
    unit = serializers.CharField()
    spendable = serializers.BooleanField()
    available = serializers.IntegerField()
    balance = serializers.IntegerField()
    held = serializers.IntegerField()
    pending = serializers.IntegerField()
    debt = serializers.IntegerField()
    worth = serializers.CharField(help_text="NT$ that the available points pay.")
    blocked = serializers.BooleanField()
    time_zone = serializers.CharField()
    expiring = ExpiringAnswer(many=True)


class BalancesAnswer(serializers.Serializer):
    items = BalanceAnswer(many=True)


class EntryAnswer(serializers.Serializer):
    """One movement. `why` says in words how the number came about; `number` counts the account's entries."""

    number = serializers.IntegerField()
    kind = serializers.CharField()
    title = serializers.CharField()
    points = serializers.IntegerField()
    balance_after = serializers.IntegerField()
    occurred_at = serializers.DateTimeField()
    booked_at = serializers.DateTimeField()
    store = serializers.CharField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    undone = serializers.IntegerField()
    why = serializers.ListField(child=serializers.CharField())


class EntriesAnswer(serializers.Serializer):
    items = EntryAnswer(many=True)
    next = serializers.CharField(allow_null=True)


def balance_body(summary: AccountSummary) -> dict[str, Any]:
    account, program = summary.account, summary.program
    zone = ZoneInfo(program.time_zone)
    return {
        "program": program.code,
        "name": program.name,
        "unit": program.unit,
        "spendable": program.spendable,
        "available": summary.available,
        "balance": account.balance,
        "held": account.held,
        "pending": account.pending,
        "debt": account.debt,
        "worth": str(summary.worth),
        "blocked": account.spend_blocked,
        "time_zone": program.time_zone,
        "expiring": [_expiring(part, zone) for part in summary.schedule],
    }


def entry_body(entry: Entry) -> dict[str, Any]:
    lot = getattr(entry, "lot", None)
    return {
        "number": entry.seq,
        "kind": entry.kind,
        "title": str(entry.get_kind_display()),
        "points": entry.points,
        "balance_after": entry.balance_after,
        "occurred_at": entry.occurred_at.isoformat(),
        "booked_at": entry.created_at.isoformat(),
        "store": entry.store.name if entry.store else None,
        "expires_at": lot.expires_at.isoformat() if lot and lot.expires_at else None,
        "undone": sum(abs(reversal.points) for reversal in entry.reversals.all()),
        "why": sentences(entry.explanation),
    }


def last_day(expires_at: datetime, zone: ZoneInfo) -> str:
    """Deadlines are the first instant that is too late (N20)."""
    return (expires_at.astimezone(zone) - timedelta(microseconds=1)).date().isoformat()


def _expiring(part: Expiring, zone: ZoneInfo) -> dict[str, Any]:
    if part.expires_at is None:
        return {"points": part.points, "expires_at": None, "usable_through": None}
    return {
        "points": part.points,
        "expires_at": part.expires_at.isoformat(),
        "usable_through": last_day(part.expires_at, zone),
    }
