"""A file brought through the desk as a person and a worker would: upload, look, check, confirm, apply."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Took:
    """Seconds of the steps; `applied` is 0 where the file changes nothing."""

    checked: float
    applied: float
    counts: dict[str, int]

    @property
    def seconds(self) -> float:
        return self.checked + self.applied


def prepare(folder: Path) -> None:
    """Tags of the files, a second person, files into `folder`, and no worker but this process."""
    from django.conf import settings
    from django.utils import timezone

    from backoffice.actors import Actor
    from backoffice.models import User
    from backoffice.services import jobs
    from bench.import_files import TAGS
    from members.models import Tag
    from members.services.tags import define_tag

    settings.MEDIA_ROOT = folder
    jobs.wake_with(lambda job_id: None)
    User.objects.get_or_create(username="bench-approver", defaults={"is_superuser": True, "is_staff": True})
    known = set(Tag.objects.values_list("name", flat=True))
    for name in TAGS:
        if name not in known:
            define_tag(
                name=name, group="bench", definition="bench", owner=None, actor=Actor.job("bench"),
                now=timezone.now(),
            )  # fmt: skip


def bring(path: Path, kind: str = "members", policy: dict[str, str] | None = None) -> Took:
    """The whole way. A file that would change nothing ends with its check."""
    from django.utils import timezone

    from backoffice.actors import Actor
    from backoffice.models import User
    from backoffice.services.imports import intake, verbs

    actor, began = Actor.job("bench"), time.perf_counter()
    with path.open("rb") as file:
        batch = intake.upload(file=file, name=path.name, kind=kind, actor=actor, now=timezone.now())
    _work(batch)
    verbs.check(batch_id=batch.pk, fields=None, policy=policy or {}, actor=actor, now=timezone.now())
    _work(batch)
    checked = time.perf_counter() - began
    began = time.perf_counter()
    if not verbs.rows_to_write(batch):
        return Took(checked, 0.0, dict(batch.counts))
    batch = verbs.confirm(batch_id=batch.pk, actor=actor, now=timezone.now())
    if batch.state == "waiting":
        boss = User.objects.get(username="bench-approver")
        verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=timezone.now())
    _work(batch)
    return Took(checked, time.perf_counter() - began, dict(batch.counts))


def _work(batch: Any) -> None:
    from django.utils import timezone

    from backoffice.services import job_runner

    batch.refresh_from_db()
    while True:
        job = job_runner.run(job_id=batch.job_id, clock=timezone.now, worker="bench")
        if job is None or job.state not in ("queued", "running"):
            break
    if job is None or job.state != "done":
        raise AssertionError(f"the job of import {batch.pk} ended as {job and (job.state, job.error)}")
    batch.refresh_from_db()
