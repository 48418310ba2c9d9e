"""Waiting points whose time has come (S87): credit becomes entry and the award is posted, in one act."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from backoffice.actors import Actor
from backoffice.models import Job
from backoffice.services import jobs
from campaigns.choices import AwardStatus
from campaigns.models import Award, Grant
from campaigns.services.buyers import lock_buyers
from campaigns.services.taking_back import settle_waiting
from members.choices import MemberStatus
from points.choices import PendingStatus
from points.rules import expiry_of, slide_of
from points.services import ledger

KIND = "campaigns.confirm_due"
CHUNK = 200
# Who can be confirmed or will never be: a frozen member's points wait until he is active again.
DECIDABLE = (MemberStatus.ACTIVE.value, MemberStatus.ERASED.value)


def start(*, now: datetime) -> Job:
    """Ask for a run over what is due now. Asking twice for one instant is one job."""
    return jobs.enqueue(
        kind=KIND, key=f"{KIND}:{now.isoformat()}", params={"as_of": now.isoformat()}, now=now
    )


@transaction.atomic
def confirm_due(*, actor: Actor, now: datetime, as_of: datetime | None = None, limit: int = CHUNK) -> int:
    """Settle at most `limit` waiting awards and grants that are due at `as_of` (default: now); how many.

    Fewer than `limit`: none is left.

    Points last from the moment at which they can be used, so deadlines count from `now`. An erased member's
    waiting points are cancelled. Members are locked in id order; a repetition finds nothing to do.
    """
    found: dict[type[Award | Grant], list[tuple[int, int]]] = {}
    kinds: tuple[type[Award | Grant], ...] = (Award, Grant)
    for kind in kinds:
        due = kind._default_manager.filter(
            status=AwardStatus.PENDING,
            pending__confirm_at__lte=as_of or now,
            account__member__status__in=DECIDABLE,
        ).order_by("pending__confirm_at", "id")
        left = limit - sum(map(len, found.values()))
        found[kind] = list(due.values_list("pk", "account__member_id")[:left])
    buyers = lock_buyers(member_id for due in found.values() for _, member_id in due)
    rows: list[Award | Grant] = []
    for kind, due in found.items():
        waiting = kind._default_manager.filter(pk__in=[pk for pk, _ in due], status=AwardStatus.PENDING)
        rows += waiting.select_related("account__program").order_by("id")
    # Both kinds in one order of accounts: others take several of them in this order, too.
    for row in sorted(rows, key=lambda row: row.account_id or 0):
        assert row.account is not None, "what waits has its account"
        owner = buyers.get(row.account.member_id)
        # A merge that came in between has moved it; the next run finds it there.
        if owner and owner.member_id == row.account.member_id:
            _confirm(row, owner.status, actor, now)
    return sum(map(len, found.values()))


def _confirm(award: Award | Grant, member_status: str, actor: Actor, now: datetime) -> None:
    pending = settle_waiting(award)
    assert award.account is not None, "what waits has its account"
    program = award.account.program
    context = ledger.Context(actor=actor, now=now)
    if pending.status == PendingStatus.OPEN and member_status == MemberStatus.ACTIVE:
        posting = ledger.confirm_pending(
            pending_id=pending.pk,
            context=context,
            expires_at=expiry_of(program, now),
            slide_to=slide_of(program, now),
        )
        award.status, award.entry_id = AwardStatus.POSTED, posting.entry_id
    elif pending.status == PendingStatus.OPEN and member_status == MemberStatus.ERASED:
        ledger.reduce_pending(pending_id=pending.pk, points=pending.points, context=context)
        award.status = AwardStatus.CANCELLED
    award.save(update_fields=["status", "entry"])
