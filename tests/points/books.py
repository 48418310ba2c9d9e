"""A small, complete set of healthy books, and the tools of somebody who tampers with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from backoffice.actors import Actor
from backoffice.models import IdempotencyKey
from campaigns.models import Award, AwardReturn
from points.choices import EntryKind
from points.models import Account, Adjustment, Entry
from points.services import ledger
from tests.factories.backoffice import UserFactory
from tests.factories.members import PurchaseFactory, PurchaseReturnFactory
from tests.factories.points import NOON, AccountFactory, ProgramFactory, context, fresh

DAY = timedelta(days=1)
AT = NOON + 2 * DAY
"""When the books are proved: two days after their first entry."""


@dataclass(frozen=True)
class Books:
    """Ids of rows worth tampering with. `a`, `b`, `c` are accounts of one program, `d` of another."""

    a: int
    b: int
    c: int
    d: int
    earn: int
    spend: int
    hold_spend: int
    refund: int
    transfer_in: int
    correction: int
    used_lot: int
    fresh_lot: int
    lapsed_lot: int
    open_hold: int
    captured_hold: int
    adjustments: tuple[int, int]
    clerks: tuple[int, int]
    purchase: int
    purchase_return: int
    program: str
    other_program: int
    member_a: int
    member_b: int


def credit(
    account: Account, points: int, at: datetime, days: float | None, kind: str = EntryKind.BONUS
) -> int:
    """A credit at `at` that expires `days` later; answers its entry."""
    posting = ledger.credit(
        account_id=account.pk,
        kind=kind,
        points=points,
        source=fresh("gift"),
        context=context(now=at),
        expires_at=None if days is None else at + days * DAY,
    )
    assert posting.entry_id
    return posting.entry_id


def entry_of(posting: ledger.Posting) -> int:
    assert posting.entry_id
    return posting.entry_id


def correct(account: Account, points: int, clerk: Any, at: datetime) -> int:
    """A correction that needs no second person, applied; answers the request."""
    request = Adjustment.objects.create(
        account=account,
        points=points,
        reason="goodwill",
        key=fresh("key").id,
        status="approved",
        requested_by=clerk,
        created_at=at,
    )
    ledger.adjust(
        adjustment_id=request.pk, expires_at=at + 300 * DAY, context=context(now=at, actor=Actor.staff(clerk))
    )
    return request.pk


def buy(account: Account, at: datetime) -> tuple[int, int]:
    """An order of NT$ 1,000 that earned 100 points, of which a return of NT$ 300 took back 30."""
    purchase = PurchaseFactory(member=account.member, paid=Decimal(1000), purchased_at=at)
    earned = ledger.credit(
        account_id=account.pk,
        kind=EntryKind.EARN,
        points=100,
        source=ledger.Source("purchase", str(purchase.pk)),
        context=context(now=at),
        expires_at=at + 400 * DAY,
    )
    back = PurchaseReturnFactory(purchase=purchase, amount=Decimal(300), returned_at=at)
    taken = ledger.reverse_credit(
        entry_id=entry_of(earned),
        points=30,
        source=ledger.Source("purchase_return", str(back.pk)),
        context=context(now=at),
    )
    award = Award.objects.create(
        purchase=purchase,
        program=account.program,
        account=account,
        base=Decimal(1000),
        points=100,
        returned=30,
        status="posted",
        entry_id=earned.entry_id,
        rule_version=1,
        created_at=at,
    )
    AwardReturn.objects.create(
        award=award, purchase_return=back, asked=30, points=30, entry_id=taken.entry_id
    )
    return purchase.pk, back.pk


def keep_books() -> Books:
    """Every kind of entry once, through the ledger, with debt, holds, an order and its return."""
    program, other = ProgramFactory(is_default=True), ProgramFactory()
    a, b, c = (AccountFactory(program=program) for _ in range(3))
    d = AccountFactory(program=other)
    clerks = UserFactory(), UserFactory()
    t = [NOON + timedelta(hours=hour) for hour in range(12)]

    used = credit(a, 100, t[0], 10)
    earn = credit(a, 200, t[0], 20)
    untouched = credit(a, 500, t[0], 30)
    spent = ledger.spend(account_id=a.pk, points=150, source=fresh(), context=context(now=t[1]))
    refund = ledger.refund_spend(
        entry_id=entry_of(spent), points=20, source=fresh(), context=context(now=t[2])
    )
    held, kept = (
        ledger.hold(account_id=a.pk, points=n, source=fresh(), expires_at=AT + DAY, context=context(now=t[3]))
        for n in (15, 30)
    )
    captured = ledger.capture(hold_id=held.hold_id, points=10, source=fresh(), context=context(now=t[4]))
    moved = ledger.transfer(
        from_account_id=a.pk, to_account_id=c.pk, points=25, source=fresh(), context=context(now=t[5])
    )
    requests = correct(a, 990, clerks[0], t[6]), correct(c, 990, clerks[1], t[6])
    # The first clerk is near his daily limit; none of his corrections is large enough for a second person.
    for _ in range(4):
        correct(a, 990, clerks[0], t[6])
    purchase, back = buy(a, t[7])
    ledger.add_pending(
        account_id=a.pk,
        kind="earn",
        points=40,
        source=fresh(),
        confirm_at=AT + 7 * DAY,
        context=context(now=t[8]),
    )

    # `b` owes 40 while 60 of its points have lapsed and wait for the nightly job.
    lapsed = credit(b, 60, t[0], 1)
    taken_back = credit(b, 40, t[0], 0.5)
    ledger.spend(account_id=b.pk, points=40, source=fresh(), context=context(now=t[1]))
    ledger.reverse_credit(
        entry_id=taken_back, points=40, source=fresh(), context=context(now=t[0] + 1.5 * DAY)
    )
    credit(d, 70, t[0], None)
    IdempotencyKey.objects.create(
        client="till:1", key="k1", request_hash="0" * 64, status=201, body={"entry_id": earn}, created_at=t[0]
    )
    return Books(
        a=a.pk,
        b=b.pk,
        c=c.pk,
        d=d.pk,
        earn=earn,
        spend=entry_of(spent),
        hold_spend=entry_of(captured),
        refund=entry_of(refund.posting),
        transfer_in=entry_of(moved[1]),
        correction=Entry.objects.get(adjustment=requests[0]).pk,
        used_lot=used,
        fresh_lot=untouched,
        lapsed_lot=lapsed,
        open_hold=kept.hold_id,
        captured_hold=held.hold_id,
        adjustments=requests,
        clerks=(clerks[0].pk, clerks[1].pk),
        purchase=purchase,
        purchase_return=back,
        program=program.code,
        other_program=other.pk,
        member_a=a.member_id,
        member_b=b.member_id,
    )


DISARM = """
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT conrelid::regclass AS tab, conname FROM pg_constraint
                 WHERE contype IN ('c', 'u') AND connamespace = 'public'::regnamespace
                   AND conrelid::regclass::text ~ '^(points|campaigns|members_purchase|backoffice_outbox)'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.tab, found.conname);
    END LOOP;
    FOR found IN SELECT indexrelid::regclass AS idx FROM pg_index
                 WHERE indisunique AND NOT indisprimary AND indrelid::regclass::text ~ '^points'
    LOOP
        EXECUTE format('DROP INDEX %s', found.idx);
    END LOOP;
END $$
"""


def tamper(sql: str) -> None:
    """Write past every trigger, foreign key and constraint, as a superuser can. Ends with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(DISARM)
        cursor.execute(sql)
        cursor.execute("SET LOCAL session_replication_role = origin")
