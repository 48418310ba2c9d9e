"""`manage.py import_purchases FILE`: receipts, recorded and rewarded, as a job that survives a kill."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from backoffice.choices import JobState
from backoffice.errors import Refusal
from backoffice.models import Job
from backoffice.services import job_runner
from backoffice.tasks import worker_name
from campaigns.services.bulk_settlement import CHUNK
from campaigns.services.importing import start_import

OPEN = (JobState.QUEUED, JobState.RUNNING)
LOOK_SECONDS = 1.0
SHOWN_ERRORS = 50


class Command(BaseCommand):
    help = (
        "Import receipts: receipt_no, member_no, store_code, purchased_at, amount, discount, coupon_discount,"
        " items. The same files again go on where they were stopped, or do nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="CSV, also gzipped")
        parser.add_argument(
            "--departments", type=Path, help="CSV: receipt_no, department, items, amount; also gzipped"
        )
        parser.add_argument("--source", required=True, help="the system that numbered the receipts: pos")
        parser.add_argument("--brand", default="", help="code of the stores' brand, when there are several")
        parser.add_argument("--chunk", type=int, default=CHUNK, help=f"receipts a transaction ({CHUNK})")
        parser.add_argument("--dry-run", action="store_true", help="the same work, rolled back")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["chunk"] <= 4 * CHUNK:
            raise CommandError(f"--chunk is a number from 1 to {4 * CHUNK}.")
        try:
            job = self._start(options)
        except (OSError, Refusal) as error:
            raise CommandError(str(error)) from error
        if job.state == JobState.DONE:
            self.stdout.write("These files were imported before; nothing to do.")
        self._report(self._finished(job))

    def _start(self, options: dict[str, Any]) -> Job:
        with ExitStack() as files:
            departments = options["departments"]
            return start_import(
                receipts=files.enter_context(options["file"].open("rb")),
                departments=files.enter_context(departments.open("rb")) if departments else None,
                source=options["source"],
                brand_code=options["brand"],
                now=timezone.now(),
                chunk=options["chunk"],
                dry_run=options["dry_run"],
            )

    def _finished(self, job: Job) -> Job:
        """Work on the job here, or watch whoever has it, until it is over."""
        while job.state in OPEN:
            mine = job_runner.run(
                job_id=job.pk, clock=timezone.now, worker=worker_name(), watch=self._progress
            )
            if mine is None:
                self._waiting(job)
                time.sleep(LOOK_SECONDS)
            job.refresh_from_db()
        return job

    def _progress(self, job: Job) -> None:
        self.stdout.write(f"  {job.done:,} rows")

    def _waiting(self, job: Job) -> None:
        before = job.done
        job.refresh_from_db()
        if job.done != before:
            self._progress(job)
        elif job.state == JobState.RUNNING and job.locked_until:
            free = timezone.localtime(job.locked_until)
            self.stdout.write(f"  a worker has this import, or died with it; free at {free:%X}", ending="\r")

    def _report(self, job: Job) -> None:
        result = job.result
        for error in result.get("errors", [])[:SHOWN_ERRORS]:
            self.stderr.write(
                f"line {error['line']}, {error['column']}: “{error['value']}”, expected {error['expected']}"
            )
        if job.state != JobState.DONE:
            raise CommandError(f"The import ended as {job.state} after {job.done:,} rows: {job.error}")
        dry = "Dry run, nothing was kept. " if result["dry_run"] else ""
        self.stdout.write(
            f"{dry}{job.done:,} rows: {result['recorded']:,} purchases recorded, {result['known']:,} known"
            f" before, {result['bad']:,} bad; {result['points']:,} points."
        )
        if result["bad"]:
            raise CommandError(f"{result['bad']:,} rows were not imported; correct them and import again.")
