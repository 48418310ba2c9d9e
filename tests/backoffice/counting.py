"""A job that leaves one unique row an item: an item done twice breaks the constraint."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.utils import timezone

from backoffice.models import Heartbeat, Job
from backoffice.services import job_runner, jobs
from backoffice.services.jobs import ChunkResult

CHUNK = 2


def count(job: Job, now: datetime) -> ChunkResult:
    """Writes rows `item-<n>`, CHUNK at a time, up to params["items"].

    `fail_at` raises after writing that item; `hang_at` hangs there, in a process that was started to hang.
    """
    start = job.checkpoint.get("next", 0)
    items = job.params["items"]
    stop = min(start + CHUNK, items)
    for item in range(start, stop):
        Heartbeat.objects.create(name=f"item-{item}", at=now)
        if item == job.params.get("hang_at") and "--hang" in sys.argv:
            sys.stdout.write("hanging\n")
            sys.stdout.flush()
            time.sleep(60)
        if item == job.params.get("fail_at"):
            raise OSError("call 0912-345-678")
    return ChunkResult(
        done=stop - start,
        checkpoint={"next": stop},
        finished=stop == items,
        total=items,
        result={"last": stop},
    )


@contextmanager
def counting() -> Iterator[None]:
    """The handler of `tests.count`, registered for a while."""
    jobs.handler("tests.count")(count)
    try:
        yield
    finally:
        jobs._handlers.pop("tests.count")


def items() -> list[int]:
    names = Heartbeat.objects.filter(name__startswith="item-").values_list("name", flat=True)
    return sorted(int(name.removeprefix("item-")) for name in names)


def run_and_hang(job_id: int) -> None:
    """What the child process of the kill test does."""
    with counting():
        job_runner.run(job_id=job_id, clock=timezone.now, worker="child")
