"""`manage.py doctor`: what is wrong with this installation, and how to mend it. Changes nothing."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.doctor import examine
from config.doctor.findings import Finding


class Command(BaseCommand):
    help = "Say what is wrong with this installation and how to mend it; exit code 1 if anything is."
    # It must get as far as possible on a broken installation.
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        problems = sum(self._show(examine()))
        if problems:
            raise CommandError(f"{problems} problem{'s' if problems > 1 else ''}")
        self.stdout.write("all well")

    def _show(self, findings: Iterator[Finding]) -> Iterator[bool]:
        for finding in findings:
            mend = f" -> {finding.mend}" if finding.mend else ""
            self.stdout.write(f"{finding.level:<8} {finding.name:<22} {finding.text}{mend}")
            yield finding.level == "PROBLEM"
