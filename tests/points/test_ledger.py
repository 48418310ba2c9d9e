"""The ledger's verbs: each rule, each refusal (and that nothing was written), each replay."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from points.choices import AdjustmentStatus, DebtPolicy, EntryKind, HoldStatus, PendingStatus
from points.errors import (
    AlreadyReversed,
    BalanceMoved,
    HoldNotOpen,
    HoldTooSmall,
    InsufficientPoints,
    InvalidPoints,
    KeyReused,
    MemberNotServed,
    NotReversible,
    NotSpendable,
    PointsHeld,
    PointsWaiting,
    SpendingBlocked,
)
from points.models import Account, Adjustment, Entry, Hold, Lot, LotUse, PendingCredit
from points.services import ledger
from tests.conftest import NOON
from tests.factories.backoffice import StoreFactory
from tests.factories.members import MemberFactory
from tests.factories.points import AccountFactory, ProgramFactory, context, fresh, give, take

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def state(account: Account) -> tuple[int, int, int, int]:
    account.refresh_from_db()
    return account.balance, account.held, account.debt, account.pending


def lots(account: Account) -> dict[int, int]:
    return dict(Lot.objects.filter(account=account).values_list("entry_id", "remaining"))


class TestCredit:
    def test_makes_entry_lot_message_and_balance(self) -> None:
        account = AccountFactory()
        posting = give(account, 100, expires_at=NOON + DAY)
        assert state(account) == (100, 0, 0, 0)
        assert (posting.seq, posting.balance, posting.replayed) == (1, 100, False)
        lot = Lot.objects.get(pk=posting.entry_id)
        assert (lot.original, lot.remaining, lot.expires_at) == (100, 100, NOON + DAY)

    def test_replay_writes_nothing_and_other_points_are_refused(self) -> None:
        account, source = AccountFactory(), fresh()
        first = give(account, 100, source=source)
        again = give(account, 100, source=source)
        assert again.replayed and again.entry_id == first.entry_id
        with pytest.raises(KeyReused):
            give(account, 101, source=source)
        assert Entry.objects.count() == 1

    @pytest.mark.parametrize("points", [0, -1, 10_000_000, True, 1.0, "5"])
    def test_refuses_what_is_no_number_of_points(self, points: object) -> None:
        account = AccountFactory()
        with pytest.raises(InvalidPoints):
            give(account, points)  # type: ignore[arg-type]
        assert not Entry.objects.exists()

    @pytest.mark.parametrize("status", ["frozen", "erased", "merged"])
    def test_refuses_members_who_are_not_served(self, status: str) -> None:
        values = {"status": status}
        if status == "erased":
            values |= {
                "phone": "",
                "name": "",
                "email": "",
                "erased_at": NOON,
                "birthday": None,
                "address": "",
            }  # type: ignore[dict-item]
        if status == "merged":
            values["merged_into"] = MemberFactory()
        account = AccountFactory(member=MemberFactory(**values))
        with pytest.raises(MemberNotServed):
            give(account, 10)
        assert state(account) == (0, 0, 0, 0)


class TestSpend:
    def test_first_to_expire_first_then_older_never_last(self) -> None:
        account = AccountFactory()
        never = give(account, 50)
        late = give(account, 50, expires_at=NOON + 9 * DAY)
        soon_old = give(account, 50, expires_at=NOON + 2 * DAY)
        soon_new = give(account, 50, expires_at=NOON + 2 * DAY)
        take(account, 175)
        assert lots(account) == {
            never.entry_id: 25,
            late.entry_id: 0,
            soon_old.entry_id: 0,
            soon_new.entry_id: 0,
        }

    def test_refuses_more_than_there_is_and_writes_nothing(self) -> None:
        account = AccountFactory()
        give(account, 50)
        with pytest.raises(InsufficientPoints) as refused:
            take(account, 51)
        assert refused.value.details == {"needed": 51, "available": 50}
        assert state(account) == (50, 0, 0, 0)
        assert take(account, 50).balance == 0

    def test_a_lot_is_usable_until_the_instant_of_its_deadline(self) -> None:
        account = AccountFactory()
        give(account, 10, expires_at=NOON + DAY)
        with pytest.raises(InsufficientPoints):
            take(account, 1, now=NOON + DAY)
        assert take(account, 1, now=NOON + DAY - timedelta(microseconds=1)).points == -1

    def test_blocked_accounts_and_growth_values_are_not_spent(self) -> None:
        blocked = AccountFactory(spend_blocked=True)
        growth = AccountFactory(program=ProgramFactory(spendable=False))
        for account, refusal in ((blocked, SpendingBlocked), (growth, NotSpendable)):
            give(account, 10)
            with pytest.raises(refusal):
                take(account, 1)

    def test_the_second_clerk_is_told_that_the_balance_moved(self) -> None:
        account = AccountFactory()
        give(account, 10)
        take(account, 1, expected_seq=1)
        with pytest.raises(BalanceMoved) as refused:
            take(account, 1, expected_seq=1)
        assert refused.value.details == {"count": 1}

    def test_oldest_first_programs(self) -> None:
        account = AccountFactory(program=ProgramFactory(order_of_use="oldest_first"))
        old = give(account, 10, expires_at=NOON + 9 * DAY)
        new = give(account, 10, expires_at=NOON + 1 * DAY)
        take(account, 10)
        assert lots(account) == {old.entry_id: 0, new.entry_id: 10}


class TestRefundSpend:
    def test_points_return_to_their_lots_with_their_old_deadlines(self) -> None:
        account = AccountFactory()
        soon = give(account, 100, expires_at=NOON + DAY)
        late = give(account, 150, expires_at=NOON + 30 * DAY)
        spent = take(account, 200)
        refund = ledger.refund_spend(entry_id=spent.entry_id, points=200, source=fresh(), context=context())
        assert (refund.lapsed, refund.posting.balance) == (0, 250)
        assert lots(account) == {soon.entry_id: 100, late.entry_id: 150}
        assert Lot.objects.get(pk=soon.entry_id).expires_at == NOON + DAY

    def test_partial_refunds_restore_as_if_less_had_been_spent(self) -> None:
        account = AccountFactory()
        soon = give(account, 100, expires_at=NOON + DAY)
        late = give(account, 100, expires_at=NOON + 30 * DAY)
        spent = take(account, 150)
        ledger.refund_spend(entry_id=spent.entry_id, points=60, source=fresh(), context=context())
        assert lots(account) == {soon.entry_id: 10, late.entry_id: 100}
        ledger.refund_spend(entry_id=spent.entry_id, points=90, source=fresh(), context=context())
        assert lots(account) == {soon.entry_id: 100, late.entry_id: 100}
        with pytest.raises(AlreadyReversed):
            ledger.refund_spend(entry_id=spent.entry_id, points=1, source=fresh(), context=context())

    def test_what_has_lapsed_comes_back_lapsed(self) -> None:
        account = AccountFactory()
        give(account, 100, expires_at=NOON + DAY)
        give(account, 100, expires_at=NOON + 30 * DAY)
        spent = take(account, 150)
        source = fresh()
        later = context(now=NOON + 5 * DAY)
        refund = ledger.refund_spend(entry_id=spent.entry_id, points=150, source=source, context=later)
        assert (refund.lapsed, refund.posting.balance) == (100, 100)
        assert Entry.objects.get(pk=refund.lapse_entry_id).kind == EntryKind.EXPIRE
        again = ledger.refund_spend(entry_id=spent.entry_id, points=150, source=source, context=later)
        assert again.posting.replayed and (again.lapsed, again.lapse_entry_id) == (100, refund.lapse_entry_id)

    def test_debt_is_paid_before_points_return(self) -> None:
        account = AccountFactory()
        earned = give(account, 100)
        spent = take(account, 100)
        ledger.reverse_credit(entry_id=earned.entry_id, points=70, source=fresh(), context=context())
        assert state(account) == (0, 0, 70, 0)
        refund = ledger.refund_spend(entry_id=spent.entry_id, points=100, source=fresh(), context=context())
        assert (refund.posting.debt_delta, state(account)) == (-70, (30, 0, 0, 0))


class TestReverseCredit:
    def test_takes_its_own_lot_then_free_points_then_debt(self) -> None:
        account = AccountFactory()
        other = give(account, 30, expires_at=NOON + DAY)
        earned = give(account, 100, expires_at=NOON + 30 * DAY)
        take(account, 60)  # 30 of the other, 30 of its own
        give(account, 10)
        posting = ledger.reverse_credit(
            entry_id=earned.entry_id, points=100, source=fresh(), context=context()
        )
        assert (posting.points, posting.debt_delta, state(account)) == (-100, 20, (0, 0, 20, 0))
        assert set(lots(account).values()) == {0} and other.entry_id in lots(account)
        assert give(account, 50).debt == 0
        assert state(account) == (30, 0, 0, 0)

    @pytest.mark.parametrize("policy", [DebtPolicy.CLAMP, DebtPolicy.REDUCE_REFUND])
    def test_other_policies_leave_what_is_spent(self, policy: str) -> None:
        account = AccountFactory()
        earned = give(account, 100)
        take(account, 60)
        posting = ledger.reverse_credit(
            entry_id=earned.entry_id, points=100, policy=policy, source=fresh(), context=context()
        )
        assert (posting.points, state(account)) == (-40, (0, 0, 0, 0))
        nothing = ledger.reverse_credit(
            entry_id=earned.entry_id, points=60, policy=policy, source=fresh(), context=context()
        )
        assert (nothing.entry_id, nothing.points) == (None, 0)

    def test_points_that_lapsed_are_not_taken_twice(self) -> None:
        account = AccountFactory()
        earned = give(account, 100, expires_at=NOON + DAY)
        take(account, 40)
        after = NOON + 2 * DAY
        ledger.call(
            f"SELECT * FROM points_expire_v1(0, 10, %s, 'run', false, {ledger.CONTEXT})",
            (after, *context(now=after).values()),
        )
        assert state(account) == (0, 0, 0, 0)
        ledger.reverse_credit(
            entry_id=earned.entry_id, points=100, source=fresh(), context=context(now=after)
        )
        assert state(account) == (0, 0, 40, 0)  # owes what it spent, not what had lapsed

    def test_only_credits_and_only_once(self) -> None:
        account = AccountFactory()
        earned, source = give(account, 100), fresh()
        first = ledger.reverse_credit(entry_id=earned.entry_id, points=60, source=source, context=context())
        again = ledger.reverse_credit(entry_id=earned.entry_id, points=60, source=source, context=context())
        assert again.replayed and again.entry_id == first.entry_id
        with pytest.raises(AlreadyReversed) as refused:
            ledger.reverse_credit(entry_id=earned.entry_id, points=41, source=fresh(), context=context())
        assert refused.value.details == {"left": 40}
        with pytest.raises(NotReversible):
            ledger.reverse_credit(entry_id=first.entry_id, points=1, source=fresh(), context=context())


class TestHold:
    def hold(self, account: Account, points: int, **values: object) -> ledger.HoldState:
        return ledger.hold(
            account_id=account.pk,
            points=points,
            source=fresh("cart"),
            expires_at=NOON + DAY,
            context=context(),
        )

    def test_held_points_cannot_be_spent_and_capture_takes_the_named_lots(self) -> None:
        account = AccountFactory()
        soon = give(account, 50, expires_at=NOON + 2 * DAY)
        late = give(account, 50, expires_at=NOON + 9 * DAY)
        held = self.hold(account, 60)
        assert state(account) == (100, 60, 0, 0)
        with pytest.raises(InsufficientPoints):
            take(account, 41)
        posting = ledger.capture(hold_id=held.hold_id, points=55, source=fresh(), context=context())
        assert (posting.balance, state(account)) == (45, (45, 0, 0, 0))
        assert lots(account) == {soon.entry_id: 0, late.entry_id: 45}
        assert Hold.objects.get().captured == 55

    def test_a_hold_taken_in_time_is_captured_after_its_lot_lapsed(self) -> None:
        account = AccountFactory()
        give(account, 50, expires_at=NOON + timedelta(hours=1))
        held = self.hold(account, 50)
        posting = ledger.capture(
            hold_id=held.hold_id, points=50, source=fresh(), context=context(now=NOON + timedelta(hours=2))
        )
        assert posting.balance == 0

    def test_ends_once(self) -> None:
        account = AccountFactory()
        give(account, 50)
        held = self.hold(account, 50)
        with pytest.raises(HoldTooSmall):
            ledger.capture(hold_id=held.hold_id, points=51, source=fresh(), context=context())
        with pytest.raises(HoldNotOpen):
            ledger.release(hold_id=held.hold_id, status=HoldStatus.EXPIRED, context=context())
        assert ledger.release(hold_id=held.hold_id, status=HoldStatus.VOIDED, context=context())
        assert not ledger.release(hold_id=held.hold_id, status=HoldStatus.VOIDED, context=context())
        with pytest.raises(HoldNotOpen):
            ledger.capture(hold_id=held.hold_id, points=1, source=fresh(), context=context())
        assert state(account) == (50, 0, 0, 0)

    def test_released_points_pay_the_debt_that_they_were_kept_from(self) -> None:
        account = AccountFactory()
        earned = give(account, 100)
        held = self.hold(account, 80)
        ledger.reverse_credit(entry_id=earned.entry_id, points=100, source=fresh(), context=context())
        assert state(account) == (80, 80, 80, 0)
        ledger.release(hold_id=held.hold_id, status=HoldStatus.VOIDED, context=context())
        assert state(account) == (0, 0, 0, 0)
        assert Adjustment.objects.filter(status=AdjustmentStatus.APPLIED).count() == 2


class TestTransfer:
    def test_pairs_net_to_zero_and_keep_deadlines(self) -> None:
        program = ProgramFactory()
        giver, taker = AccountFactory(program=program), AccountFactory(program=program)
        give(giver, 50, expires_at=NOON + 2 * DAY)
        give(giver, 50, expires_at=NOON + 9 * DAY)
        source = fresh("gift")
        moved = ledger.transfer(
            from_account_id=giver.pk, to_account_id=taker.pk, points=70, source=source, context=context()
        )
        assert sum(p.points for p in moved) == 0
        assert (state(giver)[0], state(taker)[0]) == (30, 70)
        deadlines = (
            Lot.objects.filter(account=taker).order_by("expires_at").values_list("expires_at", "original")
        )
        assert list(deadlines) == [(NOON + 2 * DAY, 50), (NOON + 9 * DAY, 20)]
        again = ledger.transfer(
            from_account_id=giver.pk, to_account_id=taker.pk, points=70, source=source, context=context()
        )
        assert all(p.replayed for p in again) and state(taker)[0] == 70

    def test_a_merge_moves_everything_with_the_debt(self) -> None:
        program = ProgramFactory()
        giver, taker = AccountFactory(program=program), AccountFactory(program=program)
        earned = give(giver, 100)
        take(giver, 100)
        ledger.reverse_credit(entry_id=earned.entry_id, points=100, source=fresh(), context=context())
        give(taker, 30)
        ledger.transfer(
            from_account_id=giver.pk,
            to_account_id=taker.pk,
            points=None,
            source=fresh("merge"),
            context=context(),
        )
        assert (state(giver), state(taker)) == ((0, 0, 0, 0), (0, 0, 70, 0))

    def test_a_merge_waits_for_holds(self) -> None:
        program = ProgramFactory()
        giver, taker = AccountFactory(program=program), AccountFactory(program=program)
        give(giver, 10)
        TestHold().hold(giver, 5)
        with pytest.raises(PointsHeld):
            ledger.transfer(
                from_account_id=giver.pk,
                to_account_id=taker.pk,
                points=None,
                source=fresh(),
                context=context(),
            )


class TestPending:
    def pend(self, account: Account, points: int) -> int:
        return ledger.add_pending(
            account_id=account.pk,
            kind=EntryKind.EARN,
            points=points,
            source=fresh("purchase"),
            confirm_at=NOON + 7 * DAY,
            context=context(),
        )

    def test_waits_outside_the_ledger_until_confirmed(self) -> None:
        account = AccountFactory()
        pending = self.pend(account, 100)
        assert (state(account), Entry.objects.count()) == ((0, 0, 0, 100), 0)
        posting = ledger.confirm_pending(pending_id=pending, context=context(now=NOON + 7 * DAY))
        assert (posting.points, state(account)) == (100, (100, 0, 0, 0))
        assert ledger.confirm_pending(pending_id=pending, context=context()).replayed

    def test_a_return_inside_the_waiting_time_never_touches_the_balance(self) -> None:
        account = AccountFactory()
        pending = self.pend(account, 100)
        assert ledger.reduce_pending(pending_id=pending, points=40, context=context()) == 60
        assert ledger.reduce_pending(pending_id=pending, points=60, context=context()) == 0
        assert (state(account), Entry.objects.count()) == ((0, 0, 0, 0), 0)
        assert PendingCredit.objects.get().status == PendingStatus.CANCELLED


def test_sliding_deadlines_move_with_activity() -> None:
    account = AccountFactory()
    give(account, 10, expires_at=NOON + DAY)
    ledger.spend(account_id=account.pk, points=1, source=fresh(), context=context(), slide_to=NOON + 30 * DAY)
    lot = Lot.objects.get()
    assert lot.expires_at == NOON + 30 * DAY
    assert lot.extensions.get().reason == "activity"


def test_bulk_credits_have_the_effects_of_single_ones() -> None:
    one, many = AccountFactory(), AccountFactory()
    earned = give(one, 100)
    take(one, 100)
    ledger.reverse_credit(entry_id=earned.entry_id, points=100, source=fresh(), context=context())
    give(one, 60)
    give(one, 60)
    give(one, 5)

    earned = give(many, 100)
    take(many, 100)
    ledger.reverse_credit(entry_id=earned.entry_id, points=100, source=fresh(), context=context())
    rows = [
        ledger.CreditRow(many.pk, "earn", points, "bulk", str(n), NOON)
        for n, points in enumerate((60, 60, 5))
    ]
    outcomes = ledger.credit_many(rows, context=context())
    assert [o.refused for o in outcomes] == [None] * 3
    assert state(one) == state(many) == (25, 0, 0, 0)
    columns = ("seq", "kind", "points", "balance_after", "debt_delta")
    assert list(Entry.objects.filter(account=one).values_list(*columns)) == list(
        Entry.objects.filter(account=many).values_list(*columns)
    )
    assert sorted(lots(one).values()) == sorted(lots(many).values())
    again = ledger.credit_many(
        [*rows, ledger.CreditRow(many.pk, "earn", 7, "bulk", "9", NOON)], context=context()
    )
    assert [o.replayed for o in again] == [True, True, True, False]
    assert LotUse.objects.filter(entry__account=many).count() == 1


def test_a_repeated_source_within_one_bulk_call_is_a_replay() -> None:
    account = AccountFactory()
    row = ledger.CreditRow(account.pk, "earn", 5, "bulk", "1", NOON)
    other = ledger.CreditRow(account.pk, "earn", 6, "bulk", "1", NOON)
    first, again, wrong = ledger.credit_many([row, row, other], context=context())
    assert (first.replayed, again.replayed, again.entry_id) == (False, True, first.entry_id)
    assert wrong.refused == "key_reused" and state(account) == (5, 0, 0, 0)
    with pytest.raises(ValueError, match="one by one"):
        ledger.credit_many([replace(row, slide_to=NOON)], context=context())


class TestKeys:
    """The same source for another act is refused, not answered as if it were this one."""

    def test_for_another_original(self) -> None:
        account = AccountFactory()
        one, two = give(account, 50), give(account, 50)
        spent_one, spent_two = take(account, 30), take(account, 30)
        source = fresh()
        ledger.refund_spend(entry_id=spent_one.entry_id, points=30, source=source, context=context())
        with pytest.raises(KeyReused):
            ledger.refund_spend(entry_id=spent_two.entry_id, points=30, source=source, context=context())
        source = fresh()
        ledger.reverse_credit(entry_id=one.entry_id, points=10, source=source, context=context())
        for entry_id, points in ((two.entry_id, 10), (one.entry_id, 20)):
            with pytest.raises(KeyReused):
                ledger.reverse_credit(entry_id=entry_id, points=points, source=source, context=context())

    def test_for_another_hold_or_none(self) -> None:
        account = AccountFactory()
        give(account, 50)
        one, two = TestHold().hold(account, 5), TestHold().hold(account, 5)
        source = fresh()
        ledger.capture(hold_id=one.hold_id, points=5, source=source, context=context())
        with pytest.raises(KeyReused):
            ledger.capture(hold_id=two.hold_id, points=5, source=source, context=context())
        with pytest.raises(KeyReused):
            take(account, 5, source=source)
        assert Hold.objects.get(pk=two.hold_id).status == "open"

    def test_for_another_transfer(self) -> None:
        program = ProgramFactory()
        giver, taker, third = (AccountFactory(program=program) for _ in range(3))
        give(giver, 100)

        def move(to: Account, points: int, name: str) -> list[ledger.Posting]:
            return ledger.transfer(
                from_account_id=giver.pk,
                to_account_id=to.pk,
                points=points,
                source=ledger.Source("gift", name),
                context=context(),
            )

        move(taker, 10, "a_1")
        for to, points in ((taker, 20), (third, 10)):
            with pytest.raises(KeyReused):
                move(to, points, "a_1")
        assert not any(p.replayed for p in move(taker, 10, "ab1"))
        with pytest.raises(InvalidPoints):
            move(taker, 10, "a/1")
        assert state(taker)[0] == 20

    def test_for_points_that_are_there_already(self) -> None:
        account, source = AccountFactory(), fresh("purchase")
        ledger.credit(account_id=account.pk, kind="earn", points=5, source=source, context=context())
        with pytest.raises(KeyReused):
            ledger.add_pending(
                account_id=account.pk,
                kind="earn",
                points=5,
                source=source,
                confirm_at=NOON + DAY,
                context=context(),
            )
        assert state(account) == (5, 0, 0, 0)


def test_a_merge_waits_for_waiting_points_and_lapsed_ones_pay_no_debt() -> None:
    program = ProgramFactory()
    giver, taker = AccountFactory(program=program), AccountFactory(program=program)
    give(giver, 60, expires_at=NOON + DAY)
    earned = give(taker, 30)
    take(taker, 30)
    ledger.reverse_credit(entry_id=earned.entry_id, points=30, source=fresh(), context=context())
    pending = TestPending().pend(giver, 5)
    later = context(now=NOON + 2 * DAY)
    merge = {"from_account_id": giver.pk, "to_account_id": taker.pk, "points": None}
    with pytest.raises(PointsWaiting):
        ledger.transfer(**merge, source=fresh("merge"), context=later)
    ledger.reduce_pending(pending_id=pending, points=5, context=later)
    ledger.transfer(**merge, source=fresh("merge"), context=later)
    assert state(taker) == (60, 0, 30, 0)


def test_points_that_do_not_circulate_pay_at_their_own_brand_only() -> None:
    here, there = StoreFactory(), StoreFactory()
    account = AccountFactory(program=ProgramFactory(circulates=False))
    own = give(account, 50, brand_id=here.brand_id)
    give(account, 50, brand_id=there.brand_id, expires_at=NOON + DAY)
    with pytest.raises(InsufficientPoints) as refused:
        take(account, 51, store_id=here.pk)
    assert refused.value.details == {"needed": 51, "available": 50}
    take(account, 40, store_id=here.pk)
    assert lots(account)[own.entry_id or 0] == 10
    shared = AccountFactory(program=ProgramFactory(circulates=True))
    give(shared, 50, brand_id=there.brand_id)
    assert take(shared, 50, store_id=here.pk).balance == 0
