"""Enrolling: one living member for each phone, the brand's fields, safe to repeat."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from backoffice.actors import Actor
from backoffice.errors import KeyTaken
from backoffice.models import AuditEvent, Store
from members.cards import is_valid_card_no
from members.choices import Channel, FieldNeed, ProfileField
from members.errors import FieldHidden, InvalidPhone, InvalidProfile, PhoneTaken, ProfileIncomplete
from members.models import Consent, Member
from members.selectors import completion
from members.services.consents import ConsentAnswer
from members.services.enrolment import enrol
from tests.factories.backoffice import StoreFactory
from tests.factories.members import MemberFactory, ProfileFieldRuleFactory, card_no

CLERK = Actor.job("tests")


def sign_up(store: Store, now: datetime, **changes: Any) -> Member:
    arguments: dict[str, Any] = {
        "phone": "0912-345-678",
        "name": "王小明",
        "source": Channel.STORE.value,
        "store": store,
        "actor": CLERK,
        "key": "",
        "now": now,
    }
    return enrol(**(arguments | changes))


@pytest.mark.django_db
class TestEnrolling:
    def test_a_member_with_what_was_said(self, now: datetime) -> None:
        store, other = StoreFactory(), StoreFactory()
        member = sign_up(
            store,
            now,
            name="  王　小明 ",
            email="Wang@Example.com",
            birthday=date(1990, 2, 3),
            referring_store=other,
            consents=[ConsentAnswer("terms", True, "2026-01"), ConsentAnswer("marketing_sms", False)],
        )
        member.refresh_from_db()
        assert (member.phone, member.name, member.email) == ("+886912345678", "王 小明", "wang@example.com")
        assert (member.status, member.phone_verified_at) == ("active", None)
        assert (member.joined_store, member.referring_store, member.brand) == (store, other, None)
        assert is_valid_card_no(member.card_no)
        assert list(Consent.objects.order_by("id").values_list("purpose", "given", "at")) == [
            ("terms", True, now),
            ("marketing_sms", False, now),
        ]
        event = AuditEvent.objects.get(action="member.enrol", subject_id=str(member.pk))
        assert "912345678" not in str(event.changes)
        assert "小明" not in str(event.changes)

    @pytest.mark.parametrize("status", ["active", "frozen"])
    def test_a_phone_of_the_living_is_taken(self, now: datetime, status: str) -> None:
        owner = MemberFactory(phone="+886912345678", status=status)
        with pytest.raises(PhoneTaken) as refusal:
            sign_up(StoreFactory(), now, phone="+886 912 345 678")
        assert refusal.value.member_id == owner.pk
        assert Member.objects.count() == 1

    def test_a_phone_of_a_merged_member_is_free(self, now: datetime) -> None:
        MemberFactory(merged=True, phone="+886912345678")
        assert sign_up(StoreFactory(), now).is_living

    def test_a_card_number_in_use_is_drawn_again(self, now: datetime) -> None:
        taken = MemberFactory(card_no=card_no(5))

        class Twice(random.Random):
            draws = [5, 5, 6]

            def randrange(self, *args: Any, **kwargs: Any) -> int:
                return self.draws.pop(0)

        member = sign_up(StoreFactory(), now, rng=Twice())
        assert member.card_no == card_no(6) != taken.card_no

    @pytest.mark.parametrize(
        "wrong",
        [
            {"birthday": date(1899, 12, 31)},
            {"birthday": date(2030, 1, 1)},
            {"email": "nobody"},
            {"gender": "tree"},
            {"name": "王" * 61},
        ],
    )
    def test_impossible_values_are_named(self, now: datetime, wrong: dict[str, Any]) -> None:
        with pytest.raises(InvalidProfile) as refusal:
            sign_up(StoreFactory(), now, **wrong)
        assert list(refusal.value.errors) == list(wrong)
        assert not Member.objects.exists()

    def test_an_invalid_phone_writes_nothing(self, now: datetime) -> None:
        with pytest.raises(InvalidPhone):
            sign_up(StoreFactory(), now, phone="912345678")
        assert not Member.objects.exists()


@pytest.mark.django_db
class TestTheBrandsFields:
    def test_a_required_field_is_asked_of_new_members_only(self, now: datetime) -> None:
        store = StoreFactory()
        before = sign_up(store, now)
        ProfileFieldRuleFactory(brand=store.brand, field=ProfileField.ADDRESS, need=FieldNeed.REQUIRED)
        with pytest.raises(ProfileIncomplete) as refusal:
            sign_up(store, now, phone="0987654321")
        assert list(refusal.value.errors) == ["address"]
        assert sign_up(store, now, phone="0987654321", address="中正路 1 號").pk != before.pk
        before.full_clean(exclude=["enrol_key"])

    def test_a_hidden_field_is_refused(self, now: datetime) -> None:
        store = StoreFactory()
        ProfileFieldRuleFactory(brand=store.brand, field=ProfileField.EMAIL, need=FieldNeed.HIDDEN)
        with pytest.raises(FieldHidden):
            sign_up(store, now, email="a@example.com")

    def test_the_brands_rule_stands_above_the_groups(self, now: datetime) -> None:
        store, other = StoreFactory(), StoreFactory()
        ProfileFieldRuleFactory(brand=None, field=ProfileField.BIRTHDAY, need=FieldNeed.REQUIRED)
        ProfileFieldRuleFactory(brand=store.brand, field=ProfileField.BIRTHDAY, need=FieldNeed.OPTIONAL)
        sign_up(store, now)
        with pytest.raises(ProfileIncomplete):
            sign_up(other, now, phone="0987654321")

    def test_completion_counts_what_is_asked_for(self, now: datetime) -> None:
        store = StoreFactory()
        ProfileFieldRuleFactory(brand=None, field=ProfileField.ADDRESS, need=FieldNeed.HIDDEN)
        ProfileFieldRuleFactory(brand=None, field=ProfileField.EMAIL, need=FieldNeed.REQUIRED)
        member = sign_up(store, now, email="a@example.com")
        found = completion(member)
        assert found.percent == 28  # name and e-mail of seven fields
        assert "address" not in found.missing
        Member.objects.filter(pk=member.pk).update(email="")
        member.refresh_from_db()
        assert completion(member).missing[0] == "email"


@pytest.mark.django_db
class TestTheSameRequestAgain:
    def test_answers_the_member_that_it_made(self, now: datetime) -> None:
        store = StoreFactory()
        first = sign_up(store, now, key="form-1")
        again = sign_up(store, now + timedelta(minutes=1), key="form-1")
        assert again == first
        assert again.joined_at == now
        assert AuditEvent.objects.filter(action="member.enrol").count() == 1

    def test_refuses_the_key_for_another_phone(self, now: datetime) -> None:
        store = StoreFactory()
        sign_up(store, now, key="form-1")
        with pytest.raises(KeyTaken):
            sign_up(store, now, key="form-1", phone="0987654321")


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_one_phone_at_eight_tills_is_one_member(
        self, now: datetime, together: Callable[[list[Callable[[], Any]]], list[Any]]
    ) -> None:
        store = StoreFactory()
        answers = together([lambda: sign_up(store, now) for _ in range(8)])
        made = [answer for answer in answers if isinstance(answer, Member)]
        refused = [answer for answer in answers if isinstance(answer, PhoneTaken)]
        assert (len(made), len(refused)) == (1, 7), answers
        assert {refusal.member_id for refusal in refused} == {made[0].pk}

    def test_one_request_sent_four_times_is_one_answer(
        self, now: datetime, together: Callable[[list[Callable[[], Any]]], list[Any]]
    ) -> None:
        store = StoreFactory()
        answers = together([lambda: sign_up(store, now, key="form-1") for _ in range(4)])
        assert len({member.pk for member in answers}) == 1, answers
        assert AuditEvent.objects.filter(action="member.enrol").count() == 1

    def test_control_a_look_before_the_insert_does_not_protect(
        self, now: datetime, together: Callable[[list[Callable[[], Any]]], list[Any]]
    ) -> None:
        """Two who look first both find the phone free; only the constraint tells them apart."""
        seen = []

        def look_then_enrol() -> Any:
            with transaction.atomic():
                seen.append(Member.objects.living().filter(phone="+886912345678").exists())
                barrier.wait(timeout=5)
                return sign_up(store, now)

        from threading import Barrier

        barrier = Barrier(2)
        store = StoreFactory()
        answers = together([look_then_enrol, look_then_enrol])
        assert seen == [False, False]
        assert sorted(type(answer).__name__ for answer in answers) == ["Member", "PhoneTaken"]
