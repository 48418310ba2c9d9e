"""Demo data: books that balance, by services and by sets, and only into an empty database."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config.demo import volume
from config.demo.people import KNOWN_PHONE, People
from config.demo.shop import open_shop
from members.models import Member
from members.phones import normalise_phone
from points.choices import EntryKind, HoldStatus, PendingStatus
from points.models import Account, Entry, Hold, PendingCredit
from points.services.proofs import prove

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


def seed(**options: object) -> str:
    out = StringIO()
    call_command("seed_demo", now=NOW, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def demo(settings, db):
    settings.SHUKE_DEMO = True


def test_small_shop_has_everything_and_balances_and_is_made_once(demo):
    seed(members=20, entries=650)
    kinds = set(Entry.objects.values_list("kind", flat=True))
    assert {EntryKind.EARN, EntryKind.SPEND, EntryKind.REFUND_SPEND, EntryKind.ADJUST} <= kinds
    assert {EntryKind.REVERSE_EARN, EntryKind.EXPIRE} <= kinds
    assert Hold.objects.filter(status=HoldStatus.OPEN).exists()
    assert PendingCredit.objects.filter(status=PendingStatus.OPEN).exists()
    assert prove(now=NOW).faults == 0

    # The walk-through begins here: a redemption that waits to be undone.
    known = Member.objects.get(phone=normalise_phone(KNOWN_PHONE))
    last = Entry.objects.filter(member=known, account__program__is_default=True).order_by("seq").last()
    assert last is not None
    assert (last.kind, last.points) == (EntryKind.SPEND, -200)

    before = Entry.objects.count()
    assert "nothing was made" in seed(if_empty=True)
    with pytest.raises(CommandError):
        seed()
    assert Entry.objects.count() == before


def test_volume_makes_exactly_the_entries_asked_for_and_balances(demo, monkeypatch):
    """The chunks run in this very transaction: other sessions would not see the members."""
    chunks: list[object] = []

    class Here:
        def __init__(self, workers: int) -> None: ...

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return False

        def submit(self, work, *arguments):
            chunks.append(work(*arguments))
            return self

        def result(self): ...

    monkeypatch.setattr(volume, "ThreadPoolExecutor", Here)
    monkeypatch.setattr(volume, "ACCOUNT_CHUNK", 60)
    shop = open_shop(now=NOW)
    dice = random.Random(3)
    volume.fill_up(shop, dice, NOW, members=100, entries=1_000, tell=lambda line: None)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert Account.objects.count() == 100
    assert Entry.objects.count() == 1_000
    kinds = set(Entry.objects.values_list("kind", flat=True))
    assert kinds == {EntryKind.EARN, EntryKind.IMPORT, EntryKind.SPEND, EntryKind.EXPIRE}
    assert prove(now=NOW).faults == 0


def test_people_are_drawn_by_the_seed_and_share_no_phone():
    def drawn(seed: int) -> list[str]:
        people = People(random.Random(seed))
        return [people.draw().phone for _ in range(500)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert len(set(drawn(1))) == 500
