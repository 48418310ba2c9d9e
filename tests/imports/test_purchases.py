"""Receipts through the desk: the same books as one by one, each receipt once, and what an undo leaves."""

from __future__ import annotations

import contextlib
import gzip
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse

from backoffice.actors import Actor
from backoffice.choices import ImportState, Reach, Role
from backoffice.errors import ImportNothingToDo, ImportPolicyWrong, ImportReach
from backoffice.models import ImportBatch, ImportRow, Job
from backoffice.services import job_runner
from backoffice.services.imports import applying as desk_applying
from backoffice.services.imports import checking, verbs
from backoffice.services.imports.kinds import kind_of
from backoffice.tabular.faults import FileRefused
from campaigns.models import Award, AwardReturn, Carry
from campaigns.services.returns import settle_return
from campaigns.services.settlement import settle_purchase
from members.errors import ReceiptDiffers
from members.models import Member, Purchase, PurchaseLine, PurchaseReturn, PurchaseTender, StaffCard
from members.purchase_data import PurchaseData, ReceiptKey
from members.services.erasure import erase
from members.services.merging import merge
from points.choices import ExpiryPolicy
from points.models import Account, DayTotal, Entry, Program
from tests.conftest import NOON
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.campaigns import TILL, books
from tests.factories.members import MemberFactory
from tests.factories.points import ProgramFactory, take
from tests.imports.desk import ROBOT, bring, check, csv_of, outcomes, rows, run, undo
from tests.imports.test_pages import UPLOAD, client_of, confirm, page, uploaded, work
from tests.imports.test_pages import checked as by_pages
from tests.imports.workbooks import workbook

pytestmark = pytest.mark.django_db
HEAD = "receipt_no,member_no,store_code,purchased_at,amount,discount,coupon_discount,items"
LONG = "receipt_no,member_no,store_code,purchased_at,amount,line_no,department,quantity,line_amount"
WHEN = "2026-06-01T12:30:00+08:00"


@pytest.fixture
def shop() -> Any:
    """The store S1, three members H0 to H2 and the program that they earn in: a point for each NT$."""
    store = StoreFactory(code="S1")
    for number in range(3):
        MemberFactory(external_id=f"H{number}")
    ProgramFactory(brand=store.brand)
    return store


def line(number: int, **values: str) -> str:
    cells = {
        "receipt_no": f"R{number:05d}", "member_no": f"H{number % 3}", "store_code": "S1",
        "purchased_at": WHEN, "amount": str(number * 7), "discount": "3", "coupon_discount": "2",
        "items": "4",
    } | values  # fmt: skip
    return ",".join(f'"{cell}"' if "," in cell else cell for cell in cells.values())


def brought(*lines: str, head: str = HEAD, **more: Any) -> ImportBatch:
    return bring(csv_of(*lines, head=head), kind="purchases", name="receipts.csv", **more)


def checked(*lines: str, head: str = HEAD, **more: Any) -> ImportBatch:
    return check(csv_of(*lines, head=head), kind="purchases", name="receipts.csv", **more)


def ends(batch: ImportBatch) -> list[str]:
    """What became of each row, by line."""
    return [row.done for _line, row in sorted(rows(batch).items())]


def balances() -> dict[str, int]:
    return {
        number: balance
        for number, balance in Account.objects.values_list("member__external_id", "balance")
        if balance
    }


def written() -> tuple[int, ...]:
    tables = (Purchase, PurchaseLine, PurchaseTender, PurchaseReturn, Entry, Award, AwardReturn, DayTotal)
    return tuple(table.objects.count() for table in tables)


# --- The way ------------------------------------------------------------------------------------------------
def test_receipts_are_recorded_and_rewarded_as_the_preview_said(shop: Any) -> None:
    batch = checked(*[line(number) for number in range(1, 11)], line(11, member_no=""))
    program = Program.objects.get()
    assert batch.totals == {"receipts": 11, "paid": "462.00", f"estimate:{program.pk}": 385}
    assert written() == (0,) * 8
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    run(batch)
    assert (batch.state, batch.counts["done:applied"]) == (ImportState.APPLIED, 11)
    assert batch.totals == {"receipts": 11, "paid": "462.00", f"points:{program.pk}": 385}
    assert balances() == {f"H{m}": sum(n * 7 for n in range(1, 11) if n % 3 == m) for m in range(3)}
    second = Purchase.objects.get(receipt_no="R00002")
    assert (second.source, second.gross, second.discount, second.paid, second.item_count) == (
        f"till:{shop.pk}", 19, 5, 14, 4,
    )  # fmt: skip
    assert Award.objects.get(purchase__receipt_no="R00011").explanation["failed"] == "no_member"
    assert rows(batch)[3].subject_id == second.pk


def test_members_are_found_by_number_card_or_phone(shop: Any) -> None:
    member = MemberFactory(phone="+886912345678", external_id="H9")
    text = [
        f"R1,S1,{WHEN},10,H9,,",
        f"R2,S1,{WHEN},10,,{member.card_no},",
        f"R3,S1,{WHEN},10,,,0912-345-678",
        f"R4,S1,{WHEN},10,H0,,0912-345-678",
    ]
    head = "單號,門市代號,交易時間,金額,會員編號,卡號,手機"
    batch = brought(*text, head=head)
    assert [outcome for _line, outcome, _fault in outcomes(batch)] == ["new", "new", "new", "conflict"]
    assert outcomes(batch)[3][2] == "two_members"
    assert balances() == {"H9": 30}


def test_an_unchanged_file_writes_nothing_again(shop: Any) -> None:
    text = [line(number) for number in range(1, 6)]
    brought(*text)
    before = written()
    again = checked(*text)
    assert again.counts["same"] == 5 and again.totals["receipts"] == 0
    with pytest.raises(ImportNothingToDo):
        verbs.confirm(batch_id=again.pk, actor=ROBOT, now=NOON, again=True)
    assert written() == before


def test_another_content_under_a_known_number_is_a_conflict_that_says_what_differs(shop: Any) -> None:
    brought(line(1), line(2))
    before = written()
    batch = checked(line(1), line(2, amount="99", items="1"))
    assert outcomes(batch) == [(2, "same", ""), (3, "conflict", "differs")]
    (fault,) = rows(batch)[3].faults
    assert fault["details"]["columns"] == ["amount", "items"]
    assert (
        kind_of("purchases").fault_text(fault).endswith("it differs in: amount paid, pieces of the receipt")
    )
    assert written() == before


def test_what_the_till_posted_is_known_and_the_till_gets_the_old_result(shop: Any) -> None:
    member = MemberFactory(external_id="H9")
    brought(line(1, member_no="H9"))
    stored = Purchase.objects.get()
    told = PurchaseData(
        source=f"till:{shop.pk}", receipt_no="R00001", store_id=shop.pk, member_id=member.pk,
        purchased_at=stored.purchased_at, gross=Decimal(12), discount=Decimal(5), paid=Decimal(7),
        item_count=4,
    )  # fmt: skip
    before = written()
    answer = settle_purchase(receipt=told, actor=TILL, now=NOON)
    assert (answer.replayed, answer.rewards[0].points) == (True, 7)
    with pytest.raises(ReceiptDiffers):
        settle_purchase(receipt=replace(told, paid=Decimal(8)), actor=TILL, now=NOON)
    assert written() == before
    # The other way round: the till first, then the file.
    other = replace(told, receipt_no="R00002")
    settle_purchase(receipt=other, actor=TILL, now=NOON)
    assert outcomes(checked(line(2, member_no="H9", amount="7")))[0][1] == "same"


def test_one_system_may_have_numbered_the_receipts_of_all_stores(shop: Any) -> None:
    StoreFactory(code="S2", brand=shop.brand)
    brought(line(1), line(2, store_code="S2"), policy={"source": "pos"})
    assert set(Purchase.objects.values_list("source", "receipt_no")) == {("pos", "R00001"), ("pos", "R00002")}
    batch = checked(line(1, store_code="S2"), policy={"source": "pos"})
    assert outcomes(batch) == [(2, "conflict", "differs")]
    # Each store's own tills have numbers of their own.
    assert outcomes(checked(line(1, store_code="S2"))) == [(2, "new", "")]


@pytest.mark.parametrize("source", ["till:1", "x" * 33, "a\x00b"])
def test_no_system_may_be_called_like_a_till(shop: Any, source: str) -> None:
    with pytest.raises(ImportPolicyWrong):
        checked(line(1), policy={"source": source})


# --- Policies -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, [("conflict", "not_there"), ("new", "")]),
        ({"unknown_member": "skip"}, [("left", ""), ("new", "")]),
        ({"no_member": "skip"}, [("conflict", "not_there"), ("left", "")]),
    ],
)
def test_unknown_members_and_receipts_without_one(
    shop: Any, policy: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    batch = checked(line(1, member_no="NOBODY"), line(2, member_no=""), policy=policy)
    assert [(outcome, fault) for _line, outcome, fault in outcomes(batch)] == expected


@pytest.mark.parametrize(
    ("policy", "expected"), [("error", ["duplicate"] * 2 + ["new"]), ("first", ["new", "duplicate", "new"])]
)
def test_a_receipt_that_is_twice_in_the_file(
    shop: Any, policy: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "CHUNK", 1)
    batch = brought(line(1), line(1, amount="99"), line(3), policy={"duplicates": policy})
    assert [outcome for _line, outcome, _fault in outcomes(batch)] == expected
    assert Purchase.objects.count() == expected.count("new")


def test_nobody_brings_points_to_his_own_card(shop: Any) -> None:
    user = UserFactory(role=Role.MARKETER)
    StaffCard.objects.create(user=user, member=Member.objects.get(external_id="H1"))
    batch = checked(line(1), line(2), actor=Actor.staff(user))
    assert outcomes(batch) == [(2, "conflict", "own_card"), (3, "new", "")]


# --- Money and time -----------------------------------------------------------------------------------------
MONEY = {
    "thousands": ("1,000", ""), "three places": ("10.555", ""), "NaN": ("NaN", ""), "exponent": ("1e3", ""),
    "full width": ("１００", ""), "Arabic digits": ("١٠٠", ""), "underscore": ("1_000", ""),
    "currency": ("NT$100", ""), "infinity": ("inf", ""), "words": ("ten", ""), "a plus": ("+100", ""),
    "eleven digits": ("10000000000", ""), "thirty digits": ("9" * 30, ""), "a dot alone": (".", ""),
    "half a number": ("1.", ""), "a comma for the point": ("10,5", ""), "a blank inside": ("1 000", ""),
    "negative": ("-100", "negative"), "negative in brackets": ("(100)", "negative"),
    "full-width minus": ("－100", "negative"), "negative cents": ("-0.01", "negative"),
}  # fmt: skip


@pytest.mark.parametrize("column", ["amount", "discount", "coupon_discount"])
def test_money_is_taken_as_it_is_written_or_not_at_all(shop: Any, column: str) -> None:
    batch = brought(
        line(1), *[line(2 + n, **{column: cell}) for n, (cell, _word) in enumerate(MONEY.values())]
    )
    found = rows(batch)
    for row, (case, (cell, word)) in zip(range(3, 3 + len(MONEY)), MONEY.items(), strict=True):
        (fault,) = found[row].faults
        assert (found[row].outcome, fault["column"], fault["value"], fault["fault"]) == (
            "error", column, cell[:80], word,
        ), case  # fmt: skip
        assert "NT$" in kind_of("purchases").fault_text(fault), case
        assert not found[row].repairs, case
    assert found[2].outcome == "new" and Purchase.objects.count() == 1


def test_the_refusal_of_a_negative_amount_says_where_returns_go(shop: Any) -> None:
    fault = rows(checked(line(1), line(2, amount="-5")))[3].faults[0]
    assert "take it back on the page of its receipt" in kind_of("purchases").fault_text(fault)


def test_amounts_that_only_together_are_too_much(shop: Any) -> None:
    batch = checked(line(1, amount="9999999999.99", discount="0.01", coupon_discount="0"), line(2))
    assert outcomes(batch) == [(2, "error", "too_much"), (3, "new", "")]


TIMES = {
    "a word": ("yesterday", ""), "30 February": ("2026-02-30T10:00:00", ""),
    "day or month first": ("01/02/2026 10:00", ""), "25 o'clock": ("2026-06-01T25:00", ""),
    "full width": ("２０２６-06-01T10:00", ""), "a week": ("2026-W05-6", ""),
    "no hyphens": ("20260601T1000", ""), "a long offset": ("2026-06-01T10:00+25:00", ""),
    "to come": ("2026-06-15T12:00:01+08:00", "future"),
    "year 9999": ("9999-12-31T23:59:59-12:00", "out_of_range"),
    "year 1": ("0001-01-01T00:00:00+14:00", "out_of_range"),
    "before any till": ("1989-12-31T23:59:59", "out_of_range"),
}  # fmt: skip


def test_times_that_cannot_be(shop: Any) -> None:
    found = rows(
        checked(line(1), *[line(2 + n, purchased_at=cell) for n, (cell, _word) in enumerate(TIMES.values())])
    )
    for row, (case, (cell, word)) in zip(range(3, 3 + len(TIMES)), TIMES.items(), strict=True):
        (fault,) = found[row].faults
        assert (fault["column"], fault["fault"], fault["value"]) == ("purchased_at", word, cell), case


def test_a_local_time_that_was_there_twice_or_never_is_refused() -> None:
    store = StoreFactory(code="NYC", brand=BrandFactory(time_zone="America/New_York"))
    ProgramFactory(brand=store.brand)
    lines = [
        "R1,,NYC,2025-11-02T01:30:00,1,,,1", "R2,,NYC,2026-03-08T02:30:00,1,,,1",
        "R3,,NYC,2025-11-02T01:30:00-05:00,1,,,1", "R4,,NYC,2026-06-01,1,,,1",
    ]  # fmt: skip
    batch = brought(*lines)
    assert outcomes(batch) == [
        (2, "error", "ambiguous"), (3, "error", "no_such_time"), (4, "new", ""), (5, "new", ""),
    ]  # fmt: skip
    bought = Purchase.objects.order_by("receipt_no").values_list("purchased_at", flat=True)
    assert [at.isoformat() for at in bought] == ["2025-11-02T06:30:00+00:00", "2026-06-01T04:00:00+00:00"]
    # A day alone is understood as its midnight, and marked.
    assert rows(batch)[5].repairs == [{"column": "purchased_at", "value": "2026-06-01"}]


ROWS = {
    "no number": ({"receipt_no": ""}, "receipt_no", "required"),
    "a long number": ({"receipt_no": "9" * 65}, "receipt_no", "too_long"),
    "no store": ({"store_code": ""}, "store_code", "required"),
    "unknown store": ({"store_code": "S9"}, "store_code", "store_unknown"),
    "no time": ({"purchased_at": ""}, "purchased_at", "required"),
    "no amount": ({"amount": ""}, "amount", "required"),
    "half a piece": ({"items": "1.5"}, "items", ""),
    "a cell too many": ({"items": "1,2"}, "items", ""),
}  # fmt: skip


def test_faulty_rows_are_listed_and_the_others_go_in(shop: Any) -> None:
    batch = brought(
        line(1), *[line(2 + n, **values) for n, (values, *_rest) in enumerate(ROWS.values())], line(99)
    )
    found = rows(batch)
    for row, (case, (_values, column, word)) in zip(range(3, 3 + len(ROWS)), ROWS.items(), strict=True):
        (fault,) = found[row].faults
        assert (found[row].outcome, fault["column"], fault["fault"]) == ("error", column, word), case
        assert kind_of("purchases").fault_text(fault), case
    assert set(Purchase.objects.values_list("receipt_no", flat=True)) == {"R00001", "R00099"}


# --- Files --------------------------------------------------------------------------------------------------
def test_a_gzipped_file_is_the_file_that_it_holds(shop: Any) -> None:
    content = csv_of(line(1), line(2), head=HEAD)
    first = bring(gzip.compress(content, mtime=1), kind="purchases", name="receipts.csv.gz")
    assert (first.file_name, first.counts["done:applied"]) == ("receipts.csv", 2)
    again = check(content, kind="purchases", name="receipts.csv")
    assert again.file_hash == first.file_hash and again.counts["same"] == 2


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (gzip.compress(b"\0" * (201 << 20), compresslevel=1), "too_big"),
        (gzip.compress(csv_of(head=HEAD) * 50)[:-20], "gzip_broken"),
        (b"\x1f\x8b\x08 no gzip at all", "gzip_broken"),
        (gzip.compress(gzip.compress(b"x")), "not_a_table"),
    ],
    ids=["a bomb", "cut off", "damaged", "packed twice"],
)
def test_a_gzipped_file_that_is_none(shop: Any, content: bytes, fault: str) -> None:
    with pytest.raises(FileRefused) as refused:
        check(content, kind="purchases", name="receipts.csv.gz")
    assert refused.value.fault == fault
    assert not ImportBatch.objects.exists()


def test_a_workbook_brings_receipts_in(shop: Any) -> None:
    content = workbook(
        ["收據號碼", "會員編號", "門市代號", "交易時間", "實付金額"],
        [101, "H1", "S1", "2026-06-01 12:30:00", 1280.5],
        [102, "H1", "S1", "2026-06-01 12:31:00", 10.555],
    )
    batch = bring(content, kind="purchases", name="receipts.xlsx")
    assert outcomes(batch) == [(2, "new", ""), (3, "error", "")]
    assert Purchase.objects.get().paid == Decimal("1280.50") and balances() == {"H1": 1280}


# --- Long form ----------------------------------------------------------------------------------------------
def long_line(receipt: int, number: int, amount: str = "30", **values: str) -> str:
    cells = {
        "receipt_no": f"R{receipt}", "member_no": "H1", "store_code": "S1", "purchased_at": WHEN,
        "amount": amount, "line_no": str(number), "department": f"D{number}", "quantity": "2",
        "line_amount": "15",
    } | values  # fmt: skip
    return ",".join(cells.values())


def test_lines_of_a_receipt_may_be_rows_of_their_own(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # A receipt across every boundary of chunks is still one receipt.
    monkeypatch.setattr(checking, "CHUNK", 2)
    monkeypatch.setattr(desk_applying, "CHUNK", 2)
    text = [long_line(receipt, number) for receipt in (1, 2, 3) for number in (1, 2, 3)]
    batch = brought(*text, head=LONG, policy={"rows": "line"})
    assert batch.counts["done:applied"] == 9
    assert (batch.totals["receipts"], batch.totals["paid"]) == (3, "90.00")
    assert balances() == {"H1": 90}
    lines = PurchaseLine.objects.filter(purchase__receipt_no="R2").order_by("line_no")
    assert list(lines.values_list("line_no", "category", "quantity", "amount")) == [
        (1, "D1", 2, 15), (2, "D2", 2, 15), (3, "D3", 2, 15),
    ]  # fmt: skip
    assert Purchase.objects.get(receipt_no="R2").item_count == 3
    again = checked(*text, head=LONG, policy={"rows": "line"})
    assert again.counts["same"] == 9
    undone = undo(batch)
    assert undone.counts["done:undone"] == 9 and balances() == {}


BROKEN = {
    "a line that cannot be read": (
        [(1, 1, {}), (1, 2, {"line_amount": "x"}), (2, 1, {})], ["conflict", "error", "conflict"],
    ),
    "two heads": ([(1, 1, {}), (1, 2, {"amount": "31"}), (2, 1, {})], ["conflict", "conflict", "new"]),
    "a gap": ([(1, 1, {}), (1, 3, {}), (2, 1, {})], ["conflict", "conflict", "new"]),
    "a line twice": ([(1, 1, {}), (1, 1, {}), (2, 1, {})], ["duplicate", "duplicate", "new"]),
    "half of its lines twice": (
        [(1, 1, {}), (1, 2, {}), (1, 2, {}), (2, 1, {})], ["conflict", "duplicate", "duplicate", "new"],
    ),
    "torn apart": ([(1, 1, {}), (2, 1, {}), (1, 2, {})], ["conflict", "new", "conflict"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_receipt_that_is_not_whole_stays_out_whole(shop: Any, case: str) -> None:
    told, expected = BROKEN[case]
    text = [long_line(receipt, number, **values) for receipt, number, values in told]
    batch = checked(*text, head=LONG, policy={"rows": "line"})
    assert [outcome for _line, outcome, _fault in outcomes(batch)] == expected


def test_a_row_is_a_receipt_unless_the_user_says_otherwise(shop: Any) -> None:
    batch = checked(long_line(1, 1), long_line(2, 1), head=LONG)
    assert {fault for _line, _outcome, fault in outcomes(batch)} == {"whole_receipts"}


# --- The same books as one by one ---------------------------------------------------------------------------
PROGRAMS: list[dict[str, Any]] = [
    {},
    {"earn_amount": 3, "rounding": "half_up", "earn_points": 2},
    {"earn_amount": 50, "carry_over": True},
    {"earn_amount": 7, "pending_days": 5},
    {"expiry_policy": ExpiryPolicy.SLIDING, "expiry_value": 24},
    {"spendable": False, "expiry_policy": ExpiryPolicy.NEVER},
    {"is_active": False},
]


@pytest.mark.parametrize("seed", range(3))
def test_a_file_makes_the_same_books_as_one_by_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "CHUNK", 17)
    monkeypatch.setattr(desk_applying, "CHUNK", 11)
    store, chance = StoreFactory(code="S1"), random.Random(seed)
    programs = [ProgramFactory(brand=store.brand, **values) for values in PROGRAMS]
    members = {f"H{n}": MemberFactory(external_id=f"H{n}", frozen=n == 3) for n in range(4)}
    told = [
        PurchaseData(
            source=f"till:{store.pk}", receipt_no=f"R{number:03d}", store_id=store.pk,
            member_id=members[who].pk if (who := chance.choice([*members, ""])) else None,
            # From years ago, when nothing of it would still last, to a moment ago.
            purchased_at=NOON - timedelta(minutes=chance.choice([0, chance.randint(0, 4_000_000)])),
            gross=(paid := Decimal(chance.choice([0, chance.randint(1, 50_000)])).scaleb(-2)),
            paid=paid, item_count=1,
        )
        for number in range(50)
    ]  # fmt: skip
    numbers = {member.pk: number for number, member in members.items()} | {None: ""}
    text = [
        f"{one.receipt_no},{numbers[one.member_id]},S1,{one.purchased_at.isoformat()},{one.paid},,,1"
        for one in told
    ]

    def state() -> Any:
        fields = [field.name for field in DayTotal._meta.fields if field.name != "id"]
        return books(programs), sorted(map(str, DayTotal.objects.values_list(*fields)))

    with transaction.atomic():
        for one in told:
            settle_purchase(receipt=one, actor=ROBOT_AT_WORK, now=NOON)
        one_by_one = state()
        transaction.set_rollback(True)
    batch = brought(*text)
    assert batch.counts["done:applied"] == 50
    assert state() == one_by_one
    given = {
        program.pk: sum(Award.objects.filter(program=program).values_list("points", flat=True))
        for program in programs
    }
    assert {name: value for name, value in batch.totals.items() if name.startswith("points:")} == {
        f"points:{pk}": points for pk, points in given.items() if Award.objects.filter(program=pk).exists()
    }


# The actor whom the desk names where nobody is signed in.
ROBOT_AT_WORK = Actor.job("run_import")


# --- Between the preview and the moment ---------------------------------------------------------------------
@pytest.mark.parametrize("what", ["erased", "merged", "frozen"])
def test_a_buyer_who_changed_since_the_preview_is_refused_and_the_others_go_in(shop: Any, what: str) -> None:
    batch = checked(line(1), line(2), line(3))
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    gone, other = Member.objects.get(external_id="H1"), Member.objects.get(external_id="H2")
    if what == "erased":
        erase(member=gone, reason="asked for it", actor=ROBOT, now=NOON)
    elif what == "merged":
        merge(duplicate=gone, survivor=other, reason="one person", actor=ROBOT, now=NOON)
    else:
        Member.objects.filter(pk=gone.pk).update(status="frozen")
    run(batch)
    found = rows(batch)
    assert (batch.counts["done:applied"], batch.counts["done:refused"]) == (2, 1)
    assert (found[2].done, found[2].outcome) == ("refused", "conflict")
    assert Purchase.objects.count() == 2
    if what == "merged":
        # Brought in again, the old number leads to whom he has become.
        again = brought(line(1))
        assert again.counts["done:applied"] == 1 and balances() == {"H0": 21, "H2": 21}


def test_a_receipt_that_the_till_posted_since_the_preview(shop: Any) -> None:
    batch = checked(line(1), line(2), line(3))
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    with transaction.atomic():
        run(batch)
        told = [Purchase.objects.get(receipt_no=f"R0000{number}") for number in (1, 2)]
        data = [
            PurchaseData(
                source=one.source, receipt_no=one.receipt_no, store_id=one.store_id, member_id=one.member_id,
                purchased_at=one.purchased_at, gross=one.gross, discount=one.discount, paid=one.paid,
                item_count=one.item_count,
            )
            for one in told
        ]  # fmt: skip
        transaction.set_rollback(True)
    batch.refresh_from_db()
    settle_purchase(receipt=data[0], actor=TILL, now=NOON)
    settle_purchase(receipt=replace(data[1], paid=Decimal(1)), actor=TILL, now=NOON)
    run(batch)
    assert outcomes(batch) == [(2, "same", ""), (3, "conflict", "differs"), (4, "new", "")]
    assert ends(batch) == ["", "refused", "applied"]
    assert balances() == {"H0": 21, "H1": 7, "H2": 1}


# --- Kills, two at once -------------------------------------------------------------------------------------
def test_every_row_has_its_effect_once_through_any_kill(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_applying, "CHUNK", 3)
    carrying = ProgramFactory(brand=shop.brand, earn_amount=50, carry_over=True)
    programs = [Program.objects.exclude(pk=carrying.pk).get(), carrying]
    text = [line(number) for number in range(1, 20)]
    with transaction.atomic():
        brought(*text)
        undisturbed = books(programs)
        transaction.set_rollback(True)
    batch = checked(*text)
    verbs.confirm(batch_id=batch.pk, actor=ROBOT, now=NOON)
    batch.refresh_from_db()
    chance = random.Random(57)
    kind = kind_of("purchases")
    settle = kind.apply

    def dying(span: Any) -> None:
        if chance.random() < 0.3:
            raise Killed
        settle(span)
        if chance.random() < 0.3:
            raise Killed

    object.__setattr__(kind, "apply", dying)
    try:
        kills = 0
        for attempt in range(100):
            try:
                job_runner.run(job_id=batch.job_id or 0, clock=lambda: NOON, worker=f"w{attempt}")
            except Killed:
                kills += 1
                # The lease of the dead worker has run out.
                dead = Job.objects.filter(pk=batch.job_id)
                dead.update(state="queued", locked_until=None, run_at=NOON)
            batch.refresh_from_db()
            if batch.state == ImportState.APPLIED:
                break
    finally:
        object.__setattr__(kind, "apply", settle)
    assert kills >= 3 and batch.counts["done:applied"] == 19
    assert books(programs) == undisturbed


class Killed(BaseException):
    """Nobody catches it, as nobody catches a kill."""


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_files_with_the_same_receipts_and_the_till_at_once(
    shop: Any, together: Callable[..., list[Any]]
) -> None:
    from backoffice.services.imports.kinds import Span
    from campaigns.services.imports import applying

    ProgramFactory(brand=shop.brand, earn_amount=50, carry_over=True)
    text = [line(number) for number in range(1, 41)]
    batches = [checked(*text), checked(*reversed(text)), checked(*text[10:], line(99))]
    told = [
        PurchaseData(
            source=f"till:{shop.pk}", receipt_no=f"R{number:05d}", store_id=shop.pk,
            member_id=Member.objects.get(external_id=f"H{number % 3}").pk,
            purchased_at=NOON - timedelta(days=13, hours=23, minutes=30), gross=Decimal(number * 7 + 5),
            discount=Decimal(5), paid=Decimal(number * 7), item_count=4,
        )
        for number in range(1, 6)
    ]  # fmt: skip
    answers = together(
        [
            *(lambda one=one: apply_all(one, applying.apply, Span) for one in batches),
            *(lambda one=one: settle_purchase(receipt=one, actor=TILL, now=NOON) for one in told),
        ]
    )
    assert not [answer for answer in answers if isinstance(answer, Exception)], answers
    assert Purchase.objects.count() == 41 and Award.objects.count() == 82
    by_member = {f"H{m}": sum(n * 7 for n in [*range(1, 41), 99] if n % 3 == m) for m in range(3)}
    plain = Account.objects.filter(program__carry_over=False)
    assert dict(plain.values_list("member__external_id", "balance")) == by_member
    for account in Account.objects.filter(program__carry_over=True):
        waits = Carry.objects.get(account=account).amount
        assert account.balance * 50 + waits == by_member[account.member.external_id]
    # Each receipt was brought in by one file or by the till, and every row says so.
    applied = ImportRow.objects.filter(done="applied").values_list("subject_id", flat=True)
    assert len(set(applied)) == len(applied)
    assert not ImportRow.objects.filter(outcome="new", done="").exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_files_that_tell_a_receipt_differently_at_once(
    shop: Any, together: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from backoffice.services.imports.kinds import Span
    from campaigns.services.imports import applying

    # Different buyers: no lock keeps the two apart until they store the same number.
    told = [[line(n, member_no=who) for n in range(1, 21)] for who in ("H0", "H1", "H2")]
    meet = threading.Barrier(3)
    settle = applying.settle_many

    def at_once(receipts: Any, **more: Any) -> Any:
        with contextlib.suppress(threading.BrokenBarrierError):
            meet.wait(timeout=2)
        return settle(receipts, **more)

    monkeypatch.setattr(applying, "settle_many", at_once)
    batches = [checked(*one) for one in told]
    answers = together([lambda one=one: apply_all(one, applying.apply, Span) for one in batches])
    assert not [answer for answer in answers if isinstance(answer, Exception)], answers
    assert Purchase.objects.count() == 20 == ImportRow.objects.filter(done="applied").count()
    assert ImportRow.objects.filter(done="refused", outcome="conflict").count() == 40


def apply_all(batch: ImportBatch, apply: Callable[[Any], None], span: Any) -> None:
    for first, last in ((1, 20), (21, 60)):
        with transaction.atomic():
            apply(span(batch, first, last, NOON, ROBOT_AT_WORK, again=True))


# --- Undo ---------------------------------------------------------------------------------------------------
def test_an_undo_takes_the_points_back_and_says_what_it_kept(shop: Any) -> None:
    pending = ProgramFactory(brand=shop.brand, pending_days=60)
    nobody = [line(number, member_no="") for number in (8, 9)]
    batch = brought(*[line(number) for number in range(1, 7)], line(7, amount="0"), *nobody)
    spender = Account.objects.get(
        member__external_id="H1", program=Program.objects.exclude(pk=pending.pk).get()
    )
    # R1 and R4 are H1's: points of the first lot are spent. Of R2 and of R9 something came back.
    take(spender, 5)
    for number in (2, 9):
        settle_return(
            source="desk", return_no=f"T{number}", receipt=ReceiptKey(f"till:{shop.pk}", f"R0000{number}"),
            amount=Decimal(4), returned_at=NOON, actor=TILL, now=NOON,
        )  # fmt: skip
    purchases = Purchase.objects.count()
    undone = undo(batch)
    assert undone.state == ImportState.UNDONE
    assert ends(undone) == ["kept", "kept", *["undone"] * 6, "kept"]
    assert (undone.counts["done:undone"], undone.counts["done:kept"]) == (6, 3)
    assert undone.totals["receipts"] == 0
    # Receipts stay, with a return of all that was paid; R7 cost nothing, so nothing came back.
    assert Purchase.objects.count() == purchases
    back = PurchaseReturn.objects.filter(source="import-undo")
    assert set(back.values_list("purchase__receipt_no", "amount")) == {
        ("R00003", 21), ("R00004", 28), ("R00005", 35), ("R00006", 42), ("R00008", 56),
    }  # fmt: skip
    plain = Account.objects.exclude(program=pending)
    assert dict(plain.values_list("member__external_id", "balance")) == {"H0": 0, "H1": 2, "H2": 10}
    waiting = Account.objects.filter(program=pending)
    assert dict(waiting.values_list("member__external_id", "pending")) == {"H0": 0, "H1": 7, "H2": 10}
    # What was undone stays undone: its number is taken for ever, and the same file gives nothing.
    assert checked(*[line(number) for number in range(3, 7)]).counts == {"rows": 4, "same": 4, "repaired": 0}


def test_an_undo_with_small_change_leaves_nothing_behind(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_applying, "CHUNK", 2)
    carrying = ProgramFactory(brand=shop.brand, earn_amount=50, carry_over=True)
    batch = brought(*[line(number, member_no="H1", amount="30") for number in range(1, 10)])
    assert Account.objects.get(program=carrying).balance == 5
    undone = undo(batch)
    assert undone.counts["done:undone"] == 9
    assert not Account.objects.exclude(balance=0).exists() and not Account.objects.exclude(debt=0).exists()
    assert Carry.objects.get().amount == 0


def test_points_that_have_lapsed_since_do_not_stand_in_the_way(shop: Any) -> None:
    from points.services import expiry

    batch = brought(line(1, purchased_at="2020-06-01T12:30:00+08:00"), line(2))
    list(expiry.expire_all(as_of=NOON, actor=ROBOT, now=NOON))
    assert balances() == {"H2": 14}
    assert undo(batch).counts["done:undone"] == 2
    assert balances() == {} and not Account.objects.exclude(debt=0).exists()


def test_a_receipt_of_a_merged_member_whose_points_went_on_is_kept(shop: Any) -> None:
    batch = brought(line(1), line(2))
    gone, other = Member.objects.get(external_id="H1"), Member.objects.get(external_id="H2")
    merge(duplicate=gone, survivor=other, reason="one person", actor=ROBOT, now=NOON)
    undone = undo(batch)
    assert ends(undone) == ["kept", "undone"]
    assert Account.objects.get(member=other).balance == 7


# --- Who may ------------------------------------------------------------------------------------------------
def test_above_the_ceiling_of_points_a_second_person_is_asked(shop: Any, settings: Any) -> None:
    settings.IMPORT_POINTS_ALONE = 20
    few = checked(line(1), line(2, member_no=""))
    assert not verbs.needs_second(few)
    many = checked(line(1), line(2))
    assert verbs.needs_second(many)
    verbs.confirm(batch_id=many.pk, actor=ROBOT, now=NOON)
    many.refresh_from_db()
    assert many.state == ImportState.WAITING and not Purchase.objects.exists()
    verbs.approve(batch_id=many.pk, actor=Actor.staff(UserFactory(role=Role.FINANCE)), now=NOON)
    many.refresh_from_db()
    run(many)
    assert balances() == {"H1": 7, "H2": 14}


def test_people_of_a_store_bring_in_no_files_and_people_of_a_brand_only_its_stores(shop: Any) -> None:
    with pytest.raises(ImportReach):
        checked(line(1), actor=Actor.staff(UserFactory(role=Role.MANAGER, stores=[shop])))
    other = StoreFactory(code="S2")
    user = UserFactory(role=Role.MARKETER, reach=Reach.BRAND.value, brand=shop.brand)
    MemberFactory(external_id="H9", brand=other.brand)
    batch = checked(line(1), line(2, store_code="S2"), line(3, member_no="H9"), actor=Actor.staff(user))
    assert outcomes(batch) == [(2, "new", ""), (3, "error", "store_unknown"), (4, "conflict", "not_there")]


def test_an_erased_person_leaves_the_staged_rows(shop: Any) -> None:
    member = MemberFactory(phone="+886912345678", external_id="H9")
    batch = brought(line(1, member_no="H9"), line(2))
    erase(member=member, reason="asked for it", actor=ROBOT, now=NOON)
    assert rows(batch)[2].cells is None and rows(batch)[3].cells is not None


def test_receipts_go_their_way_by_the_pages(shop: Any, settings: Any) -> None:
    settings.IMPORT_POINTS_ALONE = 20
    client = client_of(Role.MARKETER)
    content = gzip.compress(csv_of(line(1), line(2), line(3, amount="-5"), head=HEAD))
    batch = by_pages(client, uploaded(client, content, "receipts.csv.gz", "purchases"))
    preview = client.get(page(batch)).content.decode()
    assert "21.00" in preview and "R00001" in preview and Program.objects.get().name in preview
    assert "take it back on the page of its receipt" in preview or "退貨" in preview
    confirm(client, batch)
    batch.refresh_from_db()
    assert batch.state == ImportState.WAITING
    boss = client_of(Role.FINANCE)
    assert "21.00" in boss.get(page(batch, "approve")).content.decode()
    assert confirm(boss, batch, "approve").status_code == 302
    assert work(batch).counts["done:applied"] == 2 and balances() == {"H1": 7, "H2": 14}
    undoing = client.get(page(batch, "undo")).content.decode()
    assert "21.00" in undoing and str(kind_of("purchases").undo_note)[:20] in undoing
    assert confirm(client, batch, "undo", reason="the wrong month").status_code == 302
    assert work(batch).counts["done:undone"] == 2 and balances() == {}


@pytest.mark.parametrize("role", [Role.CLERK, Role.MANAGER, Role.SUPPORT, Role.FINANCE, Role.AUDITOR])
def test_other_roles_bring_no_receipts_in(shop: Any, role: Role) -> None:
    owner, client = client_of(Role.MARKETER), client_of(role)
    batch = by_pages(owner, uploaded(owner, csv_of(line(1), head=HEAD), "receipts.csv", "purchases"))
    assert client.post(reverse(UPLOAD), {"kind": "purchases"}).status_code in (403, 400)
    for name in ("confirm", "undo", "check"):
        assert client.post(page(batch, name)).status_code == 403, name
    assert not Purchase.objects.exists()
