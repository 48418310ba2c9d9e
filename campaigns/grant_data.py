"""What a service tells when it gives points, and who it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Giver:
    """The caller behind a grant: his key, the brand that it gives for, the person whose key it is, if any."""

    key_id: int
    brand_id: int
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class ToldGrant:
    """`program` empty: the default one. `reason` holds no phone and no e-mail address (`mask_text`)."""

    number: str
    card: str
    points: int
    occurred_at: datetime
    service: str
    program: str = ""
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Everything but the card: a code from a screen proves nothing later, its owner does."""
        return {
            "points": self.points,
            "program": self.program,
            "occurred_at": self.occurred_at.timestamp(),
            "service": self.service,
            "reason": self.reason,
        }
