from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.choices import ApiKeyKind, ApiScope
from backoffice.errors import Refusal
from backoffice.models import Brand, Store, User
from backoffice.services import api_keys


class Command(BaseCommand):
    help = "Make a key for the API and print it, once. Tills: --store; partners: --brand; people: --owner."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=ApiKeyKind.values)
        parser.add_argument("name", help="What people call the till, the partner or the script.")
        parser.add_argument(
            "--store", default="", help="Code of the store, for a till; BRAND/CODE if two use it."
        )
        parser.add_argument("--brand", default="", help="Code of the brand, for a partner.")
        parser.add_argument("--owner", default="", help="Username, for a person's key.")
        parser.add_argument(
            "--scope", action="append", choices=ApiScope.values, default=[], help="May be repeated."
        )
        parser.add_argument(
            "--network", action="append", default=[], help="Only from there, such as 203.0.113.0/24."
        )
        parser.add_argument("--signed", action="store_true", help="Requests must be signed.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            issued = api_keys.issue(
                kind=ApiKeyKind(options["kind"]),
                name=options["name"],
                scopes=[ApiScope(scope) for scope in options["scope"]],
                brand=_one(Brand.objects.filter(code=options["brand"]), options["brand"]),
                store=_store(options["store"]),
                owner=_one(User.objects.filter(username=options["owner"]), options["owner"]),
                networks=options["network"],
                signed=options["signed"],
                actor=Actor.job("issue_api_key"),
                now=timezone.now(),
            )
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(issued.secret)
        if options["signed"]:
            self.stdout.write(f"signing secret: {issued.signing_secret}")


def _store(text: str) -> Store | None:
    brand, _slash, code = text.rpartition("/")
    stores = Store.objects.select_related("brand").filter(code=code)
    return _one(stores.filter(brand__code=brand) if brand else stores, text)


def _one(rows: Any, asked: str) -> Any:
    """The one row that was asked for; None when nothing was."""
    if not asked:
        return None
    found = list(rows[:2])
    if len(found) != 1:
        raise CommandError(f"{asked!r} names {'nothing' if not found else 'more than one'}.")
    return found[0]
