"""Blocking what an account may spend: with a reason, by whom it concerns, never twice."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.actors import Actor
from backoffice.choices import Role
from backoffice.errors import OutOfReach
from backoffice.models import AuditEvent
from members.errors import ChangedMeanwhile, ReasonMissing
from members.models import StaffCard
from points.errors import NotAllowed, OwnCard, SpendingBlocked
from points.models import Account
from points.services.blocking import set_spend_block
from tests.conftest import NOON
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.points import AccountFactory, give, take

pytestmark = pytest.mark.django_db


def block(account: Account, user: Any, *, blocked: bool = True, reason: str = "疑似盜用") -> Account:
    return set_spend_block(
        account_id=account.pk, blocked=blocked, reason=reason, actor=Actor.staff(user), now=NOON
    )


def test_a_blocked_account_collects_and_does_not_spend_until_it_is_unblocked() -> None:
    account, manager = AccountFactory(), UserFactory(role=Role.MANAGER)
    give(account, 100)
    block(account, manager)
    give(account, 5)
    with pytest.raises(SpendingBlocked):
        take(account, 10)
    block(account, manager, blocked=False)
    take(account, 10)
    account.refresh_from_db()
    assert account.balance == 95
    actions = AuditEvent.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["points.spending.block", "points.spending.unblock"]


def test_the_second_click_hears_that_it_was_done() -> None:
    account, manager = AccountFactory(), UserFactory(role=Role.MANAGER)
    block(account, manager)
    with pytest.raises(ChangedMeanwhile):
        block(account, manager)
    assert AuditEvent.objects.count() == 1


def test_refusals_write_nothing() -> None:
    account = AccountFactory()
    manager, clerk = UserFactory(role=Role.MANAGER), UserFactory(role=Role.CLERK)
    stranger = UserFactory(role=Role.MANAGER, stores=[StoreFactory()])
    far = AccountFactory(program=account.program, member__brand=BrandFactory())
    StaffCard.objects.create(user=manager, member=AccountFactory(program=account.program).member)
    own = Account.objects.get(member__staff_cards__user=manager)
    for target, user, refusal in (
        (account, clerk, NotAllowed), (far, stranger, OutOfReach), (own, manager, OwnCard),
    ):  # fmt: skip
        with pytest.raises(refusal):
            block(target, user)
    with pytest.raises(ReasonMissing):
        block(account, manager, reason=" ")
    assert not Account.objects.filter(spend_blocked=True).exists()
    assert not AuditEvent.objects.exists()
