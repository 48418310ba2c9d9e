"""I18 against a slow, plain replay: histories that used the oldest lots first, judged by the other order."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import pytest

from points.choices import UseOrder
from points.models import Entry, HoldLot, Lot, LotExtension, LotUse, Program
from points.services.proofs import prove
from tests.points.acts import History

NEVER = datetime.max.replace(tzinfo=UTC)


def deadline(lot: Lot, at: datetime, moves: dict[int, list[LotExtension]]) -> datetime:
    """As it was then: what the first move after `at` moved it from."""
    later = [move for move in moves[lot.pk] if move.at > at]
    return later[0].expires_from if later else (lot.expires_at or NEVER)


def passed_over() -> set[str]:
    """Entries that used a lot while an earlier-expiring one had free points."""
    lots = {lot.pk: lot for lot in Lot.objects.select_related("entry")}
    uses = list(LotUse.objects.select_related("entry"))
    moves: dict[int, list[LotExtension]] = defaultdict(list)
    for move in LotExtension.objects.order_by("at", "id"):
        moves[move.lot_id].append(move)
    names = list(HoldLot.objects.select_related("hold"))
    found = set()
    for spend in Entry.objects.filter(kind="spend", hold=None):
        at = spend.created_at
        taken = [use.lot_id for use in uses if use.entry_id == spend.pk and use.points > 0]
        latest = max(deadline(lots[lot], at, moves) for lot in taken)
        for lot in lots.values():
            ends = deadline(lot, at, moves)
            if lot.account_id != spend.account_id or lot.entry.seq > spend.seq or not at < ends < latest:
                continue
            gone = sum(use.points for use in uses if use.lot_id == lot.pk and use.entry.seq <= spend.seq)
            held = sum(
                name.points
                for name in names
                if name.lot_id == lot.pk
                and name.hold.created_at <= at
                and (name.hold.settled_at is None or name.hold.settled_at >= at)
            )
            if lot.original - gone > held:
                found.add(f"entry {spend.pk}")
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_the_query_finds_what_the_slow_replay_finds(seed: int) -> None:
    history = History(seed, UseOrder.OLDEST_FIRST)
    for _act in range(200):
        history.act()
    Program.objects.update(order_of_use=UseOrder.EXPIRING_FIRST)

    check = prove(now=history.at, only=["I18"]).checks[0]
    expected = passed_over()
    assert {offender.subject for offender in check.offenders} == expected
    assert expected or history.sliding
