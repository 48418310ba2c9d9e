"""The caller as the verbs see him, and the clock that his receipts have to keep to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

from campaigns.choices import TillItemReason

TILL_SOURCE = "till:"


@dataclass(frozen=True, slots=True)
class Till:
    """A till by its key, and the store that the key is bound to."""

    key_id: int
    store_id: int
    brand_id: int

    @property
    def source(self) -> str:
        """The source system of its receipts: a number is unique within its store, and only that store's tills
        can name it, so that another store's receipt is as unknown as none."""
        return source_of_store(self.store_id)


def source_of_store(store_id: int) -> str:
    """The source of receipts that a store's own tills numbered, however they come here."""
    return f"{TILL_SOURCE}{store_id}"


def clock_fault(occurred_at: datetime, now: datetime) -> TillItemReason | None:
    """Why a time is not believed (T14): further ahead or longer ago than the settings allow."""
    if occurred_at > now + timedelta(minutes=settings.TILL_CLOCK_AHEAD_MINUTES):
        return TillItemReason.CLOCK_AHEAD
    if occurred_at < now - timedelta(days=settings.TILL_OLDEST_DAYS):
        return TillItemReason.CLOCK_OLD
    return None


def fingerprint(told: Mapping[str, Any]) -> str:
    """SHA-256 over what was told, however its keys were ordered."""
    text = json.dumps(told, cls=DjangoJSONEncoder, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
