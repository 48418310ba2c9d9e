"""A purchase: what it gives, why it gives nothing, told twice, told twice at once, waiting points."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backoffice.actors import Actor
from backoffice.errors import OutOfReach
from backoffice.models import Store
from campaigns.choices import AwardStatus
from campaigns.models import Award, Carry
from campaigns.selectors import explain, programs_for
from campaigns.services import settlement
from campaigns.services.confirming import confirm_due
from campaigns.services.meeting import Met
from campaigns.services.settlement import settle_purchase
from members.errors import ReceiptDiffers
from members.models import Member, Purchase
from members.selectors.story import story_page
from points.models import Account, Entry, Lot, PendingCredit
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.campaigns import NOON, TILL, bring_back, receipt, settle
from tests.factories.members import MemberFactory
from tests.factories.points import ProgramFactory

TAIPEI = ZoneInfo("Asia/Taipei")
JOB = Actor.job("test")
pytestmark = pytest.mark.django_db


def balance(member: Any, program: Any) -> int:
    account = Account.objects.filter(member=member, program=program).first()
    return account.balance if account else 0


def test_135_dollars_give_135_points_with_everything_kept() -> None:
    store, member, program = StoreFactory(), MemberFactory(), ProgramFactory()
    settled = settle(store, member, "135")
    (reward,) = settled.rewards
    assert (reward.points, reward.status, settled.replayed) == (135, "posted", False)
    entry = Entry.objects.get()
    assert (entry.kind, entry.points, entry.source_type, entry.source_id) == (
        "earn", 135, "purchase", str(settled.purchase_id),
    )  # fmt: skip
    assert (entry.store_id, entry.occurred_at, entry.actor_id) == (store.pk, NOON, "S001")
    assert entry.explanation == reward.explanation == Award.objects.get().explanation
    lot = Lot.objects.get()
    assert (lot.brand_id, lot.expires_at) == (store.brand_id, datetime(2027, 7, 1, tzinfo=TAIPEI))
    assert balance(member, program) == 135
    (words,) = explain(Purchase.objects.get())
    assert any("135" in line for line in words.sentences)


def test_every_program_of_the_brand_answers_and_no_other() -> None:
    store = StoreFactory()
    shared = ProgramFactory(earn_amount=100)
    own = ProgramFactory(brand=store.brand, spendable=False)
    ProgramFactory(brand=BrandFactory())
    settled = settle(store, MemberFactory(), "250")
    assert [(r.program_id, r.points) for r in settled.rewards] == [(shared.pk, 2), (own.pk, 250)]


@pytest.mark.parametrize(
    ("buyer", "paid", "failed"),
    [
        (None, "100", "no_member"),
        ({"frozen": True}, "100", "member_not_served"),
        ({"erased": True}, "100", "member_not_served"),
        ({}, "0", "zero_amount"),
        ({}, "0.99", "below_unit"),
    ],
)
def test_nothing_is_explained_and_touches_no_account(
    buyer: dict[str, bool] | None, paid: str, failed: str
) -> None:
    ProgramFactory()
    member = None if buyer is None else MemberFactory(**buyer)
    (reward,) = settle(StoreFactory(), member, paid).rewards
    assert (reward.points, reward.status, reward.explanation["failed"]) == (0, "nothing", failed)
    assert not Account.objects.exists()
    assert Purchase.objects.count() == 1


def test_a_member_of_another_brand_earns_nothing() -> None:
    ProgramFactory()
    (reward,) = settle(StoreFactory(), MemberFactory(brand=BrandFactory()), "100").rewards
    assert reward.explanation["failed"] == "other_brand"


def test_a_program_that_is_off_answers_only_whom_it_had() -> None:
    store, had, new = StoreFactory(), MemberFactory(), MemberFactory()
    program = ProgramFactory()
    settle(store, had, "100")
    program.is_active = False
    program.save()
    (reward,) = settle(store, had, "100").rewards
    assert reward.explanation["failed"] == "program_inactive"
    assert settle(store, new, "100").rewards == ()
    assert balance(had, program) == 100


def test_a_program_that_issued_too_much_gives_nothing_until_it_is_back_below_its_limit() -> None:
    store, member = StoreFactory(), MemberFactory()
    program = ProgramFactory(over_ratio="stop", ratio_exceeded_at=NOON)
    (reward,) = settle(store, member, "100").rewards
    assert (reward.points, reward.explanation["failed"]) == (0, "issuing_stopped")
    program.over_ratio = "warn"
    program.save()
    (reward,) = settle(store, member, "100").rewards
    assert reward.points == 100


def test_a_merged_card_earns_for_whom_its_owner_has_become() -> None:
    program, survivor = ProgramFactory(), MemberFactory()
    old = MemberFactory(merged=True, merged_into=survivor, phone="")
    settled = settle(StoreFactory(), old, "100", receipt_no="M1")
    assert settled.member_id == survivor.pk
    assert balance(survivor, program) == 100


def test_the_same_receipt_again_answers_the_stored_settlement() -> None:
    program, told = ProgramFactory(), receipt(StoreFactory(), MemberFactory(), "100")
    first = settle_purchase(receipt=told, actor=TILL, now=NOON)
    program.earn_points = 5
    program.save()
    again = settle_purchase(receipt=told, actor=TILL, now=NOON + timedelta(days=1))
    assert again.replayed
    assert (again.purchase_id, again.rewards) == (first.purchase_id, first.rewards)
    assert (Award.objects.count(), Entry.objects.count()) == (1, 1)


def test_the_same_number_with_another_amount_is_refused() -> None:
    ProgramFactory()
    store, member = StoreFactory(), MemberFactory()
    settle(store, member, "100", receipt_no="R1")
    with pytest.raises(ReceiptDiffers):
        settle(store, member, "900", receipt_no="R1")
    assert Entry.objects.get().points == 100


def test_unknown_store_or_member_is_refused_and_nothing_written() -> None:
    told = receipt(StoreFactory(), MemberFactory(), "100")
    for wrong in ({"store_id": 0}, {"member_id": 999_999_999}):
        values = {name: getattr(told, name) for name in told.__slots__} | wrong
        with pytest.raises(OutOfReach):
            settle_purchase(receipt=type(told)(**values), actor=TILL, now=NOON)
    assert not Purchase.objects.exists()


def test_30_and_20_at_50_a_star_give_one_star() -> None:
    store, member = StoreFactory(), MemberFactory()
    program = ProgramFactory(earn_amount=50, carry_over=True)
    assert settle(store, member, "30").rewards[0].points == 0
    assert Carry.objects.get().amount == 30
    assert settle(store, member, "20").rewards[0].points == 1
    assert Carry.objects.get().amount == 0
    assert balance(member, program) == 1


# --- Waiting points -----------------------------------------------------------------------------------------
def test_waiting_points_reach_the_balance_at_local_midnight_and_not_before() -> None:
    program, member = ProgramFactory(pending_days=7), MemberFactory()
    bought = datetime(2026, 2, 21, 15, 59, 59, tzinfo=UTC)  # the last second of the day in Taipei
    (reward,) = settle(StoreFactory(), member, "100", purchased_at=bought).rewards
    midnight = datetime(2026, 2, 28, tzinfo=TAIPEI)
    assert (reward.status, balance(member, program)) == ("pending", 0)
    assert reward.explanation["confirm_at"] == midnight.isoformat()
    assert confirm_due(actor=JOB, now=midnight - timedelta(microseconds=1)) == 0
    assert confirm_due(actor=JOB, now=midnight) == 1
    award = Award.objects.get()
    assert (award.status, award.entry_id) == ("posted", Entry.objects.get().pk)
    # Twelve months to the end of the month, from the day on which they can be used.
    assert Lot.objects.get().expires_at == datetime(2027, 3, 1, tzinfo=TAIPEI)
    assert (balance(member, program), confirm_due(actor=JOB, now=midnight)) == (100, 0)


def test_waiting_points_of_a_frozen_member_wait_and_of_an_erased_one_end() -> None:
    ProgramFactory(pending_days=1)
    store, frozen, erased = StoreFactory(), MemberFactory(), MemberFactory()
    settle(store, frozen, "10")
    settle(store, erased, "20")
    type(frozen).objects.filter(pk=frozen.pk).update(status="frozen")
    type(erased).objects.filter(pk=erased.pk).update(status="erased", phone="", name="", erased_at=NOON)
    assert confirm_due(actor=JOB, now=NOON + timedelta(days=9)) == 1
    statuses = dict(Award.objects.values_list("account__member", "status"))
    assert statuses == {frozen.pk: AwardStatus.PENDING, erased.pk: AwardStatus.CANCELLED}
    assert set(PendingCredit.objects.values_list("status", flat=True)) == {"open", "cancelled"}
    assert not Entry.objects.exists()


# --- Two at once --------------------------------------------------------------------------------------------
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_the_same_receipt_twice_at_once_gives_one_award(together: Callable[..., list[Any]]) -> None:
    program, member = ProgramFactory(), MemberFactory()
    told = receipt(StoreFactory(), member, "100")
    answers = together([lambda: settle_purchase(receipt=told, actor=TILL, now=NOON)] * 4)
    assert sorted(answer.replayed for answer in answers) == [False, True, True, True]
    assert all(answer.rewards == answers[0].rewards for answer in answers)
    assert (Award.objects.count(), Entry.objects.count(), balance(member, program)) == (1, 1, 100)


def unlocked(*, store_id: int, member_id: int) -> Met:
    """What `meet_member` answers, without the lock."""
    store = Store.objects.get(pk=store_id)
    accounts = dict(Account.objects.filter(member=member_id).values_list("program_id", "pk"))
    return Met(
        store_id=store_id,
        brand_id=store.brand_id,
        in_inbox=False,
        member=Member.objects.get(pk=member_id),
        accounts=accounts,
        carries=dict(Carry.objects.filter(account__in=accounts.values()).values_list("account_id", "amount")),
        programs=programs_for(store.brand_id),
    )


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("locked", [True, False], ids=["locked", "control"])
def test_small_change_of_purchases_at_once_is_not_lost(
    together: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    store, member = StoreFactory(), MemberFactory()
    program = ProgramFactory(earn_amount=50, carry_over=True)
    if not locked:
        both_have_looked = Barrier(2)
        monkeypatch.setattr(
            settlement, "meet_member", lambda **told: (unlocked(**told), both_have_looked.wait(5))[0]
        )
    told = [receipt(store, member, "30") for _ in range(2)]
    answers = together([lambda one=one: settle_purchase(receipt=one, actor=TILL, now=NOON) for one in told])
    lost = [answer for answer in answers if isinstance(answer, Exception)]
    kept = (balance(member, program), Carry.objects.get().amount)
    assert (not lost and kept == (1, Decimal(10))) is locked


# --- What staff see -----------------------------------------------------------------------------------------
def test_the_story_of_a_member_tells_purchases_with_their_reasons() -> None:
    ProgramFactory(unit="星", earn_amount=50, pending_days=3)
    store, member = StoreFactory(), MemberFactory()
    bought = [settle(store, member, paid).purchase_id for paid in ("120", "20")]
    bring_back(bought[0], "60")
    page = story_page(member_ids=[member.pk], user=UserFactory(is_superuser=True))
    receipts = [told.event for told in page.events if told.anchor.startswith("receipt")]
    assert len(receipts) == len(bought)
    why = "; ".join(str(sentence) for told in page.events for sentence in told.event.why)
    for words in ("NT$120 paid; each NT$50 gives 1 points.", "NT$20 is less than one unit"):
        assert words in why
    assert "NT$60 of NT$120" in "; ".join(str(told.event.detail) for told in page.events) + why
    assert ["1 星", "Waiting"] in [event.tags for event in receipts]
