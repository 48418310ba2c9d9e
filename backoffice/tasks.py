"""Celery's doors: each reads the clock and makes one call. A task carries a row's id, never the work."""

from __future__ import annotations

import os
import socket

import structlog
from celery import current_app, shared_task
from django.utils import timezone

from backoffice.services import heartbeats, job_runner, notices, outbox, periodic
from backoffice.services.exports import retention as export_retention
from backoffice.services.imports import retention
from backoffice.services.webhooks import sending

# Of a connection that only wakes: by default the client goes on trying for six seconds, and somebody waits.
IMPATIENT = {
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    "socket_connect_timeout": 1.0,
    "socket_timeout": 1.0,
}

log = structlog.get_logger(__name__)


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


@shared_task
def run_job(job_id: int) -> None:
    job_runner.run(job_id=job_id, clock=timezone.now, worker=worker_name())


@shared_task
def sweep_jobs() -> None:
    periodic.sweep_jobs(now=timezone.now())


@shared_task
def relay_outbox() -> None:
    outbox.drain(clock=timezone.now)


@shared_task
def send_webhooks() -> None:
    sending.send_due(clock=timezone.now)


@shared_task
def beat_heartbeat() -> None:
    """Written by a worker at the scheduler's word, so a fresh one shows that both live and can talk."""
    heartbeats.beat(name="scheduler", now=timezone.now(), detail={"worker": worker_name()})


@shared_task
def forget_imports() -> None:
    retention.forget_old(now=timezone.now())


@shared_task
def forget_exports() -> None:
    export_retention.forget_old(now=timezone.now())


@shared_task
def forget_notices() -> None:
    notices.forget_old(now=timezone.now())


def wake(job_id: int) -> None:
    """Tell a worker about a job. A dead broker costs a second at most, and the sweeper finds the row."""
    try:
        with current_app.connection_for_write().clone() as broker:
            broker.transport_options = {**broker.transport_options, **IMPATIENT}
            run_job.apply_async(args=[job_id], connection=broker, retry=False)
    except Exception as error:  # noqa: BLE001 - every transport raises its own kind
        log.warning("broker not reached, the job waits for the sweeper", job=job_id, error=repr(error))
