"""I50: after an erasure no table tells who it was, and the books still add up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from backoffice.actors import Actor
from backoffice.errors import Refusal
from backoffice.models import AuditEvent
from members import sockets
from members.choices import Channel
from members.errors import NoSuchCard, ReasonMissing, WrongStatus
from members.models import Consent, Member, Purchase, RetiredCard, StaffCard
from members.selectors import find_members, member_of_card, survivor
from members.services import card_numbers, profile
from members.services.disclosure import export_person
from members.services.enrolment import enrol
from members.services.erasure import erase
from members.sockets import Lifecycle, register_lifecycle
from tests.factories.backoffice import UserFactory
from tests.factories.members import ConsentFactory, MemberFactory, PurchaseFactory, StaffCardFactory

CLERK = Actor.job("tests")
PERSON = {
    "name": "歐陽無名",
    "phone": "+886911222333",
    "email": "nobody@example.com",
    "address": "忠孝東路 9 號",
    "birthday": date(1977, 7, 7),
    "external_id": "OLD-4711",
}
TRACES = ("歐陽無名", "911222333", "nobody@example.com", "忠孝東路", "1977-07-07", "OLD-4711")


@pytest.fixture
def plugged() -> Iterator[None]:
    """The sockets as they are, and again as they were."""
    before = dict(sockets._lifecycles)
    yield
    sockets._lifecycles.clear()
    sockets._lifecycles.update(before)


def dump() -> str:
    """Every value of every table of the members app and of the audit trail, as one text."""
    texts = []
    with connection.cursor() as cursor:
        for model in (*apps.get_app_config("members").get_models(), AuditEvent):
            cursor.execute(f"SELECT t::text FROM {model._meta.db_table} t")
            texts.extend(row[0] for row in cursor.fetchall())
    return "\n".join(texts)


@pytest.mark.django_db
class TestErasing:
    def test_nothing_tells_who_it_was(self, now: datetime) -> None:
        member = MemberFactory(**PERSON, enrol_key="form-9")
        old_card = member.card_no
        profile.change_profile(
            member=member, changes={"county": "臺中市"}, actor=CLERK, now=now, expected_updated_at=None
        )
        card = card_numbers.replace_card(
            member=member, expected_card_no=old_card, reason="lost", actor=CLERK, now=now
        ).card_no
        StaffCardFactory(member=member)
        ConsentFactory(member=member)
        purchase = PurchaseFactory(member=member)
        assert all(trace in dump() for trace in TRACES)

        erased = erase(member=member, reason="asked for it", actor=CLERK, now=now)

        text = dump()
        assert [trace for trace in (*TRACES, old_card, card, "form-9") if trace in text] == []
        assert (erased.status, erased.erased_at) == ("erased", now)
        assert not StaffCard.objects.exists()
        assert not RetiredCard.objects.exists()
        assert Purchase.objects.get(pk=purchase.pk).member_id == member.pk
        assert Consent.objects.filter(member=member).exists()
        event = AuditEvent.objects.get(action="member.erase")
        assert (event.reason, event.changes["status"]) == ("asked for it", ["active", "erased"])

    def test_the_history_of_others_stays(self, now: datetime) -> None:
        other = MemberFactory(name="留下來")
        erase(member=MemberFactory(), reason="x", actor=CLERK, now=now)
        assert apps.get_model("members", "MemberEvent").objects.filter(pgh_obj=other, name="留下來").exists()

    def test_who_was_absorbed_goes_too(self, now: datetime) -> None:
        survivor_row = MemberFactory()
        first = MemberFactory(status="merged", merged_into=survivor_row, **PERSON)
        second = MemberFactory(status="merged", merged_into=first, name="歐陽無名")
        erase(member=survivor_row, reason="x", actor=CLERK, now=now)
        assert not any(trace in dump() for trace in TRACES)
        for row in (first, second):
            row.refresh_from_db()
            assert (row.status, row.phone, row.name) == ("merged", "", "")
            assert survivor(row).status == "erased"

    def test_the_phone_is_free_and_the_card_leads_nowhere(self, now: datetime) -> None:
        member, user = MemberFactory(**PERSON), UserFactory()
        erase(member=member, reason="x", actor=CLERK, now=now)
        with pytest.raises(NoSuchCard):
            member_of_card(card_no=member.card_no, user=user)
        for text in ("0911222333", "歐陽無名", "OLD-4711", "333"):
            assert find_members(text=text, user=user).members == []
        again = enrol(phone=PERSON["phone"], source=Channel.APP, store=None, actor=CLERK, key="", now=now)
        assert again.pk != member.pk

    def test_refusals_write_nothing(self, now: datetime) -> None:
        member = MemberFactory()
        with pytest.raises(ReasonMissing):
            erase(member=member, reason="", actor=CLERK, now=now)
        erase(member=member, reason="x", actor=CLERK, now=now)
        with pytest.raises(WrongStatus):
            erase(member=member, reason="x", actor=CLERK, now=now)
        with pytest.raises(WrongStatus):
            erase(member=MemberFactory(merged=True), reason="x", actor=CLERK, now=now)
        assert AuditEvent.objects.filter(action="member.erase").count() == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("plugged")
class TestLifecycles:
    def test_run_in_order_and_still_see_the_person(self, now: datetime) -> None:
        seen: list[tuple[str, str]] = []

        def note(key: str) -> Any:
            def hook(*, member: Member, actor: Actor, now: datetime) -> None:
                seen.append((key, Member.objects.get(pk=member.pk).phone))

            return hook

        register_lifecycle(Lifecycle("tests.late", erase=note("late"), order=-1))
        register_lifecycle(Lifecycle("tests.early", erase=note("early"), order=-2))
        erase(member=MemberFactory(phone="+886912345678"), reason="x", actor=CLERK, now=now)
        assert seen == [("early", "+886912345678"), ("late", "+886912345678")]

    def test_a_refusal_stops_the_erasure(self, now: datetime) -> None:
        def refuse(*, member: Member, actor: Actor, now: datetime) -> None:
            raise Refusal()

        register_lifecycle(Lifecycle("tests.refuse", erase=refuse))
        member = MemberFactory()
        with pytest.raises(Refusal):
            erase(member=member, reason="x", actor=CLERK, now=now)
        assert Member.objects.get(pk=member.pk).status == "active"

    def test_a_person_gets_what_every_app_keeps(self, now: datetime) -> None:
        register_lifecycle(Lifecycle("tests.export", export=lambda member: {"of": member.pk}))
        member = MemberFactory(phone="+886912345678")
        ConsentFactory(member=member)
        person = export_person(member=member, reason="asked for it", actor=CLERK, now=now)
        assert person["phone"] == "0912-345-678"
        assert person["tests.export"] == {"of": member.pk}
        assert person["consents"][0]["purpose"] == "terms"
        assert AuditEvent.objects.get(action="member.export_person").subject_id == str(member.pk)
