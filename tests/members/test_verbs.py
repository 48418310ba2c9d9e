"""The desk's verbs on a member: the rule, the refusal that writes nothing, the second click."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from backoffice.actors import Actor
from backoffice.models import AuditEvent
from members.cards import is_valid_card_no
from members.choices import Channel, ConsentPurpose
from members.errors import (
    CardReplaced,
    ChangedMeanwhile,
    InvalidPhone,
    InvalidProfile,
    PhoneChanged,
    PhoneTaken,
    ReasonMissing,
    ReferringStoreLocked,
    WrongStatus,
)
from members.models import Consent, Member
from members.selectors import has_consent, latest_consent, latest_consents, member_of_card
from members.services import card_numbers, consents, disclosure, phone_numbers, profile, standing
from tests.factories.backoffice import StoreFactory, UserFactory
from tests.factories.members import MemberFactory

CLERK = Actor.job("tests")
SMS = ConsentPurpose.MARKETING_SMS.value


def change(member: Member, now: datetime, seen: datetime | None = None, **changes: Any) -> Member:
    return profile.change_profile(
        member=member, changes=changes, actor=CLERK, now=now, expected_updated_at=seen
    )


@pytest.mark.django_db
class TestProfile:
    def test_old_and_new_go_into_the_trail_masked_and_into_history_whole(self, now: datetime) -> None:
        member = MemberFactory(name="王小明", county="臺北市")
        change(member, now, name="王大明", county="臺中市", birthday=date(1990, 2, 3))
        member.refresh_from_db()
        assert (member.name, member.county, member.birthday) == ("王大明", "臺中市", date(1990, 2, 3))
        assert member.updated_at == now
        event = AuditEvent.objects.get(action="member.change_profile")
        assert event.changes["county"] == ["臺北市", "臺中市"]
        assert event.changes["name"] == ["王○明", "王○明"]
        assert "1990" not in str(event.changes)
        names = apps.get_model("members", "MemberEvent").objects.filter(pgh_obj=member).order_by("pgh_id")
        assert list(names.values_list("name", flat=True)) == ["王小明", "王大明"]

    def test_what_stays_the_same_is_not_written(self, now: datetime) -> None:
        member = MemberFactory()
        change(member, now, name=member.name)
        assert not AuditEvent.objects.exists()
        assert Member.objects.get(pk=member.pk).updated_at == member.updated_at

    def test_a_stale_form_is_refused(self, now: datetime) -> None:
        member = MemberFactory()
        seen = member.updated_at
        change(member, now, seen, name="王大明")
        with pytest.raises(ChangedMeanwhile):
            change(member, now + timedelta(seconds=1), seen, county="臺中市")
        assert Member.objects.get(pk=member.pk).county == ""

    def test_only_profile_fields_go_through(self, now: datetime) -> None:
        with pytest.raises(TypeError):
            change(MemberFactory(), now, status="frozen")
        with pytest.raises(InvalidProfile):
            change(MemberFactory(), now, email="nobody")

    @pytest.mark.parametrize("trait", ["erased", "merged"])
    def test_only_the_living_change(self, now: datetime, trait: str) -> None:
        with pytest.raises(WrongStatus):
            change(MemberFactory(**{trait: True}), now, county="臺中市")

    def test_a_locked_referring_store_stays(self, now: datetime) -> None:
        first, second = StoreFactory(), StoreFactory()
        member = MemberFactory(referring_store=first)
        profile.lock_referring_store(member=member, actor=CLERK, now=now)
        profile.lock_referring_store(member=member, actor=CLERK, now=now)
        assert AuditEvent.objects.filter(action="member.lock_referring_store").count() == 1
        with pytest.raises(ReferringStoreLocked):
            change(member, now, referring_store=second)
        change(member, now, referring_store=first, county="臺中市")
        assert Member.objects.get(pk=member.pk).referring_store == first


@pytest.mark.django_db
class TestPhone:
    def test_proof_is_stamped_once(self, now: datetime) -> None:
        member = MemberFactory(phone="+886912345678")
        for minute in (0, 5):
            at = now + timedelta(minutes=minute)
            phone_numbers.verify_phone(member=member, phone="0912345678", actor=CLERK, now=at)
        assert Member.objects.get(pk=member.pk).phone_verified_at == now
        assert AuditEvent.objects.filter(action="member.verify_phone").count() == 1

    def test_a_proof_for_the_old_phone_is_worth_nothing(self, now: datetime) -> None:
        member = MemberFactory(phone="+886912345678", verified=True)
        phone_numbers.change_phone(
            member=member, phone="0987654321", reason="new number", actor=CLERK, now=now
        )
        with pytest.raises(PhoneChanged):
            phone_numbers.verify_phone(member=member, phone="0912345678", actor=CLERK, now=now)
        member.refresh_from_db()
        assert (member.phone, member.phone_verified_at) == ("+886987654321", None)
        event = AuditEvent.objects.get(action="member.change_phone")
        assert "987654321" not in str(event.changes)

    def test_the_same_phone_changes_nothing(self, now: datetime) -> None:
        member = MemberFactory(phone="+886912345678", verified=True)
        phone_numbers.change_phone(member=member, phone="0912345678", reason="x", actor=CLERK, now=now)
        assert Member.objects.get(pk=member.pk).phone_verified_at is not None
        assert not AuditEvent.objects.exists()

    def test_refusals(self, now: datetime) -> None:
        owner, member = MemberFactory(), MemberFactory()
        for phone, reason, refusal in (
            (owner.phone, "x", PhoneTaken),
            ("abc", "x", InvalidPhone),
            ("0912345678", " ", ReasonMissing),
        ):
            with pytest.raises(refusal):
                phone_numbers.change_phone(member=member, phone=phone, reason=reason, actor=CLERK, now=now)
        assert Member.objects.get(pk=member.pk).phone == member.phone


@pytest.mark.django_db
class TestStanding:
    def test_there_and_back(self, now: datetime) -> None:
        member = MemberFactory()
        standing.freeze(member=member, reason="lost phone", actor=CLERK, now=now)
        assert Member.objects.get(pk=member.pk).status == "frozen"
        with pytest.raises(WrongStatus):
            standing.freeze(member=member, reason="again", actor=CLERK, now=now)
        standing.unfreeze(member=member, reason="found", actor=CLERK, now=now)
        assert Member.objects.get(pk=member.pk).status == "active"
        events = AuditEvent.objects.order_by("id").values_list("action", "reason")
        assert list(events) == [("member.freeze", "lost phone"), ("member.unfreeze", "found")]

    def test_a_reason_is_asked_for(self, now: datetime) -> None:
        member = MemberFactory()
        with pytest.raises(ReasonMissing):
            standing.freeze(member=member, reason="  ", actor=CLERK, now=now)
        assert Member.objects.get(pk=member.pk).status == "active"


def replace(member: Member, now: datetime, seen: str | None = None) -> Member:
    return card_numbers.replace_card(
        member=member,
        expected_card_no=seen or member.card_no,
        reason="lost",
        actor=CLERK,
        now=now,
        rng=random.Random(7),
    )


@pytest.mark.django_db
class TestCard:
    def test_the_old_number_is_dead_at_once(self, now: datetime) -> None:
        member, user = MemberFactory(), UserFactory()
        old = member.card_no
        new = replace(member, now).card_no
        assert new != old
        assert is_valid_card_no(new)
        with pytest.raises(CardReplaced):
            member_of_card(card_no=old, user=user)
        assert member_of_card(card_no=new, user=user) == member
        event = AuditEvent.objects.get(action="member.replace_card")
        assert old not in str(event.changes)
        assert new not in str(event.changes)

    def test_a_second_click_does_not_kill_the_new_card(self, now: datetime) -> None:
        member = MemberFactory()
        new = replace(member, now).card_no
        with pytest.raises(ChangedMeanwhile):
            replace(member, now, seen=member.card_no)
        assert Member.objects.get(pk=member.pk).card_no == new


@pytest.mark.django_db
class TestConsents:
    def give(self, member: Member, now: datetime, version: str = "v1") -> Consent:
        return consents.give(
            member=member, purpose=SMS, version=version, source=Channel.STORE, actor=CLERK, now=now
        )

    def withdraw(self, member: Member, now: datetime) -> Consent:
        return consents.withdraw(member=member, purpose=SMS, source=Channel.APP, actor=CLERK, now=now)

    def test_the_latest_answer_counts(self, now: datetime) -> None:
        member = MemberFactory()
        assert latest_consent(member, SMS) is None
        assert not has_consent(member, SMS)
        self.give(member, now)
        assert has_consent(member, SMS)
        self.withdraw(member, now + timedelta(days=1))
        assert not has_consent(member, SMS)
        self.give(member, now + timedelta(days=2), "v2")
        assert latest_consents(member)[SMS].version == "v2"
        assert Consent.objects.count() == 3

    def test_the_same_answer_again_is_the_same_row(self, now: datetime) -> None:
        member = MemberFactory()
        assert self.give(member, now) == self.give(member, now + timedelta(seconds=1))
        assert self.withdraw(member, now) == self.withdraw(member, now)
        assert AuditEvent.objects.count() == 2

    def test_the_database_refuses_to_change_one(self, now: datetime) -> None:
        consent = self.give(MemberFactory(), now)
        for verb in ("UPDATE members_consent SET given = false", "DELETE FROM members_consent"):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"{verb} WHERE id = %s", [consent.pk])

    def test_the_erased_are_not_asked(self, now: datetime) -> None:
        with pytest.raises(WrongStatus):
            self.give(MemberFactory(erased=True), now)


@pytest.mark.django_db
class TestDisclosure:
    def test_a_look_leaves_a_trace(self, now: datetime) -> None:
        member = MemberFactory(phone="+886912345678", birthday=date(1990, 2, 3))
        shown = disclosure.reveal(
            member=member, fields=["phone", "birthday"], reason="call back", actor=CLERK, now=now
        )
        assert shown == {"phone": "0912-345-678", "birthday": "1990-02-03"}
        event = AuditEvent.objects.get(action="member.reveal")
        told = {"fields": ["birthday", "phone"], "purpose": "other"}
        assert (event.changes, event.reason) == (told, "call back")

    def test_no_purpose_no_look(self, now: datetime) -> None:
        with pytest.raises(ReasonMissing):
            disclosure.reveal(member=MemberFactory(), fields=["phone"], reason="", actor=CLERK, now=now)
        with pytest.raises(ValueError, match="reveal"):
            disclosure.reveal(member=MemberFactory(), fields=["status"], reason="x", actor=CLERK, now=now)
        assert not AuditEvent.objects.exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_clerks_edit_one_form(
    now: datetime, together: Callable[[list[Callable[[], Any]]], list[Any]]
) -> None:
    """Both looked at the same version: one is stored, the other has to look again."""
    member = MemberFactory()
    seen = member.updated_at
    answers = together(
        [
            lambda: change(member, now, seen, county="臺中市"),
            lambda: change(member, now + timedelta(seconds=1), seen, county="高雄市"),
        ]
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["ChangedMeanwhile", "Member"]
    assert AuditEvent.objects.filter(action="member.change_profile").count() == 1
