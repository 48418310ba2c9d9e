"""Whoever changes a phone at the counter may be taking an account over: the old phone is told (T6)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from backoffice.actors import Actor
from backoffice.choices import Role
from backoffice.models import OutboxMessage
from members.models import Member
from members.services import phone_notices
from members.services.erasure import erase
from members.services.phone_numbers import change_phone
from members.services.text_messages import FakeSms
from tests.conftest import NOON
from tests.factories.backoffice import UserFactory
from tests.factories.members import MemberFactory

pytestmark = pytest.mark.django_db
OLD, NEW = "+886912000111", "+886912000222"


@pytest.fixture(autouse=True)
def _nothing_sent() -> Iterator[None]:
    FakeSms.sent.clear()
    yield
    FakeSms.sent.clear()


def changed(member: Member, phone: str = NEW, **values: Any) -> Member:
    boss = Actor.staff(UserFactory(role=Role.MANAGER))
    return change_phone(member=member, phone=phone, reason="lost", actor=boss, now=NOON, **values)


def notices() -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(topic=phone_notices.TOPIC).order_by("pk"))


def test_the_old_phone_is_told_in_the_language_of_the_house() -> None:
    member = MemberFactory(phone=OLD)
    with translation.override("en"):
        changed(member)
        [notice] = notices()
        # The outbox is kept, and names nobody.
        assert "912000" not in json.dumps(notice.payload)
        phone_notices.send(payload=notice.payload)
    [sent] = FakeSms.sent
    assert sent.phone == OLD
    with translation.override("zh-hant"):
        wanted = translation.gettext(
            "The phone of your membership was changed. If that was not you, call the store at once."
        )
    assert sent.text == wanted and "The phone" not in wanted
    phone_notices.send(payload=notice.payload | {"language": "en"})
    assert FakeSms.sent[1].text.startswith("The phone of your membership was changed.")
    assert FakeSms.sent[1].reference == sent.reference


def test_each_change_tells_the_phone_before_it() -> None:
    member = MemberFactory(phone=OLD)
    for phone in (NEW, OLD, "+886912000333"):
        changed(member, phone)
    for notice in notices():
        phone_notices.send(payload=notice.payload)
    assert [message.phone for message in FakeSms.sent] == [OLD, NEW, OLD]
    assert len({message.reference for message in FakeSms.sent}) == 3


def test_the_same_phone_once_more_tells_nobody() -> None:
    changed(MemberFactory(phone=OLD), OLD)
    assert notices() == []


def test_whoever_proved_both_phones_is_told_by_the_verb_that_compared_the_codes() -> None:
    changed(MemberFactory(phone=OLD), proven=True)
    assert notices() == []


def test_without_a_provider_nothing_waits_to_be_sent(settings: Any) -> None:
    settings.SMS_TRANSPORT = ""
    changed(MemberFactory(phone=OLD))
    assert notices() == []


def test_an_erased_member_is_not_written_to() -> None:
    member = MemberFactory(phone=OLD)
    changed(member)
    erase(member=member, reason="asked", actor=Actor.staff(UserFactory(role=Role.MANAGER)), now=NOON)
    phone_notices.send(payload=notices()[0].payload)
    assert FakeSms.sent == []
