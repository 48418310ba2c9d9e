"""What a verb would do: the verb itself is run and rolled back, so preview and act can never disagree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.db import transaction

from backoffice.actors import Actor
from points.models import Account, Adjustment, Entry, LotUse
from points.services import corrections, holds


@dataclass(frozen=True, slots=True)
class LotChange:
    """Points that a lot gains (> 0) or loses; `lapsed` says that its deadline is already over.

    A `new` lot has no number yet: the one it has here is gone with the rollback.
    """

    lot_id: int
    points: int
    expires_at: datetime | None
    lapsed: bool
    new: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """The effect before it happens. `waiting`: it needs a second person, so nothing moves yet."""

    points: int
    lots: tuple[LotChange, ...]
    balance_before: int
    balance_after: int
    debt_before: int
    debt_after: int
    lapsing_points: int = 0
    waiting: bool = False
    held_before: int = 0
    held_after: int = 0


def _tried(now: datetime, act: Callable[[], tuple[int, int, bool]], **of: int) -> Preview:
    """Run `act` on the account that `of` names, and roll it back."""
    with transaction.atomic():
        before = Account.objects.get(**of)
        points, lapsing, waiting = act()
        entries = Entry.objects.filter(account_id=before.pk, seq__gt=before.seq).order_by("seq")
        fresh = list(entries.select_related("lot", "account"))
        changes = [
            LotChange(use.lot_id, -use.points, use.lot.expires_at, _is_over(use.lot.expires_at, now))
            for use in LotUse.objects.filter(entry__in=fresh).select_related("lot")
        ]
        changes += [
            LotChange(entry.lot.pk, entry.lot.original, entry.lot.expires_at, False, new=True)
            for entry in fresh
            if hasattr(entry, "lot")
        ]
        # A hold that ends moves points without an entry.
        after = fresh[-1].account if fresh else Account.objects.get(pk=before.pk)
        transaction.set_rollback(True)
    return Preview(
        points,
        tuple(changes),
        before.balance,
        after.balance,
        before.debt,
        after.debt,
        lapsing,
        waiting,
        before.held,
        after.held,
    )


def _is_over(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and expires_at <= now


def preview_undo(*, entry_id: int, points: int | None, actor: Actor, now: datetime) -> Preview:
    """What undoing an entry (or `points` of it) does to lots, balance and debt, or that it would wait.

    Raises like `undo_entry`.
    """

    def act() -> tuple[int, int, bool]:
        done = corrections.undo_entry(
            entry_id=entry_id, points=points, reason="", note="", key=uuid4().hex, actor=actor, now=now
        )
        waits = done.posting is None
        return done.posting.points if done.posting else points or 0, done.lapsed, waits

    return _tried(now, act, entries=entry_id)


def preview_correction(*, account_id: int, points: int, reason: str, actor: Actor, now: datetime) -> Preview:
    """What giving or taking points does, or that it would wait for a second person. Raises like `correct`."""

    def act() -> tuple[int, int, bool]:
        done = corrections.correct(
            account_id=account_id,
            points=points,
            reason=reason,
            note="",
            key=uuid4().hex,
            actor=actor,
            now=now,
        )
        return points, 0, done.posting is None

    return _tried(now, act, pk=account_id)


def preview_grace(*, entry_id: int, days: int, actor: Actor, now: datetime) -> Preview:
    """What grace for a lapse gives back, or that it would wait for a second person. Raises like `grace`."""

    def act() -> tuple[int, int, bool]:
        done = corrections.grace(entry_id=entry_id, days=days, note="", key=uuid4().hex, actor=actor, now=now)
        if done.posting is None:
            return Adjustment.objects.get(pk=done.adjustment_id).points, 0, True
        return done.posting.points, 0, False

    return _tried(now, act, entries=entry_id)


def preview_approval(*, adjustment_id: int, actor: Actor, now: datetime) -> Preview:
    """What a waiting correction does once it is approved. Raises like `approve`."""

    def act() -> tuple[int, int, bool]:
        done = corrections.approve(adjustment_id=adjustment_id, actor=actor, now=now)
        return done.posting.points if done.posting else 0, 0, False

    return _tried(now, act, adjustments=adjustment_id)


def preview_release(*, hold_id: int, actor: Actor, now: datetime) -> Preview:
    """What letting a hold go does, the debt that its points pay included. Raises like `release_by_staff`."""

    def act() -> tuple[int, int, bool]:
        hold = holds.release_by_staff(hold_id=hold_id, reason="", note="", actor=actor, now=now)
        return hold.points, 0, False

    return _tried(now, act, holds=hold_id)
