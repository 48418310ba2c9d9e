"""`manage.py run_export --kind K --output FILE`: a list as a file, from a terminal."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.choices import ExportFormat, ExportState
from backoffice.errors import Refusal
from backoffice.models import Export, User
from backoffice.services import job_runner
from backoffice.services.exports import storage, verbs
from backoffice.tasks import worker_name


class Command(BaseCommand):
    help = "Export a list: members, tags, ledger, purchases, import_rows."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--kind", required=True)
        parser.add_argument("--output", required=True, type=Path)
        parser.add_argument(
            "--filter", action="append", default=[], metavar="NAME=VALUE", help="as the list's address has it"
        )
        parser.add_argument("--column", action="append", default=[], metavar="NAME")
        parser.add_argument("--format", choices=ExportFormat.values, default=ExportFormat.CSV.value)
        parser.add_argument("--lossy", action="store_true", help="characters that Big5 lacks become ?")
        parser.add_argument("--whole", action="store_true", help="unmasked personal data; needs --reason")
        parser.add_argument("--reason", default="")
        parser.add_argument(
            "--user", default="", help="whose rights and reach; without it, the installation's"
        )
        parser.add_argument("--language", default="zh-hant")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._handle(options)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        except OSError as error:
            raise CommandError(str(error)) from error

    def _handle(self, options: dict[str, Any]) -> None:
        user = _user(options["user"])
        actor = Actor.staff(user) if user else Actor.job("run_export")
        if any("=" not in pair for pair in options["filter"]):
            raise CommandError("--filter takes NAME=VALUE")
        export = verbs.ask(
            kind=options["kind"], query=dict(pair.split("=", 1) for pair in options["filter"]),
            columns=options["column"], format=options["format"], lossy=options["lossy"],
            whole=options["whole"], reason=options["reason"], language=options["language"],
            actor=actor, key=f"command:{storage.new_folder()}", now=timezone.now(),
        )  # fmt: skip
        export = _worked_on(export)
        state = export.state_at(timezone.now())
        if state == ExportState.UNFIT:
            for text in export.lost_texts:
                self.stderr.write(text)
            raise CommandError(
                f"{export.lost:,} cells hold characters that Big5 lacks: another --format, or --lossy"
            )
        if state != ExportState.READY:
            raise CommandError(f"export #{export.pk}: {state.label} {export.job.error if export.job else ''}")
        taken = verbs.take(export_id=export.pk, actor=actor, now=timezone.now())
        with storage.opened(taken.folder, taken.file) as source, options["output"].open("wb") as target:
            shutil.copyfileobj(source, target)
        self.stdout.write(f"export #{export.pk}: {export.rows:,} rows, SHA-256 {export.file_hash}")


def _worked_on(export: Export) -> Export:
    """Do the job here, or wait for the worker that has taken it."""
    while True:
        job_runner.run(job_id=export.job_id or 0, clock=timezone.now, worker=worker_name())
        export.refresh_from_db()
        job = export.job
        if job is None or job.state not in ("queued", "running"):
            return export
        time.sleep(0.5)


def _user(name: str) -> User | None:
    if not name:
        return None
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active user {name}.")
    return user
