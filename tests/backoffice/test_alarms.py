"""Alarms: one per matter and period, evidence that only an acknowledgement is added to, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from backoffice import alarm_kinds
from backoffice.actors import Actor
from backoffice.choices import Reach, Role
from backoffice.errors import AlarmAboutYou, AlarmAcknowledged, NoteMissing, NotYours, OutOfReach
from backoffice.models import Alarm, AuditEvent, OutboxMessage, User
from backoffice.selectors import alarms_by_kind, open_alarms
from backoffice.services.alarms import acknowledge, raise_alarm
from tests.conftest import NOON
from tests.factories.backoffice import StoreFactory, UserFactory

pytestmark = pytest.mark.django_db
WATCH = Actor.job("watch")


def ring(key: str = "card:1:2026-06-15", **values: Any) -> Alarm:
    usual: dict[str, Any] = {
        "kind": "members.card_at_cashier",
        "subject": "card 9000000000000018",
        "facts": {"times": 6},
        "actor": WATCH,
        "now": NOON,
    }
    return raise_alarm(key=key, **(usual | values))


def see(alarm: Alarm, user: User, note: str = "查過了") -> Alarm:
    return acknowledge(alarm_id=alarm.pk, note=note, actor=Actor.staff(user), now=NOON)


class TestRaising:
    def test_one_alarm_and_one_notice_per_matter_and_period(self) -> None:
        first = ring()
        again = ring(facts={"times": 9})
        assert (again.pk, again.facts) == (first.pk, {"times": 6})
        assert ring("card:1:2026-06-16").pk != first.pk
        assert OutboxMessage.objects.filter(topic="backoffice.alarm", subject_id=first.pk).count() == 1

    def test_nobody_is_named_in_an_alarm(self) -> None:
        alarm = ring(subject="call 0912-345-678", facts={"phone": "+886912345678", "name": "王小明"})
        assert alarm.subject == "call ***678"
        assert alarm.facts == {"phone": "***678", "name": "王○明"}

    def test_a_kind_speaks_in_words_and_an_unknown_one_under_its_code(self) -> None:
        alarm_kinds.register("tests.times", title="Too often", sentence="%(times)s times")
        assert alarm_kinds.named("tests.times").told({"times": 6}) == "6 times"
        assert alarm_kinds.named("tests.times").told({}) == ""
        assert alarm_kinds.named("tests.unknown").title == "tests.unknown"
        with pytest.raises(ValueError, match="has a name"):
            alarm_kinds.register("tests.times", title="Other")

    def test_what_was_seen_cannot_be_rewritten_or_deleted(self) -> None:
        alarm = ring()
        for statement in (
            "UPDATE backoffice_alarm SET facts = '{}' WHERE id = %s",
            "UPDATE backoffice_alarm SET kind = 'harmless' WHERE id = %s",
            "DELETE FROM backoffice_alarm WHERE id = %s",
        ):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement, [alarm.pk])
        manager = UserFactory(role=Role.MANAGER)
        see(alarm, manager)
        with pytest.raises(DatabaseError), transaction.atomic():
            Alarm.objects.filter(pk=alarm.pk).update(note="anders")


class TestReach:
    def test_a_manager_sees_the_alarms_of_his_stores_and_no_other(self) -> None:
        here, elsewhere = StoreFactory(), StoreFactory()
        mine, other, house = ring("a", store_id=here.pk), ring("b", store_id=elsewhere.pk), ring("c")
        manager = UserFactory(role=Role.MANAGER, stores=[here])
        assert list(open_alarms(manager)) == [mine]
        brand = UserFactory(role=Role.MANAGER, reach=Reach.BRAND, brand=elsewhere.brand)
        assert list(open_alarms(brand)) == [other]
        assert set(open_alarms(UserFactory(role=Role.AUDITOR))) == {mine, other, house}
        with pytest.raises(OutOfReach):
            see(other, manager)
        other.refresh_from_db()
        assert other.acknowledged_at is None

    @pytest.mark.parametrize("role", [Role.CLERK, Role.SUPPORT, Role.MARKETER])
    def test_other_roles_see_none(self, role: Role) -> None:
        ring()
        assert not open_alarms(UserFactory(role=role)).exists()

    @pytest.mark.parametrize("role", [Role.CLERK, Role.FINANCE])
    def test_other_roles_acknowledge_none(self, role: Role) -> None:
        alarm = ring()
        with pytest.raises(NotYours):
            see(alarm, UserFactory(role=role))
        assert not AuditEvent.objects.filter(action="alarm.acknowledge").exists()


class TestAcknowledging:
    def test_it_is_done_once_with_a_note_and_a_trail(self) -> None:
        alarm, auditor = ring(), UserFactory(role=Role.AUDITOR)
        seen = see(alarm, auditor, "顧客 0912-345-678 來電說明")
        assert (seen.acknowledged_by, seen.note) == (auditor, "顧客 ***678 來電說明")
        assert not open_alarms(auditor).exists()
        event = AuditEvent.objects.get(action="alarm.acknowledge")
        assert (event.subject_id, event.reason) == (str(alarm.pk), seen.note)
        with pytest.raises(AlarmAcknowledged):
            see(alarm, UserFactory(role=Role.MANAGER))

    def test_an_empty_note_is_none(self) -> None:
        alarm = ring()
        with pytest.raises(NoteMissing):
            see(alarm, UserFactory(role=Role.MANAGER), "  ")

    def test_nobody_acknowledges_an_alarm_about_himself(self) -> None:
        manager = UserFactory(role=Role.MANAGER)
        alarm = ring(about_id=manager.pk)
        with pytest.raises(AlarmAboutYou):
            see(alarm, manager)
        alarm.refresh_from_db()
        assert alarm.acknowledged_at is None


def test_kinds_are_counted_for_the_metrics() -> None:
    see(ring("a"), UserFactory(role=Role.MANAGER))
    ring("b")
    assert alarms_by_kind() == [("members.card_at_cashier", 2, 1)]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_watchers_at_once_raise_one_alarm(together: Callable[..., list[Any]]) -> None:
    answers = together([ring] * 6)
    assert len({alarm.pk for alarm in answers}) == 1
    assert Alarm.objects.count() == OutboxMessage.objects.filter(topic="backoffice.alarm").count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_acknowledge_it_once(together: Callable[..., list[Any]]) -> None:
    alarm = ring()
    users = [UserFactory(role=Role.MANAGER) for _ in range(4)]
    answers = together([lambda user=user: see(alarm, user) for user in users])
    assert sum(isinstance(answer, Alarm) for answer in answers) == 1
    assert sum(isinstance(answer, AlarmAcknowledged) for answer in answers) == 3
    assert AuditEvent.objects.filter(action="alarm.acknowledge").count() == 1
