"""`manage.py undo_import ID`: take an applied import back, as far as nobody has changed its rows since."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.errors import Refusal
from backoffice.management.commands.run_import import work_on
from backoffice.services.imports import verbs


class Command(BaseCommand):
    help = "Undo an import. Rows that somebody has changed since are kept and counted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=int)
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            batch = verbs.undo(
                batch_id=options["id"],
                actor=Actor.job("undo_import"),
                now=timezone.now(),
                reason=options["reason"],
            )
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        job = work_on(batch)
        if job.state != "done":
            raise CommandError(f"job {job.pk}: {job.state} {job.error}")
        batch.refresh_from_db()
        self.stdout.write(
            f"import #{batch.pk}: restored {batch.counts.get('done:undone', 0):,},"
            f" kept {batch.counts.get('done:kept', 0):,}, stuck {batch.counts.get('done:stuck', 0):,}"
        )
