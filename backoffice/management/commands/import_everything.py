"""`manage.py import_everything FOLDER`: fills an empty house from the files of `export_everything`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.errors import Refusal
from backoffice.services.exports import archive


class Command(BaseCommand):
    help = "Fill an empty installation from a folder of `export_everything`: all of it, or nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--leave-waiting", action="store_true", help="points that wait for their receipts stay behind"
        )

    def handle(self, *args: Any, folder: Path, leave_waiting: bool, **options: Any) -> None:
        try:
            counts = archive.import_everything(
                folder=folder, actor=Actor.job("import_everything"), now=timezone.now(),
                leave_waiting=leave_waiting,
            )  # fmt: skip
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        for name, rows in counts.items():
            self.stdout.write(f"{name}: {rows:,} rows")
