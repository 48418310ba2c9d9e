"""Goods that come back at the desk: by line or amount, previewed, within reach, never for oneself (T15)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from backoffice.actors import Actor
from backoffice.choices import Role
from backoffice.errors import OutOfReach
from backoffice.models import AuditEvent, OutboxMessage, Store, User
from campaigns.errors import NothingReturned, ReturnedMeanwhile
from campaigns.models import AwardReturn
from campaigns.services import staff_returns
from campaigns.services.returns import ReturnSettlement
from members.errors import ReturnDiffers, ReturnExceedsLine, ReturnExceedsPayment
from members.models import Member, Purchase, PurchaseReturn, StaffCard
from members.purchase_data import LineData
from points.errors import NotAllowed, OtherStore, OwnCard
from points.explaining import sentences
from points.models import Account, Entry, Program
from points.services import ledger
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.campaigns import NOON, settle
from tests.factories.members import MemberFactory
from tests.factories.points import ProgramFactory, context, fresh

pytestmark = pytest.mark.django_db
NT = Decimal
LINES = (
    LineData(1, NT("600"), NT(3), category="TEA"),
    LineData(2, NT("400"), NT(1), category="POT"),
)


@pytest.fixture
def store() -> Store:
    return StoreFactory()


@pytest.fixture
def program() -> Program:
    return ProgramFactory(earn_amount=NT("10"), earn_points=1)


@pytest.fixture
def member() -> Member:
    return MemberFactory()


@pytest.fixture
def purchase(store: Store, program: Program, member: Member) -> Purchase:
    """NT$1,000 in two lines: 100 points."""
    done = settle(store, member, "1000", lines=LINES, gross=NT("1000"))
    return Purchase.objects.get(pk=done.purchase_id)


def clerk(store: Store) -> User:
    return UserFactory(role=Role.CLERK, stores=[store])


def bring(user: User, purchase: Purchase, **values: Any) -> ReturnSettlement:
    return staff_returns.return_by_staff(
        **{
            "purchase_id": purchase.pk,
            "return_no": "S-1",
            "quantities": {},
            "amount": None,
            "reason": "defect",
            "note": "a crack",
            "actor": Actor.staff(user),
            "now": NOON,
            **values,
        }
    )


def account_of(member: Member) -> Account:
    return Account.objects.get(member=member)


def test_one_of_three_pieces_takes_its_share_back(purchase: Purchase, store: Store, member: Member) -> None:
    done = bring(clerk(store), purchase, quantities={1: NT(1)})
    assert (done.amount, [part.taken for part in done.taken]) == (NT("200.00"), [20])
    assert account_of(member).balance == 80
    stored = PurchaseReturn.objects.get()
    assert (stored.source, stored.return_no, stored.reason) == ("desk", "S-1", "defect: a crack")
    event = AuditEvent.objects.get(action="purchase.return")
    assert event.changes["points"] == [None, -20]
    told = OutboxMessage.objects.get(topic="points.changed").payload
    assert (told["kind"], told["points"], told["balance"]) == ("reverse_earn", -20, 80)


def test_the_entry_of_a_return_tells_why_it_was_booked(
    purchase: Purchase, store: Store, member: Member
) -> None:
    bring(clerk(store), purchase, quantities={1: NT(1)})
    entry = Entry.objects.get(kind="reverse_earn")
    assert sentences(entry.explanation)[1] == "To take back: 20 points; 0 were taken back before."


def test_the_rest_comes_back_to_the_last_cent_and_point(
    purchase: Purchase, store: Store, member: Member
) -> None:
    user = clerk(store)
    bring(user, purchase, quantities={1: NT(1)})
    done = bring(user, purchase, quantities={1: NT(2), 2: NT(1)}, return_no="S-2")
    assert done.amount == NT("800.00") and account_of(member).balance == 0
    assert staff_returns.lines_left(purchase) == []


def test_a_discounted_receipt_pays_back_what_was_paid_for_the_line(
    store: Store, program: Program, member: Member
) -> None:
    settled = settle(store, member, "900", lines=LINES, gross=NT("1000"), discount=NT("100"))
    purchase = Purchase.objects.get(pk=settled.purchase_id)
    user = clerk(store)
    assert bring(user, purchase, quantities={2: NT(1)}).amount == NT("360.00")
    assert bring(user, purchase, quantities={1: NT(3)}, return_no="S-2").amount == NT("540.00")
    assert account_of(member).balance == 0


def test_an_amount_alone_and_a_line_for_an_amount(purchase: Purchase, store: Store) -> None:
    user = clerk(store)
    assert bring(user, purchase, amount=NT("50")).amount == NT("50")
    done = bring(user, purchase, quantities={1: NT(1)}, amount=NT("150"), return_no="S-2")
    assert done.amount == NT("150")


def test_what_cannot_come_back_writes_nothing(purchase: Purchase, store: Store, member: Member) -> None:
    user = clerk(store)
    with pytest.raises(NothingReturned):
        bring(user, purchase)
    with pytest.raises(ReturnExceedsLine):
        bring(user, purchase, quantities={1: NT(4)})
    with pytest.raises(ReturnExceedsPayment):
        bring(user, purchase, amount=NT("1000.01"))
    assert not PurchaseReturn.objects.exists() and account_of(member).balance == 100


def test_the_slip_has_one_effect(purchase: Purchase, store: Store, member: Member) -> None:
    user = clerk(store)
    bring(user, purchase, quantities={1: NT(1)})
    assert bring(user, purchase, quantities={1: NT(1)}).replayed
    assert AuditEvent.objects.filter(action="purchase.return").count() == 1
    with pytest.raises(ReturnDiffers):
        bring(user, purchase, quantities={1: NT(2)})
    assert account_of(member).balance == 80


def test_the_second_clerk_is_told(purchase: Purchase, store: Store, member: Member) -> None:
    bring(clerk(store), purchase, quantities={1: NT(1)}, expected_returns=0)
    with pytest.raises(ReturnedMeanwhile):
        bring(clerk(store), purchase, quantities={1: NT(1)}, return_no="S-2", expected_returns=0)
    assert account_of(member).balance == 80


def test_the_preview_shows_the_debt_and_writes_nothing(
    purchase: Purchase, store: Store, member: Member
) -> None:
    mine = account_of(member)
    ledger.spend(account_id=mine.pk, points=90, source=fresh(), context=context())
    seen = staff_returns.preview_return(
        purchase_id=purchase.pk,
        quantities={1: NT(3), 2: NT(1)},
        amount=None,
        actor=Actor.staff(clerk(store)),
        now=NOON,
    )
    effect = seen.programs[0]
    assert (seen.amount, effect.balance_before, effect.balance_after) == (NT("1000.00"), 10, 0)
    assert (effect.debt_before, effect.debt_after) == (0, 90)
    assert not PurchaseReturn.objects.exists() and not AwardReturn.objects.exists()
    assert account_of(member).balance == 10 and not AuditEvent.objects.exists()


def test_kept_worth_is_shown_where_the_program_says_so(store: Store, member: Member) -> None:
    ProgramFactory(earn_amount=NT("10"), debt_policy="reduce_refund", cash_points=1, cash_amount=NT("1.00"))
    settled = settle(store, member, "1000", lines=LINES, gross=NT("1000"))
    ledger.spend(account_id=account_of(member).pk, points=100, source=fresh(), context=context())
    seen = staff_returns.preview_return(
        purchase_id=settled.purchase_id,
        quantities={},
        amount=NT("1000"),
        actor=Actor.staff(clerk(store)),
        now=NOON,
    )
    assert seen.withhold == NT("100.00")


def test_another_store_needs_somebody_who_may_approve(purchase: Purchase, store: Store) -> None:
    other = StoreFactory(brand=store.brand)
    with pytest.raises(OtherStore):
        bring(clerk(other), purchase, quantities={1: NT(1)})
    manager = UserFactory(role=Role.MANAGER, stores=[other])
    assert bring(manager, purchase, quantities={1: NT(1)}).amount == NT("200.00")


def test_nobody_takes_his_own_goods_back(purchase: Purchase, store: Store, member: Member) -> None:
    user = clerk(store)
    StaffCard.objects.create(user=user, member=member)
    with pytest.raises(OwnCard):
        bring(user, purchase, quantities={1: NT(1)})
    assert not PurchaseReturn.objects.exists()


@pytest.mark.parametrize("role", [Role.MARKETER, Role.FINANCE, Role.AUDITOR, Role.ADMINISTRATOR])
def test_roles_that_may_not(purchase: Purchase, role: Role) -> None:
    with pytest.raises(NotAllowed):
        bring(UserFactory(role=role), purchase, quantities={1: NT(1)})


def test_a_receipt_of_another_brands_member_does_not_exist(purchase: Purchase, member: Member) -> None:
    Member.objects.filter(pk=member.pk).update(brand=BrandFactory())
    with pytest.raises(OutOfReach):
        bring(UserFactory(role=Role.CLERK, stores=[StoreFactory()]), purchase, quantities={1: NT(1)})


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_four_clerks_and_one_piece(
    purchase: Purchase,
    store: Store,
    member: Member,
    together: Callable[[list[Callable[[], Any]]], list[Any]],
) -> None:
    clerks = [clerk(store) for _ in range(4)]
    results = together(
        [
            partial(bring, user, purchase, quantities={2: NT(1)}, return_no=f"S-{n}", expected_returns=0)
            for n, user in enumerate(clerks)
        ]
    )
    kinds = sorted(type(result).__name__ for result in results)
    assert kinds == ["ReturnSettlement"] + ["ReturnedMeanwhile"] * 3
    assert account_of(member).balance == 60


def test_a_phone_in_the_note_is_masked_before_it_is_kept(purchase: Purchase, store: Store) -> None:
    """A return is never edited, so an erasure could not take the phone out again."""
    done = bring(clerk(store), purchase, amount=Decimal("10"), note="call ０９１２３４５６７８")
    assert PurchaseReturn.objects.get(pk=done.return_id).reason == "defect: call ***６７８"
