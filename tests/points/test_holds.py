"""Holds have an end that the program bounds, and staff can free them (N11)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backoffice.actors import Actor
from backoffice.choices import Role
from backoffice.errors import OutOfReach
from backoffice.models import AuditEvent, OutboxMessage, User
from members.models import StaffCard
from points.errors import HoldNotOpen, HoldTooLong, KeyReused, NotAllowed, OwnCard
from points.models import Account, Hold
from points.services import holds, ledger, previews
from tests.conftest import NOON
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.members import MemberFactory
from tests.factories.points import AccountFactory, ProgramFactory, context, fresh, give, take

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def held(account: Account, points: int = 40, days: int = 2) -> int:
    return ledger.hold(
        account_id=account.pk,
        points=points,
        source=fresh("cart"),
        expires_at=NOON + days * DAY,
        context=context(),
    ).hold_id


def release(user: User, hold_id: int) -> holds.Released:
    return holds.release_by_staff(
        hold_id=hold_id, reason="other", note="the cart was left", actor=Actor.staff(user), now=NOON
    )


def boss() -> User:
    return UserFactory(role=Role.MANAGER)


def test_a_hold_ends_within_the_days_of_the_program() -> None:
    account = AccountFactory(program=ProgramFactory(max_hold_days=3))
    give(account, 100)
    with pytest.raises(HoldTooLong, match="at most 3 days"):
        held(account, days=4)
    assert not Hold.objects.exists()
    held(account, days=3)


def test_the_same_source_on_another_account_is_refused_by_name() -> None:
    mine, other = AccountFactory(), AccountFactory()
    source = fresh("cart")
    for account in (mine, other):
        give(account, 100)
    ledger.hold(account_id=mine.pk, points=10, source=source, expires_at=NOON + DAY, context=context())
    with pytest.raises(KeyReused):
        ledger.hold(account_id=other.pk, points=10, source=source, expires_at=NOON + DAY, context=context())


def test_staff_free_a_hold_with_a_trail_and_whoever_waits_is_told() -> None:
    account = AccountFactory()
    give(account, 100)
    hold_id = held(account)
    freed = release(boss(), hold_id)
    assert (freed.points, freed.balance, freed.held) == (40, 100, 0)
    assert take(account, 100).balance == 0
    event = AuditEvent.objects.get(action="points.hold.release")
    assert event.reason == "other: the cart was left"
    assert OutboxMessage.objects.get(topic="points.hold_released").payload["points"] == 40


def test_the_second_release_is_told_how_it_ended() -> None:
    account = AccountFactory()
    give(account, 100)
    hold_id = held(account)
    release(boss(), hold_id)
    with pytest.raises(HoldNotOpen, match="Released"):
        release(boss(), hold_id)
    assert AuditEvent.objects.filter(action="points.hold.release").count() == 1


def test_the_preview_shows_the_debt_that_the_freed_points_pay_and_writes_nothing() -> None:
    account = AccountFactory()
    earned = give(account, 100)
    take(account, 60)
    hold_id = held(account, 40)
    ledger.reverse_credit(entry_id=earned.entry_id or 0, points=100, source=fresh(), context=context())
    account.refresh_from_db()
    assert (account.balance, account.held, account.debt) == (40, 40, 100)
    seen = previews.preview_release(hold_id=hold_id, actor=Actor.staff(boss()), now=NOON)
    assert (seen.held_before, seen.held_after, seen.debt_after, seen.balance_after) == (40, 0, 60, 0)
    account.refresh_from_db()
    assert (account.held, account.debt) == (40, 100)
    assert (
        not AuditEvent.objects.exists()
        and not OutboxMessage.objects.filter(topic="points.hold_released").exists()
    )


def test_who_may_not() -> None:
    account = AccountFactory()
    give(account, 100)
    hold_id = held(account)
    for role in (Role.CLERK, Role.MARKETER, Role.FINANCE, Role.AUDITOR, Role.ADMINISTRATOR):
        with pytest.raises(NotAllowed):
            release(UserFactory(role=role), hold_id)
    own = boss()
    StaffCard.objects.create(user=own, member=account.member)
    with pytest.raises(OwnCard):
        release(own, hold_id)
    theirs = AccountFactory(member=MemberFactory(brand=BrandFactory()))
    give(theirs, 100)
    elsewhere = UserFactory(role=Role.MANAGER, stores=[StoreFactory()])
    with pytest.raises(OutOfReach):
        release(elsewhere, held(theirs))
    with pytest.raises(OutOfReach):
        release(boss(), 999_999_999)
    assert Hold.objects.get(pk=hold_id).status == "open"
