"""`manage.py audit_ledger`: replay all books and name what offends. Leaves with 1 when anything does."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext

from backoffice.errors import Refusal
from points.services.checkpoints import write_checkpoint
from points.services.proofs import Report, prove, store


class Command(BaseCommand):
    help = "Replay the whole ledger and name every offender; exit code 1 when there is one."

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--json", action="store_true", help="Answer in JSON.")
        add("--only", default="", metavar="I01,I05", help="Run only these checks.")
        add("--store", action="store_true", help="Keep the result for the dashboard.")
        add("--now", type=_moment, metavar="TIME", help="Judge deadlines as of this time (ISO).")
        add("--limit", type=int, help="Name at most this many offenders of each check.")
        add(
            "--checkpoint",
            type=Path,
            metavar="FILE",
            help="Only write the history's checkpoint; keep it outside.",
        )
        add("--against", type=Path, metavar="FILE", help="Compare the history with this checkpoint (I08).")

    def handle(self, *args: Any, **options: Any) -> None:
        now = options["now"] or timezone.now()
        only = [name.strip() for name in options["only"].split(",") if name.strip()]
        try:
            if options["checkpoint"]:
                accounts = write_checkpoint(path=options["checkpoint"], now=now)
                self.stdout.write(f"{accounts} accounts written to {options['checkpoint']}")
                return
            report = prove(now=now, only=only, against=options["against"], most_offenders=options["limit"])
        except (Refusal, OSError) as error:
            raise CommandError(str(error)) from error
        if options["store"]:
            store(report=report)
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(), ensure_ascii=False))
        else:
            self._tell(report)
        if report.faults:
            sys.exit(1)

    def _tell(self, report: Report) -> None:
        for check in report.checks:
            verdict = "ok" if check.ok else f"{check.faults} FAULTS"
            self.stdout.write(f"{check.id}  {verdict:<10}  {gettext(check.title)}  ({check.seconds:.2f} s)")
            for offender in check.offenders:
                self.stdout.write(f"       {offender.subject}: {offender.detail}")
        self.stdout.write(
            f"{report.entries} entries, {len(report.checks)} checks, {report.faults} faults, "
            f"{report.seconds:.1f} s"
        )


def _moment(text: str) -> datetime:
    moment = parse_datetime(text)
    if moment is None:
        raise CommandError(f"{text} is no time; write 2026-11-20T03:00:00+08:00")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
