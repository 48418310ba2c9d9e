"""The values that go into a posting and come out of it. Plain data; the ledger fills and reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backoffice.actors import Actor


@dataclass(frozen=True, slots=True)
class Source:
    """The business event behind an entry: `("purchase", "4711")`: one effect of a kind per account, ever."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Posting:
    """What an account looks like after a call. `points` is signed; `entry_id` names the entry that says why.

    `points` may be less than asked where a policy clamps (then `entry_id` may be None: nothing was taken);
    `debt_delta` is what was added to debt, or paid off it when negative.
    """

    entry_id: int | None
    seq: int
    points: int
    debt_delta: int
    balance: int
    held: int
    debt: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class Refund:
    """An undone redemption: the posting, and what of it came back lapsed (`lapse_entry_id` says so)."""

    posting: Posting
    lapsed: int
    lapse_entry_id: int | None


@dataclass(frozen=True, slots=True)
class HoldState:
    """A hold after a call; `balance` and `held` are the account's."""

    hold_id: int
    points: int
    status: str
    balance: int
    held: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class Context:
    """What every entry keeps besides the number. Doors fill it once and hand it down.

    `occurred_at` is when it happened in the shop; without it, `now`. `expected_seq` makes the call refuse
    with BalanceMoved when the account has other entries than the ones that the person looked at.
    """

    actor: Actor
    now: datetime
    occurred_at: datetime | None = None
    reason: str = ""
    note: str = ""
    store_id: int | None = None
    brand_id: int | None = None
    explanation: Mapping[str, Any] = field(default_factory=dict)
    expected_seq: int | None = None

    def values(self) -> tuple[Any, ...]:
        """The fields of the SQL type `points_context`, in its order."""
        return (
            self.actor.type,
            self.actor.id,
            self.reason,
            self.note,
            self.store_id,
            self.brand_id,
            json.dumps(self.explanation) if self.explanation else "{}",
            self.occurred_at or self.now,
            self.now,
            self.expected_seq,
        )


@dataclass(frozen=True, slots=True)
class ReverseRow:
    """One taking back of a bulk call; the fields mean what they mean in `reverse_credit`."""

    entry_id: int
    points: int
    policy: str
    source: Source
    context: Context


@dataclass(frozen=True, slots=True)
class CreditRow:
    """One credit of a bulk call; the fields mean what they mean in `credit`. `reason` and `note` stand in for
    those of the call's context.
    """

    account_id: int
    kind: str
    points: int
    source_type: str
    source_id: str
    occurred_at: datetime
    expires_at: datetime | None = None
    slide_to: datetime | None = None
    store_id: int | None = None
    brand_id: int | None = None
    explanation: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class CreditOutcome:
    """What became of a bulk row: its entry, or the code of the refusal (see `points.errors`)."""

    entry_id: int | None
    points: int
    replayed: bool
    refused: str | None


@dataclass(frozen=True, slots=True)
class DeductRow:
    """One deduction of a bulk call: `points` > 0 are taken out of what is free."""

    account_id: int
    points: int
    source_type: str
    source_id: str
    brand_id: int | None = None
    explanation: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class DeductOutcome:
    """Its entry, or the code of the refusal; `available` is what was free where somebody looked."""

    entry_id: int | None
    points: int
    replayed: bool
    refused: str | None
    available: int | None


@dataclass(frozen=True, slots=True)
class UndoRow:
    """An imported entry that is to be undone. `source` names the undoing, where a credit is undone."""

    entry_id: int
    source: Source
    explanation: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UndoOutcome:
    """The entry that undid it. `left_over` could not be taken, `lapsed` came back lapsed."""

    entry_id: int | None
    points: int | None
    left_over: int
    lapsed: int
    replayed: bool
    refused: str | None
