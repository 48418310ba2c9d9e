"""`manage.py undo_import ID`: take an applied import back, as far as nobody has changed its rows since."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.actors import Actor
from backoffice.choices import ImportState
from backoffice.errors import OutOfReach, Refusal
from backoffice.management.commands.run_import import Teller, work_on
from backoffice.models import ImportBatch
from backoffice.services.imports import verbs


class Command(BaseCommand):
    help = "Undo an import. Rows that somebody has changed since are kept and counted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=int, help="the number of the import, without #")
        parser.add_argument("--reason", default="", help="for the trail")

    def handle(self, *args: Any, **options: Any) -> None:
        batch = self._begun(options["id"]) or self._begin(options["id"], options["reason"])
        job = work_on(batch, Teller(self.stderr))
        if job.state != "done":
            raise CommandError(f"job {job.pk}: {job.state} {job.error}")
        batch.refresh_from_db()
        told = _("import #%(id)s: taken back %(undone)s, kept %(kept)s, stuck %(stuck)s")
        ends = {name: f"{batch.counts.get(f'done:{name}', 0):,}" for name in ("undone", "kept", "stuck")}
        self.stdout.write(told % {"id": batch.pk, **ends})
        if batch.counts.get("done:kept") or batch.counts.get("done:stuck"):
            told = _("which ones, and why: on the page of import #%(id)s in the back office")
            self.stdout.write(told % {"id": batch.pk})

    def _begun(self, number: int) -> ImportBatch | None:
        """An undo that was broken off, by Ctrl-C or with its machine, goes on where it stood."""
        batch = ImportBatch.objects.filter(pk=number, state=ImportState.UNDOING).first()
        if batch is None or batch.is_halted:
            return None
        self.stdout.write(_("import #%(id)s is being undone already: going on with that") % {"id": number})
        return batch

    def _begin(self, number: int, reason: str) -> ImportBatch:
        actor = Actor.job("undo_import")
        try:
            return verbs.undo(batch_id=number, actor=actor, now=timezone.now(), reason=reason)
        except OutOfReach as refusal:
            raise CommandError(_("There is no import #%(id)s.") % {"id": number}) from refusal
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
