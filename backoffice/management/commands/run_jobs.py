import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from backoffice.services import job_runner
from backoffice.tasks import worker_name


class Command(BaseCommand):
    help = "Work on due jobs without Celery. Without --once it goes on until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Work on what is due now, then end.")
        parser.add_argument("--interval", type=float, default=5.0, help="Seconds between two looks.")

    def handle(self, *args: Any, once: bool, interval: float, **options: Any) -> None:
        while True:
            count = job_runner.run_due(clock=timezone.now, worker=worker_name())
            if once or count:
                self.stdout.write(f"{count} jobs run")
            if once:
                return
            time.sleep(interval)
