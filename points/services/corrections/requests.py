"""Signed changes that staff ask for: applied at once within the limits, else by a second person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from backoffice.actors import Actor
from backoffice.errors import OutOfReach
from backoffice.masking import mask_text
from backoffice.models import User
from backoffice.services import audit
from points.choices import AdjustmentStatus, EntryKind, ReasonCode
from points.errors import InvalidPoints, KeyReused, NotWaiting, OverLimit, OwnRequest
from points.models import Account, Adjustment, Entry
from points.postings import Context, Posting
from points.reach import APPROVER
from points.rules import expiry_of
from points.services import ledger
from points.services.corrections.guard import (
    reachable_account,
    refuse_own_card,
    staff_with,
)
from points.services.messages import tell_member


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
        note=mask_text(note),
        # The system's own keys ("grace:7:...", "debt-out:...") stand apart from what people may choose.
        key=f"staff:{user.pk}:{key}",
        requested_by=user,
        expires_at=expires_at,
        created_at=now,
    )
    return submit(request, user, actor, now, expected_seq)


def submit(
    request: Adjustment, user: User, actor: Actor, now: datetime, expected_seq: int | None
) -> CorrectionResult:
    """Store the request and book it, or let it wait; the same key again answers the stored one."""
    known = _stored(request)
    if known:
        return _known(known, request, user)
    try:
        posting = _book_or_wait(request, actor, now, expected_seq)
    except IntegrityError:
        known = _stored(request)
        if known is None:
            raise
        return _known(known, request, user)
    audit.record(
        actor=actor,
        action="points.correct" if posting else "points.correct.request",
        subject=request,
        changes={"points": [None, request.points], "account": [None, request.account_id]},
        reason=f"{request.reason}: {request.note}",
        now=now,
    )
    status = AdjustmentStatus.APPLIED if posting else AdjustmentStatus.PENDING
    return CorrectionResult(request.pk, status, posting)


def _book_or_wait(
    request: Adjustment, actor: Actor, now: datetime, expected_seq: int | None
) -> Posting | None:
    """Book the request; above a limit of whoever asks, store it as waiting instead and answer None.

    The limits are counted by the function that books, under the counters' locks: a booking that does not
    happen, whatever the reason, takes back what it counted.
    """
    request.status = AdjustmentStatus.APPROVED
    try:
        with transaction.atomic():
            request.save(force_insert=True)
            return _apply(request, actor, now, expected_seq)
    except OverLimit as over:
        request.pk = None
        request.over_limit = over.details["limit"]
    store_waiting(request)
    return None


def store_waiting(request: Adjustment) -> None:
    """Keep a request until a second person decides. Raises IntegrityError when its key is known."""
    request.status, request.needs_approval = AdjustmentStatus.PENDING, True
    with transaction.atomic():
        request.save(force_insert=True)


def _stored(wanted: Adjustment) -> Adjustment | None:
    """The request under the same key; of a lapse also somebody else's, unless it was refused."""
    known = Adjustment.objects.filter(key=wanted.key).first()
    if known is None and wanted.lapse_id:
        live = Adjustment.objects.exclude(status=AdjustmentStatus.REJECTED)
        known = live.filter(lapse=wanted.lapse_id).first()
    return known


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
        store_id=request.undoes.store_id if request.undoes else None,
        explanation={
            "rule": "correction",
            "request": request.pk,
            "requested_by": request.requested_by_id,
            "approved_by": request.approved_by_id,
        }
        | ({"rule": "undone_by_staff", "entry": request.undoes_id} if request.undoes_id else {}),
    )
    expires_at = request.expires_at or expiry_of(program, now)
    posting = ledger.adjust(
        adjustment_id=request.pk, expires_at=expires_at if request.points > 0 else None, context=context
    )
    if not posting.replayed:
        tell_member(entry_id=posting.entry_id, lapsed=_came_back_lapsed(request, posting))
    return posting


def _came_back_lapsed(request: Adjustment, posting: Posting) -> int:
    """How many points of an undone redemption were past their last day and lapsed again at once."""
    if request.undoes_id is None:
        return 0
    lapse = Entry.objects.filter(
        kind=EntryKind.EXPIRE, source_type="lapsed_refund", source_id=str(posting.entry_id)
    ).first()
    return -lapse.points if lapse else 0


def _waiting(adjustment_id: int, actor: Actor, now: datetime, status: str) -> Adjustment:
    user = staff_with(actor, APPROVER)
    request = (
        Adjustment.objects.select_for_update(of=("self",))
        .select_related("account__program", "account__member", "undoes")
        .filter(pk=adjustment_id, account__in=Account.objects.visible_to(user))
        .first()
    )
    if request is None:
        raise OutOfReach
    if request.status != AdjustmentStatus.PENDING:
        raise NotWaiting(status=request.get_status_display())
    if request.requested_by_id == user.pk:
        raise OwnRequest
    refuse_own_card(request.account.member_id, user)
    request.status = status
    request.approved_by = user
    request.decided_at = now
    request.save(update_fields=["status", "approved_by", "decided_at"])
    return request


@transaction.atomic
def approve(
    *, adjustment_id: int, actor: Actor, now: datetime, note: str = "", expected_seq: int | None = None
) -> CorrectionResult:
    """A second person lets a waiting correction happen. Everything is judged as it is now, under the locks.

    Raises NotAllowed, OutOfReach, NotWaiting, OwnRequest, OwnCard, RequestersCard, MutualApproval,
    GraceOvertaken, AlreadyReversed, BalanceMoved, InsufficientPoints, MemberNotServed.
    """
    request = _waiting(adjustment_id, actor, now, AdjustmentStatus.APPROVED)
    posting = _apply(request, actor, now, expected_seq)
    audit.record(
        actor=actor, action="points.correct.approve", subject=request, changes={}, reason=note, now=now
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
