"""`manage.py settle_holds`"""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from points.services import routine


class Command(BaseCommand):
    help = "Let holds go whose time is over."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{routine.settle_holds(now=timezone.now())} holds ended")
