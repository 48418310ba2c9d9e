"""What staff did by hand, ranked: the planted clerk and the planted pair come first (T16-T18)."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from backoffice.actors import Actor
from backoffice.choices import Reach, Role
from backoffice.models import User
from backoffice.selectors import staff_of
from points.models import Account, Adjustment
from points.reporting import staff
from points.services import corrections, ledger
from tests.conftest import NOON
from tests.factories.backoffice import StoreFactory, UserFactory
from tests.factories.points import AccountFactory, context, fresh, give, take

pytestmark = pytest.mark.django_db
KEYS = itertools.count(1)
SPAN: dict[str, Any] = {"start": NOON - timedelta(days=30), "end": NOON + timedelta(days=1)}


def correction(
    clerk: User, points: int, *, by: User | None = None, account: Account | None = None, **values: Any
) -> None:
    """A correction as it stands in the books once it is applied."""
    usual: dict[str, Any] = {
        "created_at": NOON,
        "applied_at": NOON,
        "status": "applied",
        "reason": "goodwill",
    }
    Adjustment.objects.create(
        account=account or AccountFactory(), points=points, requested_by=clerk, approved_by=by,
        needs_approval=by is not None, key=f"planted-{next(KEYS)}", **(usual | values),
    )  # fmt: skip


def test_who_gives_most_comes_first_with_what_was_above_the_limits() -> None:
    honest, generous, chief = UserFactory(name="老實"), UserFactory(name="大方"), UserFactory()
    friend = AccountFactory()
    for points in (50, -30):
        correction(honest, points)
    for points in (900, 900):
        correction(generous, points, account=friend)
    correction(generous, 2_000, by=chief)
    auditor = UserFactory(role=Role.AUDITOR)
    first, second = staff.grants_by_clerk(user=auditor, **SPAN)
    assert (first.name, first.corrections, first.given, first.taken) == ("大方", 3, 3_800, 0)
    assert (first.largest, first.above, f"{first.share_above:.1f}", first.receivers) == (2_000, 1, "33.3", 2)
    assert (second.name, second.given, second.taken, second.above) == ("老實", 50, 30, 0)
    receivers = staff.top_receivers(user=auditor, **SPAN)
    assert [one.given for one in receivers] == [2_000, 1_800, 50]
    assert (receivers[1].card_no, receivers[1].corrections) == (friend.member.card_no, 2)
    assert round(receivers[1].share) == 47


def test_redemptions_undone_by_hand_are_counted_by_person() -> None:
    """What a return of goods gives back is no act of the clerk's own judgement, and does not count."""
    busy, calm = UserFactory(name="常撤", role=Role.SUPPORT), UserFactory(name="少撤", role=Role.SUPPORT)
    account = AccountFactory()
    give(account, 1_000)
    for clerk, points in ((busy, 300), (busy, 200), (calm, 100)):
        spent = take(account, points)
        corrections.undo_entry(
            entry_id=spent.entry_id, points=points, reason="wrong_redemption", note="誤兌換",
            key=f"undo-{next(KEYS)}", actor=Actor.staff(clerk), now=NOON,
        )  # fmt: skip
    returned = take(account, 50)
    ledger.refund_spend(entry_id=returned.entry_id, points=50, source=fresh(), context=context())
    found = staff.undos_by_clerk(user=UserFactory(role=Role.AUDITOR), **SPAN)
    assert [(one.name, one.undone, one.points, one.largest, one.members) for one in found] == [
        ("常撤", 2, 500, 300, 1),
        ("少撤", 1, 100, 100, 1),
    ]
    nobody = UserFactory(reach=Reach.STORES, stores=[StoreFactory()])
    assert staff.undos_by_clerk(user=nobody, **SPAN) == []


def test_only_applied_ones_of_the_period_count_and_none_of_the_system() -> None:
    clerk, auditor = UserFactory(), UserFactory(role=Role.AUDITOR)
    correction(clerk, 5, applied_at=SPAN["start"] - timedelta(microseconds=1))
    correction(clerk, 5, applied_at=SPAN["end"])
    correction(clerk, 5, status="pending", applied_at=None)
    Adjustment.objects.create(
        account=AccountFactory(), points=5, key="system", status="applied", created_at=NOON, applied_at=NOON
    )
    assert staff.grants_by_clerk(user=auditor, **SPAN) == []
    correction(clerk, 5, applied_at=SPAN["start"])
    assert [one.corrections for one in staff.grants_by_clerk(user=auditor, **SPAN)] == [1]


def test_two_who_approve_each_other_come_before_a_busy_chief() -> None:
    chief, clerk = UserFactory(name="主管"), UserFactory(name="店員")
    one, other = UserFactory(name="甲"), UserFactory(name="乙")
    for _ in range(9):
        correction(clerk, 2_000, by=chief)
    for _ in range(3):
        correction(one, 1_100, by=other)
        correction(other, -1_100, by=one)
    first, second = staff.approving_pairs(user=UserFactory(role=Role.AUDITOR), **SPAN)
    assert {first.first, first.second} == {"甲", "乙"}
    assert (first.mutual, first.first_by_second, first.second_by_first, first.points) == (3, 3, 3, 6_600)
    assert second.mutual == 0


def test_a_manager_sees_the_people_of_his_stores_only() -> None:
    here, there = StoreFactory(), StoreFactory()
    mine, other = UserFactory(stores=[here]), UserFactory(stores=[there])
    manager = UserFactory(role=Role.MANAGER, stores=[here])
    correction(mine, 10, by=manager)
    correction(other, 20, by=UserFactory(stores=[there]))
    assert set(staff_of(manager)) == {mine, manager}
    assert [one.user_id for one in staff.grants_by_clerk(user=manager, **SPAN)] == [mine.pk]
    assert [pair.points for pair in staff.approving_pairs(user=manager, **SPAN)] == [10]
    brand = UserFactory(role=Role.MANAGER, reach=Reach.BRAND, brand=there.brand)
    assert [one.user_id for one in staff.grants_by_clerk(user=brand, **SPAN)] == [other.pk]
    lost = UserFactory(role=Role.MANAGER, stores=[])
    assert not staff_of(lost).exists()
    mine.is_active = False
    assert not staff_of(mine).exists()
