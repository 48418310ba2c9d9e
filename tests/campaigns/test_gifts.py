"""Gifts: once for each phone and for all time, whoever comes back under which name (S16, S18, S20)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError

from backoffice.models import AuditEvent
from campaigns.models import Gift, GiftTaken
from campaigns.services import gifts
from members.models import Member
from members.services.erasure import erase
from members.services.phone_numbers import change_phone, verify_phone
from members.services.profile import change_profile
from points.explaining import sentences
from points.models import Account, Entry, Lot
from tests.conftest import NOON
from tests.factories.campaigns import GiftFactory
from tests.factories.members import MemberFactory
from tests.factories.points import TESTER, ProgramFactory

pytestmark = pytest.mark.django_db
Together = Callable[[list[Callable[[], Any]]], list[Any]]
PHONE = "+886912345678"


def verify(member: Member, **more: Any) -> None:
    verify_phone(**{"member": member, "phone": member.phone, "actor": TESTER, "now": NOON, **more})


def balance_of(member: Member) -> int:
    return sum(Account.objects.filter(member=member).values_list("balance", flat=True))


def test_the_first_verification_gives_it_with_its_deadline_and_its_why() -> None:
    gift, member = GiftFactory(points=200), MemberFactory(phone=PHONE)
    verify(member)
    taken = GiftTaken.objects.get()
    assert (taken.member_id, taken.points, balance_of(member)) == (member.pk, 200, 200)
    assert Lot.objects.get(account__member=member).expires_at is not None
    assert gift.name in sentences(Entry.objects.get(pk=taken.entry_id).explanation)[0]
    assert PHONE[4:] not in taken.phone_seal


def test_a_second_verification_gives_nothing() -> None:
    GiftFactory()
    member = MemberFactory(phone=PHONE)
    verify(member)
    verify(member)
    change_phone(member=member, phone="0987654321", reason="換號", actor=TESTER, now=NOON)
    member.refresh_from_db()
    verify(member)
    assert balance_of(member) == 200


def test_who_leaves_and_joins_again_with_the_phone_gets_no_second_one_and_it_is_on_record() -> None:
    GiftFactory()
    first = MemberFactory(phone=PHONE)
    verify(first)
    erase(member=first, reason="本人要求", actor=TESTER, now=NOON)
    again = MemberFactory(phone=PHONE)
    verify(again)
    assert balance_of(again) == 0
    refused = AuditEvent.objects.get(action="gift.refused")
    assert refused.subject_id == str(again.pk)


def test_a_renewed_gift_is_the_same_matter() -> None:
    """Next year's welcome gift is no second one for those who had this year's."""
    GiftFactory(ends_at=NOON + timedelta(days=1))
    first = MemberFactory(phone=PHONE)
    verify(first)
    erase(member=first, reason="本人要求", actor=TESTER, now=NOON)
    GiftFactory(program=Gift.objects.get().program, starts_at=NOON + timedelta(days=1))
    again = MemberFactory(phone=PHONE)
    verify(again, now=NOON + timedelta(days=2))
    assert balance_of(again) == 0


@pytest.mark.parametrize(
    "values",
    [
        {"is_active": False},
        {"starts_at": NOON + timedelta(seconds=1)},
        {"starts_at": NOON - timedelta(days=2), "ends_at": NOON},
    ],
)
def test_a_gift_that_is_off_or_not_of_now_gives_nothing(values: dict[str, Any]) -> None:
    GiftFactory(**values)
    member = MemberFactory(phone=PHONE)
    verify(member)
    assert balance_of(member) == 0
    assert not GiftTaken.objects.exists()


def test_a_frozen_member_gets_nothing() -> None:
    GiftFactory()
    member = MemberFactory(phone=PHONE, frozen=True)
    verify(member)
    assert not GiftTaken.objects.exists()


def test_an_answer_is_rewarded_once() -> None:
    GiftFactory(occasion="answer", field="birthday", points=30)
    member = MemberFactory(phone=PHONE, verified=True)

    def say(birthday: str | None) -> None:
        change_profile(
            member=member, changes={"birthday": birthday}, actor=TESTER, now=NOON, expected_updated_at=None
        )

    for birthday in ("1990-02-03", None, "1991-02-03"):
        say(birthday)
    assert balance_of(member) == 30


def test_an_answer_of_an_unverified_phone_is_not_rewarded() -> None:
    GiftFactory(occasion="answer", field="email", points=30)
    member = MemberFactory(phone=PHONE)
    change_profile(
        member=member, changes={"email": "a@b.tw"}, actor=TESTER, now=NOON, expected_updated_at=None
    )
    assert balance_of(member) == 0


def test_settings_are_kept_with_a_trail() -> None:
    gift = GiftFactory.build(program=ProgramFactory(), points=50)
    gifts.save_gift(gift=gift, actor=TESTER, now=NOON)
    gifts.save_gift(gift=gift, actor=TESTER, now=NOON)
    gift.points = 60
    gifts.save_gift(gift=gift, actor=TESTER, now=NOON)
    assert list(AuditEvent.objects.order_by("id").values_list("action", flat=True)) == [
        "gift.create",
        "gift.change",
    ]


def test_the_database_refuses_impossible_gifts_and_rewritten_history() -> None:
    for values in (
        {"points": 0},
        {"occasion": "answer", "field": ""},
        {"occasion": "welcome", "field": "name"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            GiftFactory(**values)
    GiftFactory()
    verify(MemberFactory(phone=PHONE))
    with pytest.raises(DatabaseError), transaction.atomic():
        GiftTaken.objects.update(points=1)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_one_phone_verified_by_several_members_at_once_has_one_gift(together: Together) -> None:
    """A phone may pass from member to member; here four rows of it are proven in the same instant."""
    GiftFactory()
    members = [MemberFactory(phone=f"+88691234567{n}") for n in range(4)]
    for member in members:
        member.phone = PHONE
    results = together([partial(_welcome, member) for member in members])
    assert sum(map(len, results)) == 1
    assert sum(map(balance_of, members)) == 200


def _welcome(member: Member) -> list[GiftTaken]:
    with transaction.atomic():
        return gifts.welcome(member=member, actor=TESTER, now=NOON)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_control_without_the_queue_the_second_one_runs_into_the_constraint(
    together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Barrier

    GiftFactory()
    barrier = Barrier(2, timeout=10)
    monkeypatch.setattr(gifts, "wait_for", lambda name: None)
    plain = gifts.ledger.credit

    def late(**told: Any) -> Any:
        barrier.wait()
        return plain(**told)

    monkeypatch.setattr(gifts.ledger, "credit", late)
    members = [MemberFactory(phone=f"+88691234567{n}") for n in range(2)]
    for member in members:
        member.phone = PHONE
    results = together([partial(_welcome, member) for member in members])
    assert sorted(type(result).__name__ for result in results) == ["IntegrityError", "list"]
    connection.close()
