"""Requests and jobs run under a database role that owns nothing and may not write the ledger's tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from backoffice.actors import Actor
from campaigns.models import Award
from campaigns.services.bulk_settlement import settle_many
from campaigns.services.confirming import confirm_due
from points.models import Entry, PendingCredit
from tests.factories.backoffice import StoreFactory
from tests.factories.campaigns import NOON, TILL, bring_back, receipt, settle
from tests.factories.members import MemberFactory
from tests.factories.points import ProgramFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_application() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE shuke_app")
        yield
        cursor.execute("RESET ROLE")


def test_the_application_s_role_settles_returns_and_confirms(as_application: None) -> None:
    ProgramFactory()
    ProgramFactory(earn_amount=50, carry_over=True)
    ProgramFactory(pending_days=1)
    store, member = StoreFactory(), MemberFactory()
    first = settle(store, member, "130").purchase_id
    settle_many([receipt(store, member, "70"), receipt(store, MemberFactory(), "5")], actor=TILL, now=NOON)
    bring_back(first, "100")
    assert confirm_due(actor=Actor.job("test"), now=NOON + timedelta(days=9)) == 3
    bring_back(first, "30")
    kept = {award.points - award.returned for award in Award.objects.filter(purchase=first)}
    assert kept == {0}
    assert Entry.objects.exists()


def test_the_application_s_role_cannot_write_waiting_points(as_application: None) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        PendingCredit.objects.update(points=1)
