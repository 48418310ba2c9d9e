"""Signed changes that staff ask for: applied at once within the limits, else by a second person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db import IntegrityError, transaction

from backoffice.actors import Actor
from backoffice.errors import OutOfReach
from backoffice.models import User
from backoffice.services import audit
from members.models import StaffCard
from points import policy
from points.choices import AdjustmentStatus, EntryKind, ReasonCode
from points.errors import InvalidPoints, KeyReused, NotReversible, NotWaiting, OwnCard, OwnRequest
from points.models import Account, Adjustment, Entry, LotUse
from points.postings import Context, Posting
from points.rules import expiry_of
from points.services import ledger
from points.services.corrections.guard import reachable_account, staff_with, within_daily_limit


@dataclass(frozen=True, slots=True)
class CorrectionResult:
    """`posting` is None while the request waits for a second person."""

    adjustment_id: int
    status: str
    posting: Posting | None
    replayed: bool = False

    @property
    def entry_id(self) -> int | None:
        return self.posting.entry_id if self.posting else None


@transaction.atomic
def correct(
    *,
    account_id: int,
    points: int,
    reason: str,
    note: str,
    key: str,
    actor: Actor,
    now: datetime,
    expected_seq: int | None = None,
    expires_at: datetime | None = None,
) -> CorrectionResult:
    """Give (`points` > 0) or take points, with a reason. Above the limits the request waits for approval.

    `key` belongs to the person: another's equal key is another request.
    Raises NotAllowed, OutOfReach, OwnCard, InvalidPoints, KeyReused, BalanceMoved, InsufficientPoints,
    MemberNotServed.
    """
    user = staff_with(actor, "points.correct_points")
    if type(points) is not int or not 0 < abs(points) <= ledger.MAX_POINTS:
        raise InvalidPoints(value=points)
    request = Adjustment(
        account=reachable_account(account_id, user),
        points=points,
        reason=reason,
        note=note,
        # The system's own keys ("grace:7", "debt-out:...") stand apart from what people may choose.
        key=f"staff:{user.pk}:{key}",
        requested_by=user,
        expires_at=expires_at,
        created_at=now,
    )
    return _submit(request, user, actor, now, expected_seq)


def _submit(
    request: Adjustment, user: User, actor: Actor, now: datetime, expected_seq: int | None
) -> CorrectionResult:
    """Store the request and book it, or let it wait; the same key again answers the stored one."""
    known = Adjustment.objects.filter(key=request.key).first()
    if known:
        return _known(known, request, user)
    try:
        # When the same key wins elsewhere at this moment, what was counted on the clerk's day goes back too.
        with transaction.atomic():
            approved = not policy.needs_second_person(request.points) and (
                request.points < 0 or within_daily_limit(user, request.points, now)
            )
            request.status = AdjustmentStatus.APPROVED if approved else AdjustmentStatus.PENDING
            request.needs_approval = not approved
            request.save(force_insert=True)
    except IntegrityError:
        return _known(Adjustment.objects.get(key=request.key), request, user)
    posting = _apply(request, actor, now, expected_seq) if approved else None
    audit.record(
        actor=actor,
        action="points.correct" if approved else "points.correct.request",
        subject=request,
        changes={"points": [None, request.points], "account": [None, request.account_id]},
        reason=f"{request.reason}: {request.note}",
        now=now,
    )
    status = AdjustmentStatus.APPLIED if approved else AdjustmentStatus.PENDING
    return CorrectionResult(request.pk, status, posting)


def _known(stored: Adjustment, wanted: Adjustment, user: User) -> CorrectionResult:
    same = (stored.account_id, stored.points) == (wanted.account_id, wanted.points)
    if not same or (wanted.reason != ReasonCode.GRACE and stored.requested_by_id != user.pk):
        raise KeyReused
    request = stored
    entry = Entry.objects.filter(adjustment=request).select_related("account").first()
    posting = None
    if entry:
        posting = Posting(
            entry.pk,
            entry.seq,
            entry.points,
            entry.debt_delta,
            entry.account.balance,
            entry.account.held,
            entry.account.debt,
            True,
        )
    return CorrectionResult(request.pk, request.status, posting, replayed=True)


def _apply(request: Adjustment, actor: Actor, now: datetime, expected_seq: int | None) -> Posting:
    program = request.account.program
    context = Context(
        actor=actor,
        now=now,
        reason=request.reason,
        note=request.note,
        brand_id=program.brand_id,
        expected_seq=expected_seq,
        explanation={
            "rule": "correction",
            "request": request.pk,
            "requested_by": request.requested_by_id,
            "approved_by": request.approved_by_id,
        },
    )
    expires_at = request.expires_at or expiry_of(program, now)
    return ledger.adjust(
        adjustment_id=request.pk, expires_at=expires_at if request.points > 0 else None, context=context
    )


def _waiting(adjustment_id: int, actor: Actor, now: datetime, status: str) -> Adjustment:
    user = staff_with(actor, "points.approve_correction")
    request = (
        Adjustment.objects.select_for_update(of=("self",))
        .select_related("account__program", "account__member")
        .filter(pk=adjustment_id, account__in=Account.objects.visible_to(user))
        .first()
    )
    if request is None:
        raise OutOfReach
    if request.status != AdjustmentStatus.PENDING:
        raise NotWaiting(status=request.get_status_display())
    if request.requested_by_id == user.pk:
        raise OwnRequest
    if StaffCard.objects.filter(user=user, member_id=request.account.member_id).exists():
        raise OwnCard
    request.status = status
    request.approved_by = user
    request.decided_at = now
    request.save(update_fields=["status", "approved_by", "decided_at"])
    return request


@transaction.atomic
def approve(*, adjustment_id: int, actor: Actor, now: datetime) -> CorrectionResult:
    """A second person lets a waiting correction happen.

    Raises NotAllowed, OutOfReach, NotWaiting, OwnRequest, OwnCard, InsufficientPoints, MemberNotServed.
    """
    request = _waiting(adjustment_id, actor, now, AdjustmentStatus.APPROVED)
    posting = _apply(request, actor, now, None)
    audit.record(
        actor=actor, action="points.correct.approve", subject=request, changes={}, reason="", now=now
    )
    return CorrectionResult(request.pk, AdjustmentStatus.APPLIED, posting)


@transaction.atomic
def reject(*, adjustment_id: int, note: str, actor: Actor, now: datetime) -> CorrectionResult:
    """A second person refuses a waiting correction. Raises like `approve`, and writes no entry."""
    request = _waiting(adjustment_id, actor, now, AdjustmentStatus.REJECTED)
    audit.record(
        actor=actor, action="points.correct.reject", subject=request, changes={}, reason=note, now=now
    )
    return CorrectionResult(request.pk, AdjustmentStatus.REJECTED, None)


@transaction.atomic
def grace(*, entry_id: int, days: int, note: str, key: str, actor: Actor, now: datetime) -> CorrectionResult:
    """Give lapsed points once more, usable through `days` local days from today. Once per expiry entry.

    Raises NotAllowed, OutOfReach, OwnCard, NotReversible, KeyReused, and waits for approval like `correct`.
    """
    user = staff_with(actor, "points.grace_points")
    entry = Entry.objects.select_related("account__program").filter(pk=entry_id).first()
    if entry is None:
        raise OutOfReach
    if entry.kind != EntryKind.EXPIRE or not 0 < days <= 366:
        raise NotReversible
    account = reachable_account(entry.account_id, user)
    points = -entry.points - _given_back(entry)
    if points <= 0:
        raise NotReversible
    today = now.astimezone(policy.ZONE).date()
    request = Adjustment(
        account=account,
        points=points,
        reason=ReasonCode.GRACE,
        note=note,
        # The key is the entry, not the form's: two clerks who both press the button grant it once.
        key=f"grace:{entry.pk}",
        requested_by=user,
        expires_at=datetime.combine(today + timedelta(days=days + 1), time.min, policy.ZONE),
        created_at=now,
    )
    return _submit(request, user, actor, now, None)


def _given_back(lapse: Entry) -> int:
    """What of a lapse was undone since, because the earning itself was: that part cannot be granted again."""
    lots = LotUse.objects.filter(entry=lapse).values_list("lot_id", flat=True)
    undone = LotUse.objects.filter(
        lot__in=lots, points__lt=0, entry__kind=EntryKind.ADJUST, entry__seq__gt=lapse.seq
    )
    return -sum(undone.values_list("points", flat=True))
