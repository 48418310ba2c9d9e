from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.errors import Refusal
from members.models import Member
from members.services.erasure import erase


class Command(BaseCommand):
    help = "Take the person out of a member for good; ledger and receipts stay. There is no way back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("member", type=int, help="The member's id.")
        parser.add_argument("--reason", default="command", help="Why, for the audit trail.")

    def handle(self, *args: Any, member: int, reason: str, **options: Any) -> None:
        row = Member.objects.filter(pk=member).first()
        if row is None:
            raise CommandError(f"There is no member {member}.")
        try:
            erase(member=row, reason=reason, actor=Actor.job("erase_member"), now=timezone.now())
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"member {member} is erased")
