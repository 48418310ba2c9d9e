"""Answers about the house that doors and alarms ask for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from backoffice.choices import JobState, Reach
from backoffice.models import AuditEvent, Job, OutboxMessage

if TYPE_CHECKING:
    from django.db.models import Model

    from backoffice.models import User

# I46: the outbox is empty of anything older than this.
OUTBOX_DEADLINE = timedelta(minutes=15)


def outbox_overdue(now: datetime) -> QuerySet[OutboxMessage]:
    """Messages that should have left long ago, oldest first. Not empty means: call somebody (I46)."""
    return OutboxMessage.objects.filter(sent_at=None, created_at__lt=now - OUTBOX_DEADLINE).order_by("id")


def jobs_failed() -> QuerySet[Job]:
    """Jobs that nobody tries again by himself, newest first."""
    return Job.objects.filter(state=JobState.FAILED).order_by("-id")


def jobs_of(user: User) -> QuerySet[Job]:
    """The jobs that a user may look at: his own, or all of them for those who may see the whole group."""
    if not user.is_active:
        return Job.objects.none()
    if user.reach == Reach.GROUP and user.has_perm("backoffice.view_job"):
        return Job.objects.all()
    return Job.objects.filter(owner=user)


def trail_of(subject: Model) -> QuerySet[AuditEvent]:
    """Everything that was done to one row, newest first."""
    return AuditEvent.objects.filter(
        subject_type=subject._meta.label_lower, subject_id=str(subject.pk)
    ).order_by("-id")
