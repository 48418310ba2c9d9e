"""The second half of a bulk settlement: judged awards become entries, waiting credits and award rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection

from backoffice.actors import Actor
from campaigns.choices import AwardStatus
from campaigns.earning import Earning
from campaigns.services.settlement import SOURCE_TYPE
from members.purchase_data import PurchaseData
from points.choices import EntryKind, ExpiryPolicy
from points.models import Program
from points.rules import confirmation_of, expiry_of, slide_of
from points.services import ledger

AWARD_COLUMNS = (
    "purchase_id, program_id, account_id, base, points, returned, status, entry_id, pending_id, rule_version,"
    " explanation, created_at"
)


# (member id, program id): what names an account before it is open.
Card = tuple[int, int]


@dataclass(slots=True)
class Grant:
    """An award on its way: judged, then posted (or waiting), then written."""

    purchase_id: int
    receipt: PurchaseData
    program: Program
    brand_id: int
    card: Card | None
    earning: Earning
    explanation: dict[str, Any]
    account_id: int | None = None
    status: str = AwardStatus.NOTHING.value
    entry_id: int | None = None
    pending_id: int | None = None


def post(grants: Iterable[Grant], actor: Actor, now: datetime) -> None:
    """Post what is due at once, in the order given; each grant learns its entry."""
    context = ledger.Context(actor=actor, now=now)
    together: list[Grant] = []
    for grant in grants:
        if not grant.earning.points or grant.program.pending_days:
            continue
        grant.status = AwardStatus.POSTED.value
        if grant.program.expiry_policy == ExpiryPolicy.SLIDING:
            # Each earning moves the deadlines of the ones before it, also of those in this very chunk.
            grant.entry_id = _post_one(grant, context)
        else:
            together.append(grant)
    if not together:
        return
    rows = [_credit_row(grant) for grant in together]
    outcomes = ledger.credit_many(rows, context=context)
    for grant, outcome in zip(together, outcomes, strict=True):
        # The members are locked and the receipts are new: a refusal here would be a fault of ours.
        if outcome.entry_id is None:
            raise RuntimeError(f"purchase {grant.purchase_id} was not posted: {outcome.refused}")
        grant.entry_id = outcome.entry_id


def _credit_row(grant: Grant) -> ledger.CreditRow:
    assert grant.account_id is not None, "points go to an account"
    receipt = grant.receipt
    return ledger.CreditRow(
        account_id=grant.account_id,
        kind=EntryKind.EARN.value,
        points=grant.earning.points,
        source_type=SOURCE_TYPE,
        source_id=str(grant.purchase_id),
        occurred_at=receipt.purchased_at,
        expires_at=expiry_of(grant.program, receipt.purchased_at),
        slide_to=slide_of(grant.program, receipt.purchased_at),
        store_id=receipt.store_id,
        brand_id=grant.brand_id,
        explanation=grant.explanation,
    )


def _post_one(grant: Grant, context: ledger.Context) -> int | None:
    row = _credit_row(grant)
    return ledger.credit(
        account_id=row.account_id,
        kind=row.kind,
        points=row.points,
        source=ledger.Source(row.source_type, row.source_id),
        context=replace(
            context,
            occurred_at=row.occurred_at,
            store_id=row.store_id,
            brand_id=row.brand_id,
            explanation=row.explanation,
        ),
        expires_at=row.expires_at,
        slide_to=row.slide_to,
    ).entry_id


def let_wait(grants: Iterable[Grant], actor: Actor, now: datetime) -> None:
    """Let the points of programs with `pending_days` wait; each grant learns its waiting credit."""
    for grant in grants:
        confirm_at = confirmation_of(grant.program, grant.receipt.purchased_at)
        if not grant.earning.points or confirm_at is None:
            continue
        assert grant.account_id is not None, "points go to an account"
        grant.status = AwardStatus.PENDING.value
        grant.pending_id = ledger.add_pending(
            account_id=grant.account_id,
            kind=EntryKind.EARN,
            points=grant.earning.points,
            source=ledger.Source(SOURCE_TYPE, str(grant.purchase_id)),
            confirm_at=confirm_at,
            context=ledger.Context(
                actor=actor,
                now=now,
                occurred_at=grant.receipt.purchased_at,
                store_id=grant.receipt.store_id,
                brand_id=grant.brand_id,
                explanation=grant.explanation,
            ),
        )


def write_awards(grants: Iterable[Grant], now: datetime) -> None:
    """COPY the awards, the empty ones too."""
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY campaigns_award ({AWARD_COLUMNS}) FROM STDIN") as copy,
    ):
        for grant in grants:
            copy.write_row(
                (
                    grant.purchase_id,
                    grant.program.pk,
                    grant.account_id,
                    grant.receipt.paid,
                    grant.earning.points,
                    0,
                    grant.status,
                    grant.entry_id,
                    grant.pending_id,
                    grant.program.version,
                    json.dumps(grant.explanation),
                    now,
                )
            )
