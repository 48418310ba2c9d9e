"""A file of receipts that were told without a member and have found theirs since."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from backoffice.models import ImportBatch
from backoffice.services.imports import verbs
from campaigns.services import claims
from members.models import Member
from members.services.merging import merge
from tests.conftest import NOON
from tests.factories.backoffice import StoreFactory
from tests.factories.members import MemberFactory
from tests.factories.points import ProgramFactory
from tests.imports.desk import ROBOT, bring, check, csv_of, outcomes, rows, run
from tests.imports.test_purchases import HEAD, LONG, WHEN, balances, line, long_line, written

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop() -> Any:
    store = StoreFactory(code="S1")
    for number in range(3):
        MemberFactory(external_id=f"H{number}")
    ProgramFactory(brand=store.brand)
    return store


INVOICED = f"{HEAD},invoice_no"


def told(number: int, member: str = "", **values: str) -> str:
    return f"{line(number, member_no=member, **values)},AB0000000{number}"


def looked_at(*lines: str, head: str = INVOICED, **policy: str) -> ImportBatch:
    return check(csv_of(*lines, head=head), kind="purchases", name="again.csv", policy=policy)


def recorded(*lines: str, head: str = INVOICED, **policy: str) -> None:
    bring(csv_of(*lines, head=head), kind="purchases", name="receipts.csv", policy=policy)


def claim(invoice_no: str, amount: int, number: str = "H0") -> None:
    slip = claims.Told(invoice_no, timezone.localdate(datetime.fromisoformat(WHEN)), Decimal(amount))
    member = Member.objects.get(external_id=number)
    claims.claim_by_member(member=member, told=slip, actor=ROBOT, now=NOON)


def test_a_receipt_that_was_claimed_since_is_the_same_one(shop: Any) -> None:
    recorded(told(1), told(2))
    claim("AB00000001", 7)
    before = written()
    batch = looked_at(told(1), told(2), told(3))
    assert [outcome for _line, outcome, _fault in outcomes(batch)] == ["same", "same", "new"]
    assert balances() == {"H0": 7} and written() == before


@pytest.mark.parametrize(("column", "value"), [
    ("amount", "8"), ("items", "5"), ("purchased_at", "2026-06-01T12:31:00+08:00"),
])  # fmt: skip
def test_a_claimed_receipt_that_is_told_otherwise_differs_in_that_alone(
    shop: Any, column: str, value: str
) -> None:
    recorded(told(1))
    claim("AB00000001", 7)
    batch = looked_at(told(1, **{column: value}))
    fault = rows(batch)[2].faults[0]  # type: ignore[index]
    assert (fault["fault"], fault["details"]["columns"]) == ("differs", [column])


def test_a_file_that_names_a_member_is_as_strict_as_ever(shop: Any) -> None:
    recorded(told(1), told(2), told(3, "H2"))
    claim("AB00000001", 7)
    batch = looked_at(told(1, "H0"), told(2, "H0"), told(3), line(1, member_no="H1", receipt_no="X") + ",")
    assert [(outcome, fault) for _line, outcome, fault in outcomes(batch)] == [
        # Whose it is; nobody's by now; a member's from the beginning, so nobody has claimed it.
        ("same", ""), ("conflict", "differs"), ("conflict", "differs"), ("new", ""),
    ]  # fmt: skip
    other = looked_at(told(1, "H1"))
    assert rows(other)[2].faults[0]["details"]["columns"] == ["member_no"]  # type: ignore[index]


def test_who_was_merged_since_he_claimed_it_is_still_the_one(shop: Any) -> None:
    recorded(told(1))
    claim("AB00000001", 7)
    first, second = (Member.objects.get(external_id=number) for number in ("H0", "H1"))
    merge(duplicate=first, survivor=second, reason="同一人", actor=ROBOT, now=NOON)
    assert [one[1] for one in outcomes(looked_at(told(1)))] == ["same"]


def test_a_receipt_of_several_rows_and_one_that_is_claimed_after_the_preview(shop: Any) -> None:
    head = f"{LONG},invoice_no"
    lines = [f"{long_line(1, number, member_no='')},AB00000001" for number in (1, 2)]
    waiting = looked_at(*lines, head=head, rows="line")
    assert waiting.counts["new"] == 2
    recorded(*lines, head=head, rows="line")
    claim("AB00000001", 30)
    assert looked_at(*lines, head=head, rows="line").counts["same"] == 2
    before = written()
    verbs.confirm(batch_id=waiting.pk, actor=ROBOT, now=NOON, again=True)
    waiting.refresh_from_db()
    run(waiting)
    assert waiting.counts["same"] == 2 and "done:refused" not in waiting.counts
    assert balances() == {"H0": 30} and written() == before
