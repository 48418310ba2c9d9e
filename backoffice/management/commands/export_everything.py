"""`manage.py export_everything FOLDER`: the whole house as files, with whole personal data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.services.exports import archive


class Command(BaseCommand):
    help = "Write members, tags, consents, lots and the ledger into a folder, for `import_everything`."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--reason", required=True, help="why; it stands in the audit trail")

    def handle(self, *args: Any, folder: Path, reason: str, **options: Any) -> None:
        try:
            counts = archive.export_everything(
                folder=folder, actor=Actor.job("export_everything"), reason=reason, now=timezone.now()
            )
        except FileExistsError as error:
            raise CommandError(f"{error.filename or error} is there already; name an empty folder") from error
        for name, rows in counts.items():
            self.stdout.write(f"{name}: {rows:,} rows")
