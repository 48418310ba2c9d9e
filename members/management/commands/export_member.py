import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.errors import Refusal
from members.models import Member
from members.services.disclosure import export_person


class Command(BaseCommand):
    help = "Write everything that is kept about a member as JSON; the look is recorded."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("member", type=int, help="The member's id.")
        parser.add_argument("--out", type=Path, help="A file to write; without it the JSON is printed.")
        parser.add_argument("--reason", default="command", help="Why, for the audit trail.")

    def handle(self, *args: Any, member: int, out: Path | None, reason: str, **options: Any) -> None:
        row = Member.objects.filter(pk=member).first()
        if row is None:
            raise CommandError(f"There is no member {member}.")
        try:
            data = export_person(
                member=row, reason=reason, actor=Actor.job("export_member"), now=timezone.now()
            )
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        text = json.dumps(data, ensure_ascii=False, indent=2)
        if out is None:
            self.stdout.write(text)
            return
        out.touch(mode=0o600)
        out.write_text(text + "\n", encoding="utf-8")
        self.stdout.write(f"written to {out}")
