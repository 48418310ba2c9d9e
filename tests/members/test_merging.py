"""Merging two rows of one person, and cards that are handed out before anybody is named (S28, I53)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from backoffice.alarm_kinds import named
from backoffice.errors import KeyTaken, OwnAccount
from backoffice.models import Alarm, AuditEvent
from members.choices import ConsentPurpose
from members.errors import (
    CardNotBlank,
    CardNotClaimed,
    MergeRefused,
    NoSuchCard,
    PhoneTaken,
    ReasonMissing,
    TooManyCards,
    TooManyCardsJoined,
    WrongStatus,
)
from members.models import Member, StaffCard
from members.selectors.consents import has_consent
from members.services import blank_cards
from members.services.card_codes import resolve
from members.services.enrolment import enrol
from members.services.merging import merge
from points.errors import PointsHeld
from points.models import Account, Entry, Program
from points.postings import Context, Source
from points.services import ledger
from points.services.membership import MERGED_ALARM
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.members import ConsentFactory, MemberFactory, PurchaseFactory, StaffCardFactory
from tests.factories.points import TESTER, AccountFactory, ProgramFactory, give

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
WHY = "同一人"
KEYS = itertools.count()


def join(gone: Member, kept: Member, **more: Any) -> Member:
    told = {"reason": WHY, "actor": TESTER, "now": NOW} | more
    return merge(duplicate=gone, survivor=kept, **told)


Together = Callable[[list[Callable[[], Any]]], list[Any]]


def collect(member: Member, points: int) -> None:
    give(AccountFactory(member=member, program=Program.objects.get()), points)


def balance_of(member: Member) -> int:
    return sum(Account.objects.filter(member=member).values_list("balance", flat=True))


def blank(points: int = 0) -> Member:
    told = {"store": StoreFactory(), "actor": TESTER, "now": NOW}
    (card,) = blank_cards.issue(count=1, key=str(next(KEYS)), **told)
    if points:
        collect(card, points)
    return card


def test_everything_moves_and_both_cards_lead_to_the_survivor() -> None:
    ProgramFactory()
    gone, kept = MemberFactory(birthday="1990-02-03"), MemberFactory()
    collect(gone, 300)
    collect(kept, 50)
    receipt = PurchaseFactory(member=gone)
    assert join(gone, kept).pk == kept.pk
    assert (balance_of(gone), balance_of(kept)) == (0, 350)
    receipt.refresh_from_db()
    kept.refresh_from_db()
    assert receipt.member_id == kept.pk
    assert str(kept.birthday) == "1990-02-03"
    assert resolve(gone.card_no, NOW).pk == resolve(kept.card_no, NOW).pk == kept.pk
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"member.merge", "member.absorb"} <= actions


def test_the_same_merge_again_changes_nothing() -> None:
    ProgramFactory()
    gone, kept = MemberFactory(), MemberFactory()
    collect(gone, 300)
    join(gone, kept)
    entries, events = Entry.objects.count(), AuditEvent.objects.count()
    join(gone, kept)
    assert (Entry.objects.count(), AuditEvent.objects.count()) == (entries, events)


@pytest.mark.parametrize("state", ["frozen", "erased", "merged"])
def test_only_two_active_members_are_merged(state: str) -> None:
    other = MemberFactory(**{state: True})
    for gone, kept in ((other, MemberFactory()), (MemberFactory(), other)):
        with pytest.raises(WrongStatus):
            join(gone, kept)


def test_refusals_write_nothing() -> None:
    kept = MemberFactory(brand=BrandFactory())
    with pytest.raises(MergeRefused):
        join(kept, kept)
    with pytest.raises(MergeRefused):
        join(MemberFactory(brand=BrandFactory()), kept)
    with pytest.raises(ReasonMissing):
        join(MemberFactory(), kept, reason=" ")
    assert not AuditEvent.objects.exists()
    assert not Member.objects.filter(status="merged").exists()


def test_points_that_an_order_holds_keep_the_two_apart() -> None:
    ProgramFactory()
    gone, kept = MemberFactory(), MemberFactory()
    collect(gone, 300)
    account = Account.objects.get(member=gone)
    ledger.hold(
        account_id=account.pk,
        points=10,
        source=Source("test", "1"),
        expires_at=NOW + timedelta(days=1),
        context=Context(actor=TESTER, now=NOW),
    )
    with pytest.raises(PointsHeld):
        join(gone, kept)
    gone.refresh_from_db()
    assert gone.status == "active"
    assert balance_of(kept) == 0


def test_a_block_of_spending_moves_with_the_points() -> None:
    ProgramFactory()
    gone, kept = MemberFactory(), MemberFactory()
    collect(gone, 300)
    Account.objects.update(spend_blocked=True)
    join(gone, kept)
    assert Account.objects.get(member=kept).spend_blocked


def test_who_moves_many_points_by_merges_raises_one_alarm_a_day() -> None:
    ProgramFactory()
    user = UserFactory()
    actor = type(TESTER).staff(user)
    for points, alarms in ((3_000, 0), (2_000, 0), (1, 1), (6_000, 1)):
        gone = MemberFactory()
        collect(gone, points)
        join(gone, MemberFactory(), actor=actor)
        assert Alarm.objects.filter(kind=MERGED_ALARM).count() == alarms
    alarm = Alarm.objects.get()
    assert (alarm.about_id, alarm.facts["points"]) == (user.pk, 5_001)
    assert "5001" in named(MERGED_ALARM).told(alarm.facts)


def test_nobody_merges_into_or_out_of_his_own_card() -> None:
    user = UserFactory()
    actor = type(TESTER).staff(user)
    own, other = StaffCardFactory(user=user).member, MemberFactory()
    for gone, kept in ((other, own), (own, other)):
        with pytest.raises(OwnAccount):
            join(gone, kept, actor=actor)


def test_the_card_of_a_colleague_stays_his_after_a_merge() -> None:
    card = StaffCardFactory()
    kept = MemberFactory()
    join(card.member, kept)
    assert StaffCard.objects.get(pk=card.pk).member_id == kept.pk


def test_a_no_on_either_row_is_a_no() -> None:
    gone, kept = MemberFactory(), MemberFactory()
    sms, mail = ConsentPurpose.MARKETING_SMS, ConsentPurpose.MARKETING_EMAIL
    ConsentFactory(member=kept, purpose=sms, at=NOW - timedelta(days=9))
    ConsentFactory(member=gone, purpose=sms, given=False, at=NOW - timedelta(days=1))
    ConsentFactory(member=gone, purpose=mail, given=True, at=NOW - timedelta(days=1))
    join(gone, kept)
    assert not has_consent(kept, sms)
    # A yes is not carried over: it was given for another address.
    assert not has_consent(kept, mail)


# --- Blank cards ------------------------------------------------------------------------------------
def test_issuing_again_with_the_key_answers_the_same_cards() -> None:
    store = StoreFactory()
    first = blank_cards.issue(count=3, store=store, actor=TESTER, key="k", now=NOW)
    again = blank_cards.issue(count=3, store=store, actor=TESTER, key="k", now=NOW)
    assert [card.card_no for card in first] == [card.card_no for card in again]
    for count in (2, 4):
        with pytest.raises(KeyTaken):
            blank_cards.issue(count=count, store=store, actor=TESTER, key="k", now=NOW)
    for count in (0, blank_cards.MOST + 1):
        with pytest.raises(TooManyCards):
            blank_cards.issue(count=count, store=store, actor=TESTER, key="z", now=NOW)
    assert Member.objects.count() == 3


def test_a_claimed_card_brings_its_points_and_goes_on_working() -> None:
    ProgramFactory()
    card, member = blank(120), MemberFactory()
    printed = f"{card.card_no[:4]} {card.card_no[4:]}"
    for _time in (1, 2):
        blank_cards.claim(member=member, card_no=printed, actor=TESTER, now=NOW)
    assert balance_of(member) == 120
    assert resolve(card.card_no, NOW).pk == member.pk


def test_a_claimed_card_is_claimed_for_good() -> None:
    ProgramFactory()
    card, member = blank(120), MemberFactory()
    blank_cards.claim(member=member, card_no=card.card_no, actor=TESTER, now=NOW)
    with pytest.raises(CardNotClaimed):
        blank_cards.claim(member=MemberFactory(), card_no=card.card_no, actor=TESTER, now=NOW)
    assert balance_of(member) == 120


def test_a_stranger_learns_nothing_and_staff_learn_why() -> None:
    member, owner, staff = MemberFactory(), MemberFactory(), type(TESTER).staff(UserFactory())
    for number in (owner.card_no, "9000000000000000", "x"):
        with pytest.raises(CardNotClaimed):
            blank_cards.claim(member=member, card_no=number, actor=TESTER, now=NOW)
    with pytest.raises(CardNotBlank):
        blank_cards.claim(member=member, card_no=owner.card_no, actor=staff, now=NOW)
    with pytest.raises(NoSuchCard):
        blank_cards.claim(member=member, card_no="9000000000000000", actor=staff, now=NOW)


def test_a_pile_of_cards_joins_nobody() -> None:
    ProgramFactory()
    friend, staff = MemberFactory(), type(TESTER).staff(UserFactory())
    cards = [blank(100) for _card in range(blank_cards.MOST_A_DAY + 1)]
    for card in cards[:-1]:
        blank_cards.claim(member=friend, card_no=card.card_no, actor=staff, now=NOW)
    for actor in (staff, TESTER):
        with pytest.raises(TooManyCardsJoined):
            blank_cards.claim(member=friend, card_no=cards[-1].card_no, actor=actor, now=NOW)
    assert balance_of(friend) == 100 * blank_cards.MOST_A_DAY
    cards[-1].refresh_from_db()
    assert (cards[-1].status, balance_of(cards[-1])) == ("active", 100)


def test_staff_join_cards_of_their_own_brands_only() -> None:
    brand = BrandFactory()
    (card,) = blank_cards.issue(
        count=1, store=StoreFactory(brand=brand), actor=TESTER, key="b", now=NOW, brand=brand
    )
    stranger = type(TESTER).staff(UserFactory(stores=[StoreFactory()]))
    with pytest.raises(NoSuchCard):
        blank_cards.claim(member=MemberFactory(), card_no=card.card_no, actor=stranger, now=NOW)
    card.refresh_from_db()
    assert card.status == "active"


def test_a_card_that_got_a_name_meanwhile_joins_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody names the card between the look at it and the lock."""
    card, member = blank(), MemberFactory()
    look = blank_cards.is_blank

    def look_and_name(row: Member) -> bool:
        free = look(row)
        Member.objects.filter(pk=card.pk).update(name="林美")
        return free

    monkeypatch.setattr(blank_cards, "is_blank", look_and_name)
    with pytest.raises(CardNotClaimed):
        blank_cards.claim(member=member, card_no=card.card_no, actor=TESTER, now=NOW)
    card.refresh_from_db()
    assert card.status == "active"


def test_enrolling_with_a_card_joins_it_and_a_refusal_enrols_nobody() -> None:
    ProgramFactory()
    card = blank(80)
    told = {"source": "store", "store": None, "actor": TESTER, "now": NOW, "name": "林美"}
    member = enrol(phone="0912345678", key="a", blank_card=card.card_no, **told)
    assert balance_of(member) == 80
    with pytest.raises(CardNotClaimed):
        enrol(phone="0922345678", key="b", blank_card=card.card_no, **told)
    assert not Member.objects.filter(phone="+886922345678").exists()
    with pytest.raises(PhoneTaken):
        enrol(phone="0912345678", key="c", **told)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_four_people_claim_one_card_at_once(together: Together) -> None:
    ProgramFactory()
    card = blank(120)
    members = [MemberFactory() for _person in range(4)]
    claim = partial(blank_cards.claim, card_no=card.card_no, actor=TESTER, now=NOW)
    results = together([partial(claim, member=one) for one in members])
    refused = [one for one in results if isinstance(one, CardNotClaimed | WrongStatus)]
    assert len(refused) == 3, results
    assert sum(map(balance_of, members)) == 120


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_several_see_a_card_without_an_owner(together: Together) -> None:
    """What a look without the row lock answers: everybody believes the card to be free."""
    card = blank()
    seen = together([lambda: blank_cards.is_blank(Member.objects.get(pk=card.pk))] * 4)
    assert seen == [True] * 4
