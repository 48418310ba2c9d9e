"""Many receipts at once: the same rule and the same effects as `settle_purchase` one by one, set by set.

A call is one transaction (5,000 receipts are a good size) and safe to repeat: a receipt that was settled
before counts as known and has no effect. Lock order as in `settlement`; members in id order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from backoffice.actors import Actor
from backoffice.errors import OutOfReach
from backoffice.models import Store
from campaigns.earning import NOTHING, Buyer, EarningRule, judge
from campaigns.models import Carry
from campaigns.selectors import programs_for
from campaigns.services.bulk_posting import Card, Grant, let_wait, post, write_awards
from campaigns.services.buyers import lock_buyers, look_at_buyers
from campaigns.services.settlement import applicable, claimed_among, explained
from members.models import Purchase
from members.purchase_data import PurchaseData, ReceiptKey
from members.services.bulk_purchases import record_new
from members.services.purchases import differences
from points.models import Account, Program
from points.services import ledger

CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Given:
    """A receipt that was stored by this very call, and its points by program id."""

    purchase_id: int
    points: dict[int, int]


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of a chunk. `differing` are receipts that are stored, or came twice, with other content."""

    recorded: int
    known: int
    points: int
    differing: dict[ReceiptKey, str]
    given: dict[ReceiptKey, Given]


@dataclass(frozen=True, slots=True)
class BulkPreview:
    """What settling would do: points by program id of what is new; others are known, or differ in that."""

    new: dict[ReceiptKey, dict[int, int]]
    differing: dict[ReceiptKey, str]


@dataclass(slots=True)
class _Books:
    """What judging a chunk needs to know, read once: all of it behind the lock of the members."""

    buyers: dict[int, Buyer]
    stores: dict[int, Store]
    programs: dict[int, list[Program]]
    accounts: dict[int, dict[int, int]]
    carries: dict[Card, Decimal]
    rules: dict[int, EarningRule]
    moved: set[Card] = field(default_factory=set)


@transaction.atomic
def settle_many(receipts: Sequence[PurchaseData], *, actor: Actor, now: datetime) -> BulkResult:
    """Record and reward these receipts in their order, which is the order of each account's entries.

    Raises OutOfReach when a store or member does not exist, PurchaseMoved when one was merged this very
    moment, ReceiptDiffers when another session stores one of them differently meanwhile; then nothing is
    written.
    """
    stores = Store.objects.in_bulk({receipt.store_id for receipt in receipts})
    buyers = lock_buyers({receipt.member_id for receipt in receipts if receipt.member_id is not None})
    _refuse_unknown(receipts, stores, buyers)
    fresh, known, differing = _sorted_out([_to_survivor(receipt, buyers) for receipt in receipts])
    recorded = record_new(fresh, now=now)
    new = [receipt for receipt in fresh if receipt.key in recorded.new]
    books = _open_books(new, buyers, stores)
    grants = [grant for receipt in new for grant in _judged(receipt, recorded.ids[receipt.key], books)]
    _find_accounts(grants, books, now)
    post(grants, actor, now)
    let_wait(grants, actor, now)
    write_awards(grants, now)
    _write_carries(books)
    given = {receipt.key: Given(recorded.ids[receipt.key], {}) for receipt in new}
    for grant in grants:
        given[grant.receipt.key].points[grant.program.pk] = grant.earning.points
    return BulkResult(
        recorded=len(new),
        known=known + len(fresh) - len(new),
        points=sum(grant.earning.points for grant in grants),
        differing=differing,
        given=given,
    )


def preview_many(receipts: Sequence[PurchaseData]) -> BulkPreview:
    """What `settle_many` would say to these receipts just now; locks and writes nothing.

    Small change is carried on within the call, so the points of programs with it are an estimate.
    Raises OutOfReach when a store or member does not exist.
    """
    stores = Store.objects.in_bulk({receipt.store_id for receipt in receipts})
    buyers = look_at_buyers({receipt.member_id for receipt in receipts if receipt.member_id is not None})
    _refuse_unknown(receipts, stores, buyers)
    fresh, _known, differing = _sorted_out([_to_survivor(receipt, buyers) for receipt in receipts])
    books = _open_books(fresh, buyers, stores, locked=False)
    new = {
        receipt.key: {grant.program.pk: grant.earning.points for grant in _judged(receipt, 0, books)}
        for receipt in fresh
    }
    return BulkPreview(new, differing)


def _refuse_unknown(
    receipts: Iterable[PurchaseData], stores: Mapping[int, Store], buyers: Mapping[int, Buyer]
) -> None:
    if any(r.store_id not in stores or (r.member_id and r.member_id not in buyers) for r in receipts):
        raise OutOfReach


def _to_survivor(receipt: PurchaseData, buyers: Mapping[int, Buyer]) -> PurchaseData:
    if receipt.member_id is None or buyers[receipt.member_id].member_id == receipt.member_id:
        return receipt
    return replace(receipt, member_id=buyers[receipt.member_id].member_id)


def _sorted_out(
    receipts: Iterable[PurchaseData],
) -> tuple[list[PurchaseData], int, dict[ReceiptKey, str]]:
    """(receipts to store, how many are stored already, those that differ and in what), order kept."""
    by_key: dict[ReceiptKey, PurchaseData] = {}
    differing: dict[ReceiptKey, str] = {}
    known = 0
    for receipt in receipts:
        if receipt.key not in by_key:
            by_key[receipt.key] = receipt
        elif by_key[receipt.key] == receipt:
            known += 1
        else:
            differing[receipt.key] = "twice"
    for source in {key.source for key in by_key}:
        numbers = [key.receipt_no for key in by_key if key.source == source]
        rows = Purchase.objects.filter(source=source, receipt_no__in=numbers)
        stored = {
            ReceiptKey(source, row.receipt_no): row for row in rows.prefetch_related("lines", "tenders")
        }
        claimed = _claimed(stored, by_key)
        for key, purchase in stored.items():
            told = by_key.pop(key)
            if purchase.pk in claimed:
                told = replace(told, member_id=purchase.member_id)
            fields = differences(purchase, told)
            known += not fields
            if fields:
                differing[key] = ", ".join(fields)
    return list(by_key.values()), known, differing


def _claimed(
    stored: Mapping[ReceiptKey, Purchase], told: Mapping[ReceiptKey, PurchaseData]
) -> frozenset[int]:
    """Stored receipts that are told without a member, as they were at first, and have found theirs since."""
    found = [
        purchase.pk
        for key, purchase in stored.items()
        if purchase.member_id is not None and told[key].member_id is None
    ]
    return claimed_among(found) if found else frozenset()


def _open_books(
    receipts: Sequence[PurchaseData],
    buyers: dict[int, Buyer],
    stores: dict[int, Store],
    *,
    locked: bool = True,
) -> _Books:
    brands = {stores[receipt.store_id].brand_id for receipt in receipts}
    programs = {brand_id: programs_for(brand_id) for brand_id in brands}
    accounts: dict[int, dict[int, int]] = {buyer.member_id: {} for buyer in buyers.values()}
    rows = Account.objects.filter(member__in=list(accounts))
    for member_id, program_id, pk in rows.values_list("member_id", "program_id", "pk"):
        accounts[member_id][program_id] = pk
    rules = {program.pk: EarningRule.of(program) for group in programs.values() for program in group}
    carries: dict[Card, Decimal] = {}
    if any(rule.carry_over for rule in rules.values()):
        waiting = Carry.objects.filter(account__member__in=list(accounts)).order_by("account_id")
        if locked:
            waiting = waiting.select_for_update(of=("self",))
        for carry in waiting.select_related("account"):
            carries[carry.account.member_id, carry.account.program_id] = carry.amount
    return _Books(buyers, stores, programs, accounts, carries, rules)


def _judged(receipt: PurchaseData, purchase_id: int, books: _Books) -> list[Grant]:
    """The receipt's award in every program that answers it; small change is carried on in memory."""
    brand_id = books.stores[receipt.store_id].brand_id
    buyer = None if receipt.member_id is None else books.buyers[receipt.member_id]
    accounts = books.accounts[buyer.member_id] if buyer else {}
    grants = []
    for program, _account in applicable(books.programs[brand_id], accounts):
        card = (buyer.member_id if buyer else 0, program.pk)
        before = books.carries.get(card, NOTHING)
        rule = books.rules[program.pk]
        earning = judge(rule=rule, buyer=buyer, store_brand_id=brand_id, base=receipt.paid, carry=before)
        moves_carry = "carry_out" in earning.explanation and earning.carry_after != before
        if moves_carry:
            books.carries[card] = earning.carry_after
            books.moved.add(card)
        grants.append(
            Grant(
                purchase_id=purchase_id,
                receipt=receipt,
                program=program,
                brand_id=brand_id,
                card=card if earning.points or moves_carry else None,
                earning=earning,
                explanation=explained(program, earning, receipt.purchased_at),
            )
        )
    return grants


def _find_accounts(grants: Iterable[Grant], books: _Books, now: datetime) -> None:
    """Name the account of every award that moves points or small change; the missing ones are opened."""
    touched = [(grant, grant.card) for grant in grants if grant.card]
    missing = (card for _, card in touched if card[1] not in books.accounts[card[0]])
    for (member_id, program_id), pk in ledger.open_accounts(pairs=missing, now=now).items():
        books.accounts[member_id][program_id] = pk
    for grant, (member_id, program_id) in touched:
        grant.account_id = books.accounts[member_id][program_id]


def _write_carries(books: _Books) -> None:
    rows = [
        Carry(account_id=books.accounts[member_id][program_id], amount=books.carries[member_id, program_id])
        for member_id, program_id in sorted(books.moved)
    ]
    Carry.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["account"], update_fields=["amount"], batch_size=1000
    )
