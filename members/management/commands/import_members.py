"""`manage.py import_members FILE`: members out of a CSV file, keyed by their number in the old system."""

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
from members.services.member_file import REQUIRED, load_members


class Command(BaseCommand):
    help = "Load members from a CSV file: 會員編號, 手機, 姓名, 性別, 生日, 推薦門市, 加入日期."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--brand", default="", help="whose own they are; without it, the group's")
        parser.add_argument(
            "--phones-verified",
            action="store_true",
            help="the old system had proof of the phones: new members may spend points at once",
        )
        parser.add_argument("--encoding", default="", help="found out unless given: utf-8, cp950, utf-16")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = brand_of(options["brand"]) if options["brand"] else None
        try:
            with options["file"].open("rb") as file:
                report = load_members(
                    rows=read_csv(file, required=REQUIRED, encoding=options["encoding"]),
                    brand=brand,
                    actor=Actor.job("import_members"),
                    now=timezone.now(),
                    phones_verified=options["phones_verified"],
                )
        except (OSError, UnreadableFile) as error:
            raise CommandError(str(error)) from error
        write_report(self.stdout, self.stderr, report)
