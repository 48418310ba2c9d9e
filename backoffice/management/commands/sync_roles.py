from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.errors import RoleTableWrong
from backoffice.services.roles import sync_roles


class Command(BaseCommand):
    help = "Make the seven roles say what backoffice/roles.py says. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changes = sync_roles()
        except RoleTableWrong as refusal:
            raise CommandError(str(refusal)) from refusal
        for change in changes:
            line = f"{change.role.value}: {len(change.added)} added, {len(change.removed)} removed"
            self.stdout.write(line)
            for name in change.removed:
                self.stdout.write(f"  - {name}")
