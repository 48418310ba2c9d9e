"""`manage.py expire_points --as-of 2026-12-31T16:00:00+00:00 --dry-run`"""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from backoffice.actors import Actor
from backoffice.choices import JobState
from backoffice.services import job_runner
from points.errors import NotYetDue
from points.services import expiry, routine


def aware(text: str) -> datetime:
    """An ISO time with its offset. Raises CommandError: a deadline without a zone is a guess."""
    moment = parse_datetime(text)
    if moment is None or moment.tzinfo is None:
        raise CommandError(f"{text!r} is no time with an offset; expected 2026-12-31T16:00:00+00:00")
    return moment


class Command(BaseCommand):
    help = "Empty lots whose deadline is over, in batches that can be killed and taken up again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", help="deadlines up to this time count (default: now)")
        parser.add_argument("--dry-run", action="store_true", help="say what would lapse, write nothing")
        parser.add_argument("--ceiling", type=int, help="stop after the batch that reaches this many points")
        parser.add_argument("--accounts", type=int, default=expiry.BATCH_ACCOUNTS, help="accounts a batch")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        as_of = aware(options["as_of"]) if options["as_of"] else now
        if options["dry_run"]:
            self.preview(as_of, now, options)
            return
        try:
            job = routine.start_expiry(
                now=now,
                as_of=as_of,
                ceiling=options["ceiling"],
                accounts=options["accounts"],
                # Production knows one clock only.
                moved_clock=getattr(settings, "SHUKE_DEMO", False),
            )
        except NotYetDue as refusal:
            raise CommandError(str(refusal)) from refusal
        job = job_runner.run(job_id=job.pk, clock=timezone.now, worker="expire_points") or job
        job.refresh_from_db()
        if job.state != JobState.DONE:
            raise CommandError(f"job {job.pk} is {job.state}: {job.error or 'another worker has it'}")
        self.say(job.result["lots"], job.result["points"], job.result["unnoticed"], "lapsed")
        if job.result["stopped_at_ceiling"]:
            self.stdout.write("stopped at the ceiling; run again to go on")

    def preview(self, as_of: datetime, now: datetime, options: dict[str, Any]) -> None:
        lots = points = unnoticed = 0
        for batch in expiry.expire_all(
            as_of=as_of,
            actor=Actor.job("expire_points"),
            now=now,
            dry_run=True,
            ceiling=options["ceiling"],
            accounts=options["accounts"],
        ):
            lots, points = lots + batch.lots, points + batch.points
            unnoticed += batch.unnoticed_lots
        self.say(lots, points, unnoticed, "would lapse")

    def say(self, lots: int, points: int, unnoticed: int, what: str) -> None:
        self.stdout.write(f"{points} points of {lots} lots {what}")
        if unnoticed:
            self.stdout.write(
                f"{unnoticed} lots keep their points: no notice was sent in time, they got a new deadline"
            )
