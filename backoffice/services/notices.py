"""Notices: what happened that a person should know of, written with what they tell about, read once.

Nobody waits here. Rows that somebody else is marking at the moment are passed over: he marks them as read,
too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from backoffice.choices import NoticeKind, NoticeSubject
from backoffice.models import Job, Notice, User

DELETED_A_TURN = 10_000


def put(
    *,
    users: Iterable[int | None],
    kind: NoticeKind,
    key: str,
    subject: tuple[NoticeSubject, int],
    facts: Mapping[str, Any],
    now: datetime,
) -> None:
    """Tell these people, each once: `key` names the matter, the same key again changes nothing.

    `facts` are numbers, never a name or a phone. Nobody (None: the installation's own work) is not told.
    Raises RuntimeError outside a transaction: a notice commits with what it tells about.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a notice belongs into the transaction of what it tells about")
    subject_type, subject_id = subject
    told = sorted({user for user in users if user is not None})
    Notice.objects.bulk_create(
        [
            Notice(
                user_id=user, kind=kind.value, key=key, subject_type=subject_type.value,
                subject_id=subject_id, facts=dict(facts), created_at=now,
            )
            for user in told
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def job_failed(job: Job, now: datetime) -> None:
    """Whoever asked for a job is told that it was given up. Part of the transaction that says so."""
    if batch := job.params.get("batch"):
        subject = (NoticeSubject.IMPORT, int(batch))
    elif export := job.params.get("export"):
        subject = (NoticeSubject.EXPORT, int(export))
    else:
        subject = (NoticeSubject.JOB, job.pk)
    put(
        users=[job.owner_id], kind=NoticeKind.JOB_FAILED, key=f"job:{job.pk}:failed:{now.isoformat()}",
        subject=subject, facts={"work": job.kind}, now=now,
    )  # fmt: skip


def settle(*, key: str, now: datetime) -> None:
    """The matter is over for everybody whom it was told to: nobody has to look at it any more."""
    _mark(Notice.objects.filter(key=key, read_at=None), now)


def look_at(*, user: User, subject: tuple[NoticeSubject, int], now: datetime) -> int:
    """The person looks at what his notices are about; returns how many that were."""
    subject_type, subject_id = subject
    return _mark(_unread(user).filter(subject_type=subject_type.value, subject_id=subject_id), now)


def read_all(*, user: User, upto: int, now: datetime) -> int:
    """All that the person has seen in his list, up to the notice `upto`: what came later stays unread."""
    return _mark(_unread(user).filter(pk__lte=upto), now)


def forget_old(*, now: datetime) -> int:
    """Delete what NOTICES_KEPT_DAYS have passed over, read or not; returns how many."""
    old = Notice.objects.filter(created_at__lt=now - timedelta(days=settings.NOTICES_KEPT_DAYS))
    count = 0
    while ids := list(old.order_by("pk").values_list("pk", flat=True)[:DELETED_A_TURN]):
        count += Notice.objects.filter(pk__in=ids).delete()[0]
    return count


def _unread(user: User) -> QuerySet[Notice]:
    return Notice.objects.filter(user=user, read_at=None)


@transaction.atomic
def _mark(found: QuerySet[Notice], now: datetime) -> int:
    ids = found.order_by("pk").select_for_update(skip_locked=True).values_list("pk", flat=True)
    return Notice.objects.filter(pk__in=list(ids), read_at=None).update(read_at=now)
