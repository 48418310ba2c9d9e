"""A year of receipts: posted in bulk against the service that takes them one by one.

SHUKE_REAL_DATA names a folder with `receipts.csv.gz` (receipt_no, member_no, store_code, purchased_at,
amount, …); without it the receipts are made up.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bench import import_way, people
from bench.errors import CannotMeasure
from bench.findings import Finding
from bench.scratch import Lab

TAIPEI = ZoneInfo("Asia/Taipei")
SYNTHETIC = 155_848
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


class Told(NamedTuple):
    """What is measured of a receipt."""

    receipt_no: str
    member: str
    store: str
    purchased_at: datetime
    paid: Decimal


def real(folder: Path) -> Iterator[Told]:
    with gzip.open(folder / "receipts.csv.gz", "rt", encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            moment = datetime.fromisoformat(row["purchased_at"])
            aware = moment if moment.tzinfo else moment.replace(tzinfo=TAIPEI)
            yield Told(row["receipt_no"], row["member_no"], row["store_code"], aware, Decimal(row["amount"]))


def made_up(dice: random.Random) -> Iterator[Told]:
    begin = datetime(2025, 11, 1, tzinfo=UTC)
    for number in range(SYNTHETIC):
        member, store = f"M{dice.randrange(2_469)}", f"S{dice.randrange(457)}"
        moment = begin + timedelta(minutes=3 * number)
        yield Told(f"B{number}", member, store, moment, Decimal(dice.randrange(20, 3_000)))


def prepared(lab: Lab) -> list[object]:
    """The receipts as the service takes them; members, stores and a program are made for them."""
    from backoffice.models import Brand, Store
    from members.purchase_data import PurchaseData

    folder = os.environ.get("SHUKE_REAL_DATA")
    if folder and not (Path(folder) / "receipts.csv.gz").is_file():
        raise CannotMeasure(f"SHUKE_REAL_DATA is {folder}, and there is no receipts.csv.gz in it")
    told = list(real(Path(folder)) if folder else made_up(random.Random(6)))
    if lab.quick:
        told = told[: len(told) // 10]
    brand = Brand.objects.create(code="bench", name="Bench")
    codes = sorted({receipt.store for receipt in told})
    stores = Store.objects.bulk_create(Store(brand=brand, code=code, name=code) for code in codes)
    names = sorted({receipt.member for receipt in told if receipt.member})
    from points.models import Account, Program

    program = people.create_program("receipts")
    # Only this one earns: a real installation has one or two.
    Program.objects.exclude(pk=program).update(is_active=False)
    accounts = people.create_accounts(lab, program, len(names))
    held = Account.objects.filter(pk__gte=accounts[0]).order_by("pk").values_list("member_id", flat=True)
    members = dict(zip(names, held, strict=True))
    ids = {store.code: store.pk for store in stores}
    return [
        PurchaseData(
            source="bench", receipt_no=r.receipt_no, store_id=ids[r.store], purchased_at=r.purchased_at,
            gross=r.paid, paid=r.paid, member_id=members.get(r.member), item_count=1,
        )
        for r in told
    ]  # fmt: skip


def write_file(path: Path, receipts: Iterable[Any]) -> Path:
    """The receipts as a merchant's file has them."""
    from backoffice.models import Store
    from members.models import Member

    codes = dict(Store.objects.filter(brand__code="bench").values_list("pk", "code"))
    phones = dict(Member.objects.values_list("pk", "phone"))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("receipt_no", "phone", "store_code", "purchased_at", "amount", "items"))
        for one in receipts:
            phone = phones[one.member_id] if one.member_id else ""
            when = one.purchased_at.isoformat()
            writer.writerow((one.receipt_no, phone, codes[one.store_id], when, one.paid, one.item_count))
    return path


def by_the_desk(receipts: Sequence[Any]) -> float:
    """Receipts a second: looked at, checked, previewed and brought in."""
    with tempfile.TemporaryDirectory(prefix="shuke-bench-") as folder:
        import_way.prepare(Path(folder))
        took = import_way.bring(
            write_file(Path(folder) / "receipts.csv", receipts), "purchases", {"source": "bench"}
        )
    if took.counts.get("done:applied") != len(receipts):
        raise CannotMeasure(f"the desk brought {took.counts} of {len(receipts)} receipts in")
    return len(receipts) / took.seconds


def run(lab: Lab) -> list[Finding]:
    from backoffice.actors import Actor
    from campaigns.services.bulk_settlement import CHUNK, settle_many
    from campaigns.services.settlement import settle_purchase

    actor = Actor.job("bench")
    receipts = prepared(lab)
    total = len(receipts)
    single = iter(receipts[: 4_000 if lab.quick else 20_000])
    rest = receipts[4_000 if lab.quick else 20_000 :]
    each = 500 if lab.quick else 5_000
    filed, rest = rest[: each * lab.rounds], rest[each * lab.rounds :]
    share = -(-len(rest) // lab.rounds)
    ours: list[float] = []
    desk: list[float] = []
    anchor: list[float] = []
    for turn in range(lab.rounds):
        mine = rest[turn * share : (turn + 1) * share]
        desk.append(by_the_desk(filed[turn * each : (turn + 1) * each]))
        began = time.perf_counter()
        for start in range(0, len(mine), CHUNK):
            settle_many(mine[start : start + CHUNK], actor=actor, now=NOW)  # type: ignore[arg-type]
        ours.append(len(mine) / (time.perf_counter() - began))
        done, began = 0, time.perf_counter()
        while (passed := time.perf_counter() - began) < lab.seconds:
            settle_purchase(receipt=next(single), actor=actor, now=NOW)  # type: ignore[arg-type]
            done += 1
        anchor.append(done / passed)
    return [
        Finding("f1", f"{total:,} receipts posted in bulk", "the same service one by one", "/s", ours, anchor,
                at_least=20),
        Finding("f2", f"a file of {each:,} by the import desk", "the same service one by one", "/s", desk,
                anchor),
    ]  # fmt: skip
