"""`manage.py import_stores FILE --brand CODE`: a brand's stores out of a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.management.brands import brand_of
from members.csv_files import read_csv
from members.errors import UnreadableFile
from members.management.reports import write_report
from members.services.store_file import COLUMNS, load_stores


class Command(BaseCommand):
    help = "Load a brand's stores from a CSV file with the columns 門市代碼 and 門市名稱."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--brand", required=True, help="code of the brand")
        parser.add_argument("--encoding", default="", help="found out unless given: utf-8, cp950, utf-16")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = brand_of(options["brand"])
        try:
            with options["file"].open("rb") as file:
                report = load_stores(
                    rows=read_csv(file, required=COLUMNS, encoding=options["encoding"]),
                    brand=brand,
                    actor=Actor.job("import_stores"),
                    now=timezone.now(),
                )
        except (OSError, UnreadableFile) as error:
            raise CommandError(str(error)) from error
        write_report(self.stdout, self.stderr, report)
