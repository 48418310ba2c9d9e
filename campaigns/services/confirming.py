"""Waiting points whose time has come (S87): credit becomes entry and the award is posted, in one act."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from backoffice.actors import Actor
from backoffice.models import Job
from backoffice.services import jobs
from campaigns.choices import AwardStatus
from campaigns.models import Award
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
    """Settle at most `limit` waiting awards that are due at `as_of` (default: now); answers how many.

    Fewer than `limit`: none is left.

    Points last from the moment at which they can be used, so deadlines count from `now`. An erased member's
    waiting points are cancelled. Members are locked in id order; a repetition finds nothing to do.
    """
    due = list(
        Award.objects.filter(
            status=AwardStatus.PENDING,
            pending__confirm_at__lte=as_of or now,
            account__member__status__in=DECIDABLE,
        )
        .order_by("pending__confirm_at", "id")
        .values_list("pk", "account__member_id")[:limit]
    )
    buyers = lock_buyers(member_id for _, member_id in due)
    awards = Award.objects.filter(pk__in=[pk for pk, _ in due], status=AwardStatus.PENDING)
    for award in awards.select_related("program", "account").order_by("account_id", "id"):
        assert award.account is not None, "a waiting award has its account"
        owner = buyers.get(award.account.member_id)
        # A merge that came in between has moved the award; the next run finds it there.
        if owner and owner.member_id == award.account.member_id:
            _confirm(award, owner.status, actor, now)
    return len(due)


def _confirm(award: Award, member_status: str, actor: Actor, now: datetime) -> None:
    pending = settle_waiting(award)
    context = ledger.Context(actor=actor, now=now)
    if pending.status == PendingStatus.OPEN and member_status == MemberStatus.ACTIVE:
        posting = ledger.confirm_pending(
            pending_id=pending.pk,
            context=context,
            expires_at=expiry_of(award.program, now),
            slide_to=slide_of(award.program, now),
        )
        award.status, award.entry_id = AwardStatus.POSTED, posting.entry_id
    elif pending.status == PendingStatus.OPEN and member_status == MemberStatus.ERASED:
        ledger.reduce_pending(pending_id=pending.pk, points=pending.points, context=context)
        award.status = AwardStatus.CANCELLED
    award.save(update_fields=["status", "entry"])
