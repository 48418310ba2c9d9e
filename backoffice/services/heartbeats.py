"""Signs of life, for `/readyz` and whoever is on duty."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from backoffice.models import Heartbeat


def beat(*, name: str, now: datetime, detail: dict[str, Any] | None = None) -> None:
    """Write down that the part of that name lives. One statement, so two at once do no harm."""
    row = Heartbeat(name=name, at=now, detail=detail or {})
    Heartbeat.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["name"], update_fields=["at", "detail"]
    )
