"""Staff notes that nobody edits, looks that are counted, and answers on paper that carry their own date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from backoffice.actors import Actor
from backoffice.models import Alarm, AuditEvent
from members.choices import Channel, ConsentPurpose, NoteKind, UnmaskPurpose
from members.errors import (
    NoteAlreadyStruck,
    NoteEmpty,
    ReasonMissing,
    SignedInFuture,
    TooManyUnmaskings,
    WrongStatus,
)
from members.models import Consent, LookCount, MemberNote
from members.policy import PAGES_PER_HOUR, UNMASKINGS_PER_HOUR
from members.selectors import latest_consent
from members.services import consents, disclosure, looks, notes
from members.services.enrolment import enrol
from members.services.erasure import erase
from tests.factories.backoffice import UserFactory
from tests.factories.members import MemberFactory, MemberNoteFactory

TESTER = Actor.job("tests")
SMS = ConsentPurpose.MARKETING_SMS.value


@pytest.mark.django_db
class TestNotes:
    def test_a_note_names_its_author_and_holds_no_phone(self, now: datetime) -> None:
        member, clerk = MemberFactory(), UserFactory()
        note = notes.add_note(
            member=member,
            text="  改打 0912-345-678\n或寫信 wang@example.com ",
            kind=NoteKind.REQUEST.value,
            actor=Actor.staff(clerk),
            now=now,
        )
        assert (note.author, note.kind, note.at) == (clerk, "request", now)
        assert note.text == "改打 ***678\n或寫信 w***@example.com"
        event = AuditEvent.objects.get(action="note.add")
        # The trail is for ever: what the note says stays out of it.
        assert "打" not in str(event.changes)

    def test_an_empty_note_and_one_about_the_gone_are_refused(self, now: datetime) -> None:
        with pytest.raises(NoteEmpty):
            notes.add_note(member=MemberFactory(), text=" \u202e ", actor=TESTER, now=now)
        with pytest.raises(WrongStatus):
            notes.add_note(member=MemberFactory(erased=True), text="x", actor=TESTER, now=now)
        with pytest.raises(ValueError, match="struck"):
            notes.add_note(member=MemberFactory(), text="x", kind="struck", actor=TESTER, now=now)
        assert not MemberNote.objects.exists() and not AuditEvent.objects.exists()

    def test_a_note_is_struck_once_and_stays(self, now: datetime) -> None:
        note = MemberNoteFactory()
        with pytest.raises(ReasonMissing):
            notes.strike_note(note=note, reason=" ", actor=TESTER, now=now)
        struck = notes.strike_note(note=note, reason="寫錯人", actor=TESTER, now=now)
        assert (struck.strikes, struck.kind, struck.text) == (note, "struck", "寫錯人")
        with pytest.raises(NoteAlreadyStruck):
            notes.strike_note(note=note, reason="again", actor=TESTER, now=now)
        with pytest.raises(NoteAlreadyStruck):
            notes.strike_note(note=struck, reason="the strike", actor=TESTER, now=now)
        assert MemberNote.objects.count() == 2

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE members_membernote SET text = 'other'",
            "UPDATE members_membernote SET text = '', at = now()",
            "DELETE FROM members_membernote",
            "TRUNCATE members_membernote",
        ],
    )
    def test_the_database_refuses_an_edit(self, statement: str) -> None:
        note = MemberNoteFactory()
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
        assert MemberNote.objects.get().text == note.text

    def test_an_erasure_takes_the_words_out(self, now: datetime) -> None:
        note = MemberNoteFactory(text="王小明先生不要來電")
        erase(member=note.member, reason="要求刪除", actor=TESTER, now=now)
        note.refresh_from_db()
        assert (note.text, note.at) == ("", note.at)

    def test_the_person_gets_his_notes(self, now: datetime) -> None:
        note = MemberNoteFactory()
        person = disclosure.export_person(member=note.member, reason="查詢", actor=TESTER, now=now)
        assert [row["text"] for row in person["notes"]] == [note.text]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_who_strike_one_note_leave_one_row(
    together: Callable[[list[Callable[[], Any]]], list[Any]], now: datetime
) -> None:
    note = MemberNoteFactory()
    answers = together(
        [lambda: notes.strike_note(note=note, reason="寫錯", actor=TESTER, now=now) for _ in range(4)]
    )
    assert sum(isinstance(answer, MemberNote) for answer in answers) == 1
    assert sum(isinstance(answer, NoteAlreadyStruck) for answer in answers) == 3
    assert MemberNote.objects.filter(strikes=note).count() == 1


def reveal(user: Any, now: datetime, **values: Any) -> dict[str, str]:
    member = values.pop("member", None) or MemberFactory(name="王小明", phone="+886912345678")
    asked = {"fields": ["name", "phone"], "reason": "回電", "purpose": UnmaskPurpose.CONTACT.value} | values
    return disclosure.reveal(member=member, actor=Actor.staff(user), now=now, **asked)


@pytest.mark.django_db
class TestLooks:
    def test_an_unmasking_is_written_down_with_its_purpose(self, now: datetime) -> None:
        user = UserFactory()
        assert reveal(user, now) == {"name": "王小明", "phone": "0912-345-678"}
        event = AuditEvent.objects.get(action="member.reveal")
        assert event.changes == {"fields": ["name", "phone"], "purpose": "contact"}
        assert event.reason == "回電"
        assert LookCount.objects.get(user=user).unmaskings == 1

    def test_the_last_one_of_the_hour_passes_and_the_next_is_refused_with_an_alarm(
        self, now: datetime
    ) -> None:
        user = UserFactory()
        member = MemberFactory()
        count = LookCount.objects.create(
            user=user, hour=looks.hour_of(now), unmaskings=UNMASKINGS_PER_HOUR - 1
        )
        reveal(user, now, member=member)
        assert not Alarm.objects.exists()
        for _again in range(2):
            with pytest.raises(TooManyUnmaskings):
                reveal(user, now, member=member)
        count.refresh_from_db()
        assert count.unmaskings == UNMASKINGS_PER_HOUR
        assert AuditEvent.objects.filter(action="member.reveal").count() == 1
        alarm = Alarm.objects.get()
        assert (alarm.kind, alarm.about_id, alarm.facts) == (
            looks.UNMASKINGS_ALARM,
            user.pk,
            {"unmaskings": 60},
        )

    def test_the_next_hour_and_another_person_start_at_nothing(self, now: datetime) -> None:
        user = UserFactory()
        LookCount.objects.create(user=user, hour=looks.hour_of(now), unmaskings=UNMASKINGS_PER_HOUR)
        assert reveal(user, now + timedelta(hours=1))
        assert reveal(UserFactory(), now, member=MemberFactory())

    def test_two_hundred_pages_within_an_hour_raise_one_alarm(self, now: datetime) -> None:
        actor = Actor.staff(UserFactory())
        for number in range(1, PAGES_PER_HOUR + 3):
            assert looks.count_page(actor=actor, now=now) == number
            assert Alarm.objects.count() == (number >= PAGES_PER_HOUR)
        assert Alarm.objects.get().kind == looks.PAGES_ALARM

    def test_the_house_itself_is_not_counted(self, now: datetime) -> None:
        assert looks.count_page(actor=TESTER, now=now) == 0
        assert not LookCount.objects.exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_browsers_cannot_both_be_the_last_one(
    together: Callable[[list[Callable[[], Any]]], list[Any]], now: datetime
) -> None:
    user, member = UserFactory(), MemberFactory()
    LookCount.objects.create(user=user, hour=looks.hour_of(now), unmaskings=UNMASKINGS_PER_HOUR - 2)
    answers = together([lambda: reveal(user, now, member=member) for _ in range(6)])
    assert sum(isinstance(answer, dict) for answer in answers) == 2
    assert sum(isinstance(answer, TooManyUnmaskings) for answer in answers) == 4
    assert LookCount.objects.get().unmaskings == UNMASKINGS_PER_HOUR
    # The alarm outlives the refusal.
    assert Alarm.objects.count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_count_that_reads_first_lets_too_many_through(
    together: Callable[[list[Callable[[], Any]]], list[Any]], now: datetime
) -> None:
    """The control of the race above: read, compare, write."""
    user = UserFactory()
    row = LookCount.objects.create(user=user, hour=looks.hour_of(now), unmaskings=UNMASKINGS_PER_HOUR - 1)
    from threading import Barrier

    read = Barrier(2)

    def careless() -> bool:
        seen = LookCount.objects.get(pk=row.pk).unmaskings
        read.wait(timeout=10)
        if seen >= UNMASKINGS_PER_HOUR:
            return False
        LookCount.objects.filter(pk=row.pk).update(unmaskings=seen + 1)
        return True

    assert together([careless, careless]) == [True, True]


@pytest.mark.django_db
class TestPaper:
    def test_an_answer_on_paper_counts_from_its_own_day(self, now: datetime) -> None:
        member = enrol(
            phone="0912345678",
            source=Channel.PAPER.value,
            store=None,
            consents=[consents.ConsentAnswer(SMS, True, "2026-01", date(2026, 6, 1))],
            note="字跡不清 0912-345-678",
            actor=TESTER,
            key="paper-1",
            now=now,
        )
        consent = Consent.objects.get(member=member)
        assert consent.at.isoformat() == "2026-05-31T16:00:00+00:00"
        assert (consent.source, consent.version) == ("paper", "2026-01")
        assert member.phone_verified_at is None
        assert MemberNote.objects.get(member=member).text == "字跡不清 ***678"

    def test_a_form_of_tomorrow_enrols_nobody(self, now: datetime) -> None:
        from members.models import Member

        with pytest.raises(SignedInFuture):
            enrol(
                phone="0912345678",
                source=Channel.PAPER.value,
                store=None,
                consents=[consents.ConsentAnswer(SMS, True, "", date(2026, 6, 16))],
                actor=TESTER,
                key="paper-2",
                now=now,
            )
        assert not Member.objects.exists()

    def test_an_older_paper_does_not_overrule_a_newer_no(self, now: datetime) -> None:
        member = MemberFactory()
        consents.withdraw(member=member, purpose=SMS, source=Channel.APP.value, actor=TESTER, now=now)
        consents.give(
            member=member,
            purpose=SMS,
            version="",
            source=Channel.PAPER.value,
            actor=TESTER,
            now=now + timedelta(hours=1),
            signed_on=date(2026, 6, 14),
        )
        latest = latest_consent(member, SMS)
        assert latest is not None and not latest.given
        assert Consent.objects.filter(member=member).count() == 2
