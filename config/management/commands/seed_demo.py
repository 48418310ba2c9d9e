"""`manage.py seed_demo`: a believable merchant to look around in, as large as a test of speed needs."""

from __future__ import annotations

import random
import time
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from backoffice.errors import Refusal
from backoffice.models import Brand
from config.demo.history import WEEKS, History
from config.demo.shop import open_shop
from config.demo.volume import fill_up
from members.models import Member
from points.services import proofs, totals

# Up to this size everything goes through the services; what is above is made set by set.
BY_SERVICES = 6_000
MEMBERS_BY_SERVICES = 300
LEAST_MEMBERS = 20


class Command(BaseCommand):
    help = "Make demo data: a brand with stores, staff, members, purchases and a year of points."

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--members", type=int, default=MEMBERS_BY_SERVICES, help="How many members (default 300).")
        add("--entries", type=int, default=BY_SERVICES, help="About how many ledger entries (default 6000).")
        add("--seed", type=int, default=1, help="The same seed makes the same data (default 1).")
        add("--now", type=_moment, metavar="TIME", help="The day on which the data end (ISO; default now).")
        add("--if-empty", action="store_true", help="Do nothing when there are brands or members already.")

    def handle(self, *args: Any, **options: Any) -> None:
        if Brand.objects.exists() or Member.objects.exists():
            if options["if_empty"]:
                self.stdout.write("There are data already; nothing was made.")
                return
            raise CommandError("Demo data go into an empty database only; there are brands or members here.")
        members, entries = options["members"], options["entries"]
        if members < LEAST_MEMBERS or entries < 10 * WEEKS:
            raise CommandError(f"At least {LEAST_MEMBERS} members and {10 * WEEKS} entries, please.")
        began, now = time.monotonic(), options["now"] or timezone.now()
        dice = random.Random(options["seed"])
        with connection.cursor() as cursor:
            # Sets of thousands take longer than a request may.
            cursor.execute("SET statement_timeout = 0")
        try:
            self._make(dice, now, members, entries)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        totals.fold(now=timezone.now())
        if entries <= BY_SERVICES:
            # The overview shows the last proof; large sets wait for the nightly one.
            proof = proofs.prove_and_store(now=timezone.now())
            self.stdout.write(f"{proof.entries} entries, {proof.faults} faults in the books.")
        self.stdout.write(f"Demo data made in {time.monotonic() - began:.1f} s.")

    def _make(self, dice: random.Random, now: datetime, members: int, entries: int) -> None:
        shop = open_shop(now=now)
        some = min(members, MEMBERS_BY_SERVICES)
        History(shop, dice, now).live(members=some, entries=min(entries, BY_SERVICES))
        if members > some:
            fill_up(
                shop,
                dice,
                now,
                members=members - some,
                entries=max(entries - BY_SERVICES, 0),
                tell=self.stdout.write,
            )


def _moment(text: str) -> datetime:
    moment = parse_datetime(text)
    if moment is None:
        raise CommandError(f"{text} is no time; write 2026-11-20T03:00:00+08:00")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
