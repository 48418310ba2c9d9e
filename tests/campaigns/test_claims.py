"""A receipt without a member finds its member afterwards, once (S89)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.db.utils import DatabaseError

from backoffice.actors import Actor
from backoffice.choices import Reach, Role
from backoffice.errors import LimitReached
from backoffice.models import Alarm, AuditEvent, Store
from campaigns.errors import ClaimedAlready, ClaimTooLate, NoSuchReceipt, TooManyClaims
from campaigns.explaining import sentences
from campaigns.models import Award
from campaigns.services import claims
from campaigns.services.settlement import settle_purchase
from members.errors import WrongStatus
from members.models import Member, Purchase
from points.errors import NotAllowed, OtherStore, OwnCard
from points.models import Account, Program
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.campaigns import NOON, TILL, bring_back, receipt, settle
from tests.factories.members import MemberFactory, StaffCardFactory
from tests.factories.points import TESTER, ProgramFactory

NT = Decimal
pytestmark = pytest.mark.django_db
Together = Callable[[list[Callable[[], Any]]], list[Any]]
INVOICE = "AB12345678"
DAY = NOON.date()


@pytest.fixture
def store() -> Store:
    return StoreFactory()


@pytest.fixture
def program() -> Program:
    return ProgramFactory(earn_amount=NT("10"), earn_points=1)


@pytest.fixture
def purchase(store: Store, program: Program) -> Purchase:
    """NT$1,000 without a member, which would give 100 points."""
    return Purchase.objects.get(pk=settle(store, None, "1000", invoice_no=INVOICE).purchase_id)


def told(**values: Any) -> claims.Told:
    return claims.Told(**{"number": INVOICE, "bought_on": DAY, "amount": NT("1000.00"), **values})


def claim(member: Member, slip: claims.Told | None = None, **values: Any) -> Any:
    asked = {"member": member, "told": slip or told(), "actor": TESTER, "now": NOON, **values}
    return claims.claim_by_member(**asked)


def balance_of(member: Member) -> int:
    return sum(Account.objects.filter(member=member).values_list("balance", flat=True))


def test_the_receipt_earns_what_it_would_have_earned_and_says_why(purchase: Purchase) -> None:
    member = MemberFactory()
    done = claim(member, told(number="ab-1234 5678"))
    purchase.refresh_from_db()
    award = Award.objects.get()
    assert (purchase.member_id, award.points, balance_of(member)) == (member.pk, 100, 100)
    assert [reward.points for reward in done.rewards] == [100]
    assert any("100" in sentence for sentence in sentences(award.explanation))
    assert AuditEvent.objects.get(action="purchase.claim").changes["points"] == [0, 100]


def test_one_invoice_earns_once_over_all_members(purchase: Purchase) -> None:
    first, second = MemberFactory(), MemberFactory()
    claim(first)
    for member in (second, first):
        with pytest.raises(ClaimedAlready):
            claim(member)
    assert (balance_of(first), balance_of(second)) == (100, 0)


def test_the_till_that_tells_the_receipt_again_hears_the_same_receipt(
    purchase: Purchase, store: Store
) -> None:
    member = MemberFactory()
    claim(member)
    again = receipt(store, None, "1000", invoice_no=INVOICE, receipt_no=purchase.receipt_no)
    settled = settle_purchase(receipt=again, actor=TILL, now=NOON)
    assert settled.replayed
    assert balance_of(member) == 100


def test_a_return_walks_back_from_the_claimed_award(purchase: Purchase) -> None:
    member = MemberFactory()
    claim(member)
    bring_back(purchase.pk, "400")
    assert balance_of(member) == 60


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": "AB12345679"},
        {"bought_on": DAY - timedelta(days=1)},
        {"amount": NT("999.00")},
        {"number": ""},
    ],
)
def test_a_slip_that_is_none_writes_nothing(purchase: Purchase, wrong: dict[str, Any]) -> None:
    with pytest.raises(NoSuchReceipt):
        claim(MemberFactory(), told(**wrong))
    purchase.refresh_from_db()
    assert purchase.member_id is None


def test_what_came_back_or_is_too_old_or_whose_member_is_frozen_is_refused(
    purchase: Purchase, store: Store, settings: Any
) -> None:
    with pytest.raises(WrongStatus):
        claim(MemberFactory(frozen=True))
    late = NOON + timedelta(days=settings.RECEIPT_CLAIM_DAYS, seconds=1)
    with pytest.raises(ClaimTooLate):
        claim(MemberFactory(), now=late)
    bring_back(purchase.pk, "1")
    with pytest.raises(ClaimedAlready):
        claim(MemberFactory())
    assert not Account.objects.exists()


def test_only_so_many_a_day_and_only_so_many_tries(program: Program, store: Store, settings: Any) -> None:
    settings.RECEIPT_CLAIMS_A_DAY = 2
    member = MemberFactory()
    slips = [told(number=f"AB1234567{n}") for n in range(3)]
    for slip in slips:
        settle(store, None, "1000", invoice_no=slip.number)
    for slip in slips[:2]:
        claim(member, slip)
    with pytest.raises(LimitReached):
        claim(member, slips[2])
    assert balance_of(member) == 200
    assert Purchase.objects.filter(member=None).count() == 1
    for _try in range(claims.TRIES):
        claims.count_try(member_id=member.pk, now=NOON)
    with pytest.raises(LimitReached):
        claims.count_try(member_id=member.pk, now=NOON)


def test_at_the_desk_with_its_rules(purchase: Purchase, store: Store) -> None:
    member, slip = MemberFactory(), told(number=purchase.receipt_no)
    clerk, stranger = (UserFactory(role=Role.CLERK, stores=[shop]) for shop in (store, StoreFactory()))
    own = StaffCardFactory(user=clerk).member
    act = partial(claims.claim_by_staff, told=slip, now=NOON)
    with pytest.raises(OtherStore):
        act(member=member, actor=Actor.staff(stranger))
    with pytest.raises(OwnCard):
        act(member=own, actor=Actor.staff(clerk))
    with pytest.raises(NotAllowed):
        act(member=member, actor=Actor.staff(UserFactory(role=Role.AUDITOR)))
    assert not Account.objects.exists()
    shown = claims.preview(member=member, told=slip, user=clerk, now=NOON)
    assert [points for _name, points in shown.gives] == [100]
    act(member=member, actor=Actor.staff(clerk))
    assert balance_of(member) == 100


def test_slips_of_strangers_are_not_piled_up_at_the_desk(
    program: Program, store: Store, settings: Any
) -> None:
    settings.RECEIPT_CLAIMS_A_DAY, settings.RECEIPT_CLAIMS_BY_STAFF_A_DAY = 2, 3
    clerk, boss = (Actor.staff(UserFactory(role=role, stores=[store])) for role in (Role.CLERK, Role.MANAGER))
    friend, other = MemberFactory(), MemberFactory()
    slips = [told(number=f"AB1234567{n}") for n in range(6)]
    for slip in slips:
        settle(store, None, "1000", invoice_no=slip.number)
    act = partial(claims.claim_by_staff, now=NOON)
    act(member=friend, told=slips[0], actor=clerk)
    # The app and the desk count together.
    claim(friend, slips[1])
    for actor in (clerk, boss):
        with pytest.raises(TooManyClaims):
            act(member=friend, told=slips[2], actor=actor)
    assert not Alarm.objects.exists()
    for slip in slips[2:4]:
        act(member=other, told=slip, actor=clerk)
    assert Alarm.objects.get(kind=claims.ALARM).about_id == clerk.user.pk
    with pytest.raises(TooManyClaims):
        act(member=MemberFactory(), told=slips[4], actor=clerk)
    act(member=MemberFactory(), told=slips[4], actor=boss)
    tomorrow = NOON + timedelta(days=1)
    claims.claim_by_staff(member=friend, told=slips[5], actor=clerk, now=tomorrow)
    assert (balance_of(friend), balance_of(other)) == (300, 200)


def test_a_person_of_one_brand_adds_no_receipts_of_another(purchase: Purchase, store: Store) -> None:
    members = MemberFactory(), MemberFactory()
    stranger, ours = (
        UserFactory(role=Role.SUPPORT, reach=Reach.BRAND.value, brand=brand)
        for brand in (BrandFactory(), store.brand)
    )
    with pytest.raises(OtherStore):
        claims.claim_by_staff(member=members[0], told=told(), actor=Actor.staff(stranger), now=NOON)
    claims.claim_by_staff(member=members[1], told=told(), actor=Actor.staff(ours), now=NOON)
    assert [balance_of(member) for member in members] == [0, 100]


def test_what_was_granted_stays_history(purchase: Purchase) -> None:
    claim(MemberFactory())
    for change in ({"points": 1}, {"explanation": {"claimed": "again"}}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Award.objects.update(**change)


def test_an_award_of_nothing_is_not_changed_without_a_claim(purchase: Purchase) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Award.objects.update(points=5)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_four_members_with_one_slip(purchase: Purchase, together: Together) -> None:
    members = [MemberFactory() for _member in range(4)]
    results = together([partial(claim, member) for member in members])
    assert sum(isinstance(result, ClaimedAlready) for result in results) == 3, results
    assert sum(map(balance_of, members)) == 100


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_control_a_look_without_the_lock_finds_it_free_for_everybody(
    purchase: Purchase, together: Together
) -> None:
    found = together([partial(claims._found, told(), None, NOON)] * 4)
    assert [one.member_id for one in found] == [None] * 4
