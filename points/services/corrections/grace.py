"""Lapsed points given once more: one grace a lapse, however many ask and however often it was refused."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.db import connection, transaction

from backoffice.actors import Actor
from backoffice.errors import OutOfReach
from backoffice.masking import mask_text
from points import policy
from points.choices import EntryKind, ReasonCode
from points.errors import NotReversible
from points.models import Adjustment, Entry
from points.services.corrections.guard import reachable_account, staff_with
from points.services.corrections.requests import CorrectionResult, submit


@transaction.atomic
def grace(
    *,
    entry_id: int,
    days: int,
    note: str,
    key: str,
    actor: Actor,
    now: datetime,
    expected_seq: int | None = None,
) -> CorrectionResult:
    """Give lapsed points once more, usable through `days` local days from today. Once per expiry entry.

    Two people who ask for the same lapse share one request. One that was refused stays refused under its own
    `key`, and makes room for a new one. Raises NotAllowed, OutOfReach, OwnCard, NotReversible, KeyReused,
    BalanceMoved, and waits for approval like `correct`.
    """
    user = staff_with(actor, "points.grace_points")
    entry = Entry.objects.select_related("account__program").filter(pk=entry_id).first()
    if entry is None:
        raise OutOfReach
    if entry.kind != EntryKind.EXPIRE or not 0 < days <= 366:
        raise NotReversible
    account = reachable_account(entry.account_id, user)
    points = _lapse_left(entry)
    if points <= 0:
        raise NotReversible
    today = now.astimezone(policy.ZONE).date()
    request = Adjustment(
        account=account,
        points=points,
        reason=ReasonCode.GRACE,
        note=mask_text(note),
        lapse=entry,
        key=f"grace:{entry.pk}:{user.pk}:{key}",
        requested_by=user,
        expires_at=datetime.combine(today + timedelta(days=days + 1), time.min, policy.ZONE),
        created_at=now,
    )
    return submit(request, user, actor, now, expected_seq)


def _lapse_left(lapse: Entry) -> int:
    """What of a lapse is left to grant: the function that books says it again, under the account's lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT points_lapse_left_v1(%s)", [lapse.pk])
        return int(cursor.fetchone()[0])
