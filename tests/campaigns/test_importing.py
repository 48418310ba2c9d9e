"""Receipt files: columns, faulty cells, dry run, the same file again, kill -9 in the middle."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import transaction

from backoffice.choices import Role
from backoffice.models import ImportBatch, Job
from backoffice.services import job_runner, jobs
from backoffice.services.jobs import LEASE
from campaigns.errors import UnknownBrand
from campaigns.models import Award
from campaigns.services.importing import start_import
from members.models import Purchase, PurchaseLine
from points.models import Account, Entry
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.campaigns import NOON, books
from tests.factories.members import MemberFactory
from tests.factories.points import ProgramFactory
from tests.processes import database_url

HEAD = "receipt_no,member_no,store_code,purchased_at,amount,discount,coupon_discount,items\n"
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db


def line(number: int, **values: str) -> str:
    cells = {
        "receipt_no": f"R{number:05d}",
        "member_no": f"H{number % 3}",
        "store_code": "S1",
        "purchased_at": "2026-06-01T12:30:00+08:00",
        "amount": str(number * 7),
        "discount": "3",
        "coupon_discount": "2",
        "items": "4",
    } | values
    return ",".join(cells.values()) + "\n"


@pytest.fixture
def shop() -> Any:
    """One store and three members as the files name them, and the program that they earn in."""
    store = StoreFactory(code="S1")
    for number in range(3):
        MemberFactory(external_id=f"H{number}")
    return ProgramFactory(brand=store.brand)


@pytest.fixture
def media(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """Uploads on the disk, where another process finds them."""
    settings.MEDIA_ROOT = str(tmp_path / "media")
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    }
    yield tmp_path / "media"


def run(job: Job) -> Job:
    done = job_runner.run(job_id=job.pk, clock=lambda: NOON, worker="test")
    assert done is not None
    return done


def imported(text: str, departments: str = "", **values: Any) -> Job:
    defaults: dict[str, Any] = {"source": "pos", "brand_code": "", "now": NOON, "chunk": 4}
    job = start_import(
        receipts=BytesIO(text.encode()),
        departments=BytesIO(gzip.compress(departments.encode())) if departments else None,
        **(defaults | values),
    )
    return run(job)


def test_a_file_is_recorded_and_rewarded(shop: Any) -> None:
    departments = (
        "receipt_no,department,items,amount\nR00002,茶,2,10\nR00001,茶,1,7\nR00002,米,0,4\nR00002,,0,0\n"
    )
    job = imported(HEAD + "".join(line(n) for n in range(1, 11)), departments)
    assert (job.state, job.done, job.error) == ("done", 10, "")
    assert {name: job.result[name] for name in ("recorded", "known", "bad")} == {
        "recorded": 10, "known": 0, "bad": 0,
    }  # fmt: skip
    second = Purchase.objects.get(receipt_no="R00002")
    assert (second.paid, second.discount, second.gross, second.item_count) == (14, 5, 19, 4)
    assert list(second.lines.values_list("line_no", "category", "quantity", "amount")) == [
        (1, "茶", 2, 10), (2, "米", 1, 4),
    ]  # fmt: skip
    balances = dict(Account.objects.values_list("member__external_id", "balance"))
    assert balances == {f"H{m}": sum(n * 7 for n in range(1, 11) if n % 3 == m) for m in range(3)}
    assert job.result["points"] == sum(balances.values()) == 385


@pytest.mark.parametrize(
    ("values", "column", "value"),
    [
        ({"receipt_no": ""}, "receipt_no", ""),
        ({"member_no": "H9"}, "member_no", "H9"),
        ({"store_code": "S9"}, "store_code", "S9"),
        ({"purchased_at": "yesterday"}, "purchased_at", "yesterday"),
        ({"purchased_at": "2026-06-15T12:00:01"}, "purchased_at", "2026-06-15T12:00:01+08:00"),
        ({"amount": "-1"}, "amount", "-1"),
        ({"amount": "1.005"}, "amount", "1.005"),
        ({"amount": "NaN"}, "amount", "NaN"),
        ({"amount": ""}, "amount", ""),
        ({"discount": "x"}, "discount", "x"),
        ({"items": "1.5"}, "items", "1.5"),
        ({"items": "1,1"}, "", ""),
    ],
)
def test_a_faulty_row_is_listed_and_the_others_are_imported(
    shop: Any, values: dict[str, str], column: str, value: str
) -> None:
    job = imported(HEAD + line(1) + line(2, **values) + line(3))
    (error,) = job.result["errors"]
    assert (error["line"], error["column"], error["value"]) == (3, column, value)
    assert error["expected"]
    assert (job.result["recorded"], job.result["bad"], Entry.objects.count()) == (2, 1, 2)


def test_a_receipt_that_is_stored_with_other_content_is_listed(shop: Any) -> None:
    imported(HEAD + line(1) + line(2))
    job = imported(HEAD + line(1) + line(2, amount="99") + line(3))
    assert [error["column"] for error in job.result["errors"]] == ["receipt_no"]
    assert (job.result["recorded"], job.result["known"]) == (1, 1)


def test_a_receipt_without_a_member_is_recorded(shop: Any) -> None:
    imported(HEAD + line(1, member_no=""))
    assert Award.objects.get().explanation["failed"] == "no_member"


def test_the_same_file_is_applied_once(shop: Any) -> None:
    text = HEAD + "".join(line(n) for n in range(1, 6))
    first = imported(text)
    again = start_import(
        receipts=BytesIO(text.encode()), departments=None, source="pos", brand_code="", now=NOON, chunk=4
    )
    assert (again.pk, again.state, Purchase.objects.count()) == (first.pk, "done", 5)


def test_a_dry_run_tells_the_same_and_keeps_nothing(shop: Any) -> None:
    text = HEAD + "".join(line(n) for n in range(1, 6)) + line(6, amount="x")
    dry = imported(text, dry_run=True)
    assert not Purchase.objects.exists() and not Entry.objects.exists() and not PurchaseLine.objects.exists()
    real = imported(text)
    assert {**dry.result, "dry_run": False} == real.result


def test_without_its_columns_a_file_is_refused(shop: Any) -> None:
    job = imported("receipt_no,amount\n1,2\n")
    assert (job.state, Purchase.objects.count()) == ("failed", 0)
    assert "store_code" in job.error


def test_an_unknown_brand_is_refused(shop: Any) -> None:
    BrandFactory()
    for code in ("", "nobody"):
        with pytest.raises(UnknownBrand):
            imported(HEAD, brand_code=code)


# --- The command --------------------------------------------------------------------------------------------
def test_the_command_imports_and_says_so(shop: Any, tmp_path: Path) -> None:
    file = tmp_path / "receipts.csv.gz"
    file.write_bytes(gzip.compress((HEAD + line(1) + line(2)).encode("utf-8-sig")))
    out = StringIO()
    call_command("import_purchases", str(file), source="pos", stdout=out)
    assert "2 purchases recorded" in out.getvalue()
    call_command("import_purchases", str(file), source="pos", stdout=out)
    assert "imported before" in out.getvalue()
    assert Entry.objects.count() == 2


def test_the_command_lists_bad_rows_and_fails(shop: Any, tmp_path: Path) -> None:
    file = tmp_path / "receipts.csv"
    file.write_text(HEAD + line(1) + line(2, store_code="S9"))
    errors = StringIO()
    with pytest.raises(CommandError, match="1 rows were not imported"):
        call_command("import_purchases", str(file), source="pos", stderr=errors, stdout=StringIO())
    assert "line 3, store_code: “S9”" in errors.getvalue()


# --- Kill -9 ------------------------------------------------------------------------------------------------
KILLED_AT_THE_THIRD_CHUNK = dedent(
    """
    import os, signal, sys
    from datetime import datetime
    import django
    from django.conf import settings
    job_id, media, now = int(sys.argv[1]), sys.argv[2], datetime.fromisoformat(sys.argv[3])
    settings.MEDIA_ROOT = media
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}}
    django.setup()
    from backoffice.services import job_runner, jobs
    from campaigns.services import bulk_settlement
    write, calls = bulk_settlement.write_awards, []

    def dying(grants, at):
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGKILL)  # entries of the chunk are posted, nothing is committed
        write(grants, at)

    bulk_settlement.write_awards = dying
    job_runner.run(job_id=job_id, clock=lambda: now, worker="doomed")
    """
)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_killed_import_goes_on_where_it_stopped(
    shop: Any, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody but the doomed worker is told of the job.
    monkeypatch.setattr(jobs, "_wakers", [])
    carrying = ProgramFactory(brand=shop.brand, earn_amount=50, carry_over=True)
    text = (HEAD + "".join(line(n) for n in range(1, 31))).encode()

    def start() -> Job:
        return start_import(
            receipts=BytesIO(text), departments=None, source="pos", brand_code="", now=NOON, chunk=5
        )

    with transaction.atomic():
        assert run(start()).state == "done"
        undisturbed = timeless(books([shop, carrying]))
        transaction.set_rollback(True)
    job = start()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AT_THE_THIRD_CHUNK, str(job.pk), str(media), NOON.isoformat()],
        env=os.environ | {"DATABASE_URL": database_url()},
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    job.refresh_from_db()
    assert (job.state, job.done, Purchase.objects.count()) == ("running", 10, 10)
    assert run_later(job, timedelta()) is None  # the dead worker's lease still holds
    resumed = run_later(job, LEASE + timedelta(seconds=1))
    assert resumed is not None
    assert (resumed.state, resumed.done, resumed.result["recorded"]) == ("done", 30, 30)
    assert timeless(books([shop, carrying])) == undisturbed
    assert not default_storage.exists(job.params["receipts"])


def run_later(job: Job, after: timedelta) -> Job | None:
    return job_runner.run(job_id=job.pk, clock=lambda: NOON + after, worker="next")


def timeless(found: list[dict[str, list[dict[str, Any]]]]) -> Any:
    """The books without the times of booking: the resumed half was booked later."""
    skipped = {"created_at", "available_from"}
    return [
        {
            what: [{key: row[key] for key in row.keys() - skipped} for row in rows]
            for what, rows in program.items()
        }
        for program in found
    ]


# --- Real receipts ------------------------------------------------------------------------------------------
@pytest.mark.skipif("SHUKE_REAL_DATA" not in os.environ, reason="SHUKE_REAL_DATA names no folder")
@pytest.mark.django_db(transaction=True)  # one transaction for all of it would be checked at its end at once
def test_a_year_of_real_receipts(
    shop: Any, real_year: Callable[[], dict[str, int]], media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_wakers", [])
    expected = real_year()
    got = dict(Account.objects.filter(program=shop).values_list("member__external_id", "balance"))
    assert {number: points for number, points in got.items() if points} == expected
    assert Award.objects.count() == Purchase.objects.count() == 155_848
    batch = ImportBatch.objects.get()
    assert (batch.counts["rows"], batch.counts["done:applied"]) == (80_000, 80_000)
    assert batch.totals[f"points:{shop.pk}"] == sum(
        Award.objects.filter(purchase__in=batch.rows.values("subject_id")).values_list("points", flat=True)
    )


@pytest.fixture
def real_year(shop: Any, tmp_path: Path) -> Callable[[], dict[str, int]]:
    """Loads stores, members and all receipts: the first half by the receipts' own command, the other by the
    import desk. Answers points per member, summed up here.
    """

    def load() -> dict[str, int]:
        folder = Path(os.environ["SHUKE_REAL_DATA"])
        brand, quiet = shop.brand.code, StringIO()
        call_command("import_stores", str(folder / "stores.csv"), brand=brand, stdout=quiet)
        call_command("import_members", str(folder / "members.csv"), stdout=quiet)
        head, *lines = gzip.decompress((folder / "receipts.csv.gz").read_bytes()).decode().splitlines(True)
        first, second = tmp_path / "first.csv.gz", tmp_path / "second.csv.gz"
        first.write_bytes(gzip.compress((head + "".join(lines[:-80_000])).encode(), 1))
        second.write_bytes(gzip.compress((head + "".join(lines[-80_000:])).encode(), 1))
        departments = folder / "receipt_departments.csv.gz"
        call_command(
            "import_purchases", str(first), departments=departments, source="pos", brand=brand, stdout=quiet
        )
        boss = UserFactory(role=Role.FINANCE).username
        call_command(
            "run_import", str(second), kind="purchases", set=["source=pos"], approved_by=boss, stdout=quiet
        )
        points: dict[str, int] = {}
        for line in lines:
            cells = line.split(",")
            points[cells[1]] = points.get(cells[1], 0) + int(cells[4])
        return {number: sum_ for number, sum_ in points.items() if sum_}

    return load
