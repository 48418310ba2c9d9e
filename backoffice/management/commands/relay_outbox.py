import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from backoffice.services import outbox


class Command(BaseCommand):
    help = "Hand over what waits in the outbox. Without --once it goes on until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Hand over what waits now, then end.")
        parser.add_argument("--interval", type=float, default=5.0, help="Seconds between two passes.")

    def handle(self, *args: Any, once: bool, interval: float, **options: Any) -> None:
        while True:
            done = outbox.drain(clock=timezone.now)
            if once or done.seen:
                self.stdout.write(f"{done.sent} sent, {done.failed} failed")
            if once:
                return
            time.sleep(interval)
