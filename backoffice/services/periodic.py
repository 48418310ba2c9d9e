"""Work of the scheduler. Two schedulers run during a deployment, so each takes a lock and is safe twice."""

from __future__ import annotations

from datetime import datetime

from backoffice.services import jobs
from backoffice.services.locks import one_at_a_time


def sweep_jobs(*, now: datetime) -> list[int]:
    """Wake workers for all due jobs; the ids of those. Nothing while another session sweeps."""
    with one_at_a_time("sweep_jobs") as mine:
        return jobs.sweep(now=now) if mine else []
