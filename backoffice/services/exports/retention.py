"""Files of exports are personal data that left their place: after their time they go, the row and its numbers
stay.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from backoffice.actors import Actor
from backoffice.choices import JobState
from backoffice.models import Export
from backoffice.services import jobs
from backoffice.services.exports import storage
from backoffice.services.exports.kinds import kind_of

OPEN = (JobState.QUEUED.value, JobState.RUNNING.value)


def forget_old(*, now: datetime) -> int:
    """Delete what EXPORT_KEPT_DAYS have passed over, files and parts alike; returns how many exports.

    What somebody typed into the search box, and cells that did not fit, go with the file: both name people.
    Exports that are being written are left alone, paused ones are given up. Repetitions do no harm.
    """
    old = Export.objects.filter(
        created_at__lt=now - timedelta(days=settings.EXPORT_KEPT_DAYS), removed_at=None
    )
    count = 0
    for export in old.exclude(job__state__in=OPEN).select_related("job").order_by("pk"):
        with transaction.atomic():
            if export.job is not None and export.job.state == JobState.PAUSED:
                jobs.cancel(job_id=export.job.pk, actor=Actor.job("forget_exports"), reason="", now=now)
            export.query = kind_of(export.kind).unnamed(export.query)
            export.file, export.lost_texts, export.removed_at = "", [], now
            export.save(update_fields=["query", "file", "lost_texts", "removed_at"])
            transaction.on_commit(lambda folder=export.folder: storage.forget(folder))  # type: ignore[misc]
        count += 1
    return count
