"""What a receipt meets before it is judged: its store, the member whom it locks, his accounts, the programs.

One statement, because somebody waits at the till (`sql/settle_v1.sql`, `sql/settle_v2.sql`). The first lock
of every settlement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from backoffice import prepared
from backoffice.errors import OutOfReach
from backoffice.services.idempotency import KeyOfRequest
from campaigns.earning import Buyer
from campaigns.errors import PurchaseMoved
from members.choices import MemberStatus
from members.models import Member
from members.selectors.lineage import survivor
from points import remembered
from points.models import Program

MEET = "SELECT * FROM campaigns_meet_receipt_v1(%s, %s, %s, %s)"
OPEN = "SELECT * FROM campaigns_open_receipt_v1(%s, %s, %s, %s, %s, %s, %s, %s)"
# What of a member's row comes along, in the order of its columns; the rest of it is read when somebody asks.
KNOWN = ["id", "card_no", "phone", "name", "status", "brand_id"]


@dataclass(frozen=True, slots=True)
class Met:
    """`member` is locked until commit; None for none, and for one who is not there or was merged.

    `accounts` are his, program id to account id; `carries` their small change in NT$, by account id.
    `programs` are
    all that purchases at the store's brand fall under, active or not, oldest first. `in_inbox`: a till's
    inbox has
    the receipt's number.
    """

    store_id: int
    brand_id: int
    in_inbox: bool
    member: Member | None
    accounts: dict[int, int]
    carries: dict[int, Decimal]
    programs: list[Program]

    @property
    def buyer(self) -> Buyer | None:
        member = self.member
        return Buyer(member.pk, member.status, member.brand_id) if member else None


def meet(
    *, store_id: int, member_id: int | None = None, card_no: str | None = None, number: str | None = None
) -> Met:
    """Lock the member of this id, or else of this card, and read what he has; look for `number` in the inbox.

    Raises OutOfReach for an unknown store, RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a member is locked for the length of a transaction")
    row = prepared.first(MEET, [store_id, number, member_id, card_no])
    assert row is not None, "the function answers one row"
    return _met(row, store_id)


def open_receipt(
    *, key: KeyOfRequest, store_id: int, member_id: int | None, card_no: str | None, number: str
) -> tuple[int | None, Met | None]:
    """`meet` in one statement with the claim of the request's key, which comes before any lock: (id of the
    key's row, what was met), or two times None where the key is known. Raises OutOfReach.
    """
    values = [key.client, key.key, key.digest, key.now, store_id, number, member_id, card_no]
    row = prepared.first(OPEN, values)
    assert row is not None, "the function answers one row"
    return (row[0], _met(row[1:], store_id)) if row[0] is not None else (None, None)


def _met(row: Sequence[Any], store_id: int) -> Met:
    store, brand, item, *who, accounts, programs = row
    if store is None:
        raise OutOfReach
    member = prepared.made_of(Member, KNOWN, who) if who[0] is not None else None
    versions = dict(programs or ())
    known = remembered.programs(versions)
    return Met(
        store_id=store,
        brand_id=brand,
        in_inbox=item is not None,
        member=member,
        accounts={program: account for program, account, _carry in accounts or ()},
        carries={account: Decimal(carry) for _program, account, carry in accounts or () if carry is not None},
        programs=[known[pk] for pk in versions],
    )


def meet_member(*, store_id: int, member_id: int | None) -> Met:
    """`meet` with the member whom this one has become. Raises OutOfReach for an unknown store or member,
    PurchaseMoved when he was merged this very moment (a repetition succeeds).
    """
    met = meet(store_id=store_id, member_id=member_id)
    if met.member is not None or member_id is None:
        return met
    found = Member.objects.filter(pk=member_id).first()
    if found is None:
        raise OutOfReach
    if found.status == MemberStatus.MERGED:
        met = meet(store_id=store_id, member_id=survivor(found).pk)
    if met.member is None:
        raise PurchaseMoved
    return met
