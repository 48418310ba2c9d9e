"""The rest of a large shop, set by set: members by COPY, their ledger by SQL that the triggers verify.

Each account lives one of two lives. Regulars redeem every third time, always the oldest lot as a whole, so
that lots are used first to expire first. One of twenty comes back after a year: his first two lots have
lapsed, and then he shops again. What was earned in the last ninety days has its receipt and award; what is
older came with the books of the old till system (`import`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from config.demo.history import TERMS_VERSION
from config.demo.people import People
from config.demo.shop import Shop
from members.cards import new_card_no
from members.choices import ConsentPurpose
from members.models import Member
from members.phones import normalise_phone
from points.services import ledger

SQL = Path(__file__).parent / "volume.sql"
MEMBER_CHUNK = 20_000
ACCOUNT_CHUNK = 10_000
# PostgreSQL does the work: two sessions, because a third would only wait on a small machine.
SESSIONS = 2
HISTORY = timedelta(days=455)
MEMBER_COLUMNS = (
    "card_no, phone, name, status, source, joined_at, joined_store_id, referring_store_locked, gender,"
    " birthday, email, county, district, address, created_at, updated_at, enrol_key, phone_verified_at"
)

Tell = Callable[[str], object]
Row = tuple[Any, ...]


def fill_up(
    shop: Shop, dice: random.Random, now: datetime, *, members: int, entries: int, tell: Tell
) -> None:
    """Add `members` members with about `entries` entries between them, at least two each."""
    with ThreadPoolExecutor(SESSIONS) as pool:
        first = _add_members(pool, shop, dice, now, members, tell)
        accounts = _open_accounts(shop, first, now)
        average = entries / members
        starts = range(accounts[0], accounts[-1] + 1, ACCOUNT_CHUNK)
        chunks = [range(start, min(start + ACCOUNT_CHUNK, accounts[-1] + 1)) for start in starts]
        jobs = [pool.submit(_fill_chunk, shop, now, chunk, accounts[0], average) for chunk in chunks]
        for number, job in enumerate(jobs, start=1):
            job.result()
            if number % 10 == 0 or number == len(jobs):
                tell(f"entries of {min(number * ACCOUNT_CHUNK, members):,} of {members:,} members")


def _add_members(
    pool: ThreadPoolExecutor, shop: Shop, dice: random.Random, now: datetime, count: int, tell: Tell
) -> int:
    """COPY the members, then their consents; answers the lowest id of theirs."""
    people, cards, jobs = People(dice), set[str](), list[Future[None]]()
    with connection.cursor() as cursor:
        cursor.execute("SELECT phone, card_no FROM members_member")
        known = cursor.fetchall()
        cursor.execute("SELECT coalesce(max(id), 0) + 1 FROM members_member")
        first = int(cursor.fetchone()[0])
    phones = {row[0] for row in known}
    cards.update(row[1] for row in known)
    rows: list[Row] = []
    for number in range(1, count + 1):
        rows.append(_member_row(people, phones, cards, shop, dice, now))
        if len(rows) == MEMBER_CHUNK or number == count:
            jobs.append(pool.submit(_copy_members, rows))
            rows = []
    for number, job in enumerate(jobs, start=1):
        job.result()
        tell(f"{min(number * MEMBER_CHUNK, count):,} of {count:,} members")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO members_consent (member_id, purpose, given, version, source, at)"
            " SELECT id, %s, true, %s, source, joined_at FROM members_member WHERE id >= %s ORDER BY id",
            (ConsentPurpose.TERMS.value, TERMS_VERSION, first),
        )
    return first


def _member_row(
    people: People, phones: set[str], cards: set[str], shop: Shop, dice: random.Random, now: datetime
) -> Row:
    """The next person whose phone and card are still free."""
    while True:
        person, card = people.draw(), new_card_no(dice)
        phone = normalise_phone(person.phone)
        if phone not in phones and card not in cards:
            break
    cards.add(card)
    joined = now - HISTORY - timedelta(seconds=dice.randrange(90_000_000))
    store = shop.stores[person.store].pk
    return (
        card, phone, person.name, "active", person.channel, joined, store, False, person.gender,
        person.birthday, person.email, person.county, person.district, "", joined, joined, "", joined,
    )  # fmt: skip


def _copy_members(rows: list[Row]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        with cursor.copy(f"COPY members_member ({MEMBER_COLUMNS}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def _open_accounts(shop: Shop, first_member: int, now: datetime) -> range:
    """An account of the spendable program for every new member; their ids are one unbroken range."""
    members = Member.objects.filter(pk__gte=first_member).order_by("pk").values_list("pk", flat=True)
    ids: list[int] = []
    for some in batched(members.iterator(MEMBER_CHUNK), MEMBER_CHUNK):
        pairs = [(member, shop.points.pk) for member in some]
        ids += ledger.open_accounts(pairs=pairs, now=now - HISTORY).values()
    assert ids[-1] - ids[0] + 1 == len(ids), "somebody else opened accounts meanwhile"
    return range(ids[0], ids[-1] + 1)


def batched(values: Iterable[int], size: int) -> Iterator[list[int]]:
    """Lists of at most `size` values (itertools has it from Python 3.12 on)."""
    source = iter(values)
    while some := list(islice(source, size)):
        yield some


def _fill_chunk(shop: Shop, now: datetime, accounts: range, first_account: int, average: float) -> None:
    """The whole ledger of these accounts, in one transaction."""
    points = shop.points
    values: dict[str, Any] = {
        "first": accounts[0],
        "last": accounts[-1],
        "origin": first_account,
        "average": average,
        "now": now,
        "start": now - HISTORY,
        "program": points.pk,
        "code": points.code,
        "version": points.version,
        "unit": points.earn_amount,
        "unit_points": points.earn_points,
        "rounding": points.rounding,
        "months": points.expiry_value + 1,
        "zone": points.time_zone,
        "brand": shop.brand.pk,
        "stores": [store.pk for store in shop.stores],
    }
    statements = SQL.read_text(encoding="utf-8").split("-- next\n")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL work_mem = '128MB'")
        for statement in statements:
            cursor.execute(statement, values)
