from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.errors import NotADemo
from backoffice.services.demo_staff import demo_logins


class Command(BaseCommand):
    help = "List the demo accounts, one a role, with their password. Only on a demo installation."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            logins = demo_logins()
        except NotADemo as refusal:
            raise CommandError(str(refusal)) from refusal
        if not logins:
            raise CommandError("There are no demo accounts yet: run seed_demo first.")
        for login in logins:
            self.stdout.write(f"{login.role.value:<14} {login.username:<10} {login.password}")
