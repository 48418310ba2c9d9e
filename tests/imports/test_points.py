"""Files of points: what a row needs, how it is refused, and who may bring one in."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from backoffice.actors import Actor
from backoffice.choices import ImportState, Reach, Role
from backoffice.errors import ImportReach
from backoffice.models import ImportBatch, ImportRow, User
from backoffice.services.imports import kinds, results, templates
from members.models import Member
from points.choices import ExpiryPolicy
from points.explaining import sentences
from points.models import Account, Entry, Lot, Program
from tests.conftest import NOON
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.members import MemberFactory, StaffCardFactory
from tests.factories.points import AccountFactory, ProgramFactory, context, fresh, give
from tests.imports.desk import check, outcomes, rows
from tests.imports.points_desk import assert_sound, look_at, points_file, put_in
from tests.imports.workbooks import workbook

pytestmark = pytest.mark.django_db
WHOLE = "手機,點數,原因,到期日,參考編號,備註"


@pytest.fixture
def program() -> Program:
    return ProgramFactory(code="main", is_default=True)


@pytest.fixture
def member() -> Member:
    return MemberFactory(phone="+886912345678")


@pytest.fixture
def marketer() -> User:
    return UserFactory(role=Role.MARKETER, username="mona")


@pytest.fixture
def boss() -> User:
    return UserFactory(role=Role.FINANCE, username="fay")


# --- A row ------------------------------------
def test_a_row_becomes_an_entry_that_says_where_it_comes_from(
    program: Program, member: Member, marketer: User, boss: User
) -> None:
    line = "0912345678,1500,goodwill,2026-12-31,A-1,補償 0912-345-678"
    batch = put_in(points_file(line, head=WHOLE), marketer, boss)
    entry = Entry.objects.select_related("account").get()
    assert (entry.kind, entry.points, entry.reason, entry.note) == ("import", 1500, "goodwill", "補償 ***678")
    assert (entry.source_type, entry.source_id, entry.actor_id) == (
        "import",
        f"{batch.pk}:2",
        str(marketer.pk),
    )
    assert entry.explanation == {
        "rule": "points_import", "import": batch.pk, "line": 2, "file": "points.csv", "operation": "grant",
        "uploaded_by": "mona", "approved_by": "fay", "reference": "A-1",
    }  # fmt: skip
    assert "line 2 of the file “points.csv”" in sentences(entry.explanation)[0]
    assert (entry.account.balance, entry.account.program) == (1500, program)
    assert Lot.objects.get().expires_at == datetime(2026, 12, 31, 16, tzinfo=UTC)
    assert rows(batch)[2].changes == {"entry": entry.pk}
    assert_sound()


BAD = ["ten", "10.5", '"1,000"', "1" * 30, "0", "000", "-5", "+5", "NaN", "1e3", "1_000", "١٢٣", "１００",
       "一百", "12345678", "-", "1 000", "=100", "'100", "0x10", "1\u200b00", "100.0", "∞"]  # fmt: skip


@pytest.mark.parametrize("cell", BAD)
def test_what_is_no_whole_number_is_refused_and_nothing_is_mended(
    cell: str, program: Program, member: Member
) -> None:
    batch = look_at(points_file(f"0912345678,{cell}", "0912345678,10"))
    assert [(row.line, row.outcome) for row in rows(batch).values()] == [(2, "error"), (3, "new")]
    fault = (rows(batch)[2].faults or [])[0]
    assert fault["column"] == "points" and fault["value"]


def test_the_refusal_names_line_column_value_and_what_was_expected_in_both_languages(
    program: Program, member: Member, marketer: User
) -> None:
    batch = look_at(points_file("0912345678,10.5"), marketer)
    told = {}
    for language in ("en", "zh-hant"):
        with translation.override(language):
            target = io.BytesIO()
            results.write_errors(batch=batch, target=target, actor=Actor.staff(marketer), now=NOON)
            told[language] = target.getvalue().decode("utf-8-sig").splitlines()[1]
    assert told["en"] == (
        '0912345678,10.5,points,"expected a whole number of at most seven digits, without commas,'
        ' such as 1000",'
    )
    assert "點數" in told["zh-hant"] and "10.5" in told["zh-hant"] and "expected" not in told["zh-hant"]


def test_a_row_above_the_ceiling_is_refused(program: Program, member: Member, settings: Any) -> None:
    settings.POINTS_FILE_MOST_PER_ROW = 500
    batch = look_at(points_file("0912345678,500", "0912345678,501"))
    assert outcomes(batch) == [(2, "new", ""), (3, "error", "too_many")]


def test_a_phone_without_its_zero_waits_for_the_uploader(program: Program, member: Member) -> None:
    content = points_file("912345678,10")
    batch = look_at(content)
    fault = (rows(batch)[2].faults or [])[0]
    assert (fault["fault"], fault["value"], fault["hint"]) == ("zero_lost", "912345678", "0912345678")
    mended = look_at(content, policy={"repair_phones": "yes"})
    assert outcomes(mended) == [(2, "new", "")] and mended.counts["repaired"] == 1
    assert rows(mended)[2].subject_id == member.pk


def test_a_reference_is_there_once_and_the_same_member_may_be_there_twice(
    program: Program, member: Member, marketer: User
) -> None:
    lines = (
        "0912345678,10,A-1",
        "0912345678,20,A-2",
        "0912345678,30,A-1",
        "0912345678,40,",
        "0912345678,50,",
    )
    batch = put_in(points_file(*lines, head="手機,點數,參考編號"), marketer)
    assert outcomes(batch) == [
        (2, "new", ""),
        (3, "new", ""),
        (4, "duplicate", "twice"),
        (5, "new", ""),
        (6, "new", ""),
    ]
    assert list(Entry.objects.order_by("seq").values_list("points", flat=True)) == [10, 20, 40, 50]
    assert_sound()


def test_who_is_no_member_or_not_served_is_a_conflict(program: Program, marketer: User) -> None:
    MemberFactory(phone="+886912000001", status="frozen")
    StaffCardFactory(user=marketer, member=MemberFactory(phone="+886912000002"))
    batch = look_at(points_file("0912000001,5", "0912000002,5", "0912000003,5"), marketer)
    assert outcomes(batch) == [
        (2, "conflict", "not_served"), (3, "conflict", "own_card"), (4, "conflict", "not_there"),
    ]  # fmt: skip


# --- Operations ------------------------------------
def test_opening_balances_say_their_expiry_and_grants_may_follow_the_rule(
    program: Program, member: Member, marketer: User, boss: User
) -> None:
    lines = ("0912345678,10,2026-12-31", "0912345678,20,永久", "0912345678,30,", "0912345678,40,2026-06-14",
             "0912345678,50,115/12/31", "0912345678,60,01/02/2027")  # fmt: skip
    content = points_file(*lines, head="手機,點數,到期日")
    opening = look_at(content, policy={"operation": "opening", "reason": ""})
    assert [row[1:] for row in outcomes(opening)] == [
        ("new", ""), ("new", ""), ("error", "expiry_needed"), ("error", "past"), ("error", ""), ("error", ""),
    ]  # fmt: skip
    assert (rows(opening)[6].faults or [])[0]["hint"] == "2026-12-31"
    program.expiry_policy, program.expiry_value = ExpiryPolicy.SLIDING, 3
    program.save()
    batch = put_in(points_file("0912345678,30,"), marketer, policy={"operation": "grant"})
    assert batch.counts["done:applied"] == 1
    assert Lot.objects.get().expires_at == datetime(2026, 9, 15, 16, tzinfo=UTC)


def test_the_last_day_is_usable_to_its_end(
    program: Program, member: Member, marketer: User, boss: User
) -> None:
    content = points_file("0912345678,10,2026-06-15", head="手機,點數,到期日")
    put_in(content, marketer, boss, policy={"operation": "opening"})
    assert Lot.objects.get().expires_at == datetime(2026, 6, 15, 16, tzinfo=UTC)
    assert Entry.objects.get().reason == "goodwill"


def test_only_deductions_are_signed_and_they_have_no_expiry(program: Program, member: Member) -> None:
    give(AccountFactory(member=member, program=program), 100)
    lines = (
        "0912345678,-60,",
        "0912345678,30,",
        "0912345678,20,",
        "0912345678,10,",
        "0912345678,5,2027-01-01",
    )
    content = points_file(*lines, head="手機,點數,到期日")
    batch = look_at(content, policy={"operation": "deduct"})
    assert outcomes(batch) == [
        (2, "new", ""), (3, "new", ""), (4, "conflict", "not_enough"), (5, "new", ""),
        (6, "error", "no_expiry"),
    ]  # fmt: skip
    assert (rows(batch)[4].faults or [])[0]["details"] == {"available": 10}
    granted = look_at(content, policy={"operation": "grant"})
    assert outcomes(granted)[0] == (2, "error", "negative")


def test_held_and_lapsed_points_are_not_taken(
    program: Program, member: Member, marketer: User, boss: User
) -> None:
    from points.services import ledger

    account = AccountFactory(member=member, program=program)
    give(account, 100)
    give(account, 50, expires_at=NOON, now=NOON)
    ledger.hold(account_id=account.pk, points=70, source=fresh(), expires_at=datetime(2026, 7, 1, tzinfo=UTC),
                context=context())  # fmt: skip
    batch = look_at(points_file("0912345678,31"), policy={"operation": "deduct"})
    assert outcomes(batch) == [(2, "conflict", "not_enough")]
    batch = put_in(points_file("0912345678,30"), marketer, boss, policy={"operation": "deduct"})
    account.refresh_from_db()
    assert (batch.counts["done:applied"], account.balance, account.held) == (1, 120, 70)


def test_reasons_come_from_the_row_or_from_the_file(program: Program, member: Member) -> None:
    content = points_file(
        "0912345678,5,", "0912345678,5,系統異常", "0912345678,5,因為", head="手機,點數,原因"
    )
    bare = look_at(content, policy={"reason": ""})
    assert [row[1:] for row in outcomes(bare)] == [("error", "reason_needed"), ("new", ""), ("error", "")]
    filled = look_at(content, policy={"reason": "other"})
    assert [row[1:] for row in outcomes(filled)] == [("new", ""), ("new", ""), ("error", "")]


def test_a_program_is_named_by_code_or_name_and_the_brands_own_is_meant_otherwise(member: Member) -> None:
    brand, other = BrandFactory(), BrandFactory()
    shared = ProgramFactory(code="shared", name="集團點", is_default=True)
    own = ProgramFactory(code="own", brand=brand)
    ProgramFactory(code="theirs", brand=other)
    ProgramFactory(code="old", brand=brand, is_active=False)
    lines = (
        "0912345678,5,",
        "0912345678,5,SHARED",
        "0912345678,5,集團點",
        "0912345678,5,theirs",
        "0912345678,5,old",
    )
    batch = look_at(points_file(*lines, head="手機,點數,點數方案"), brand=brand)
    assert [row[1:] for row in outcomes(batch)] == [
        ("new", ""), ("new", ""), ("new", ""), ("error", "program_unknown"), ("error", "program_unknown"),
    ]  # fmt: skip
    columns = [
        (row.cells or [])[6] for row in ImportRow.objects.filter(batch=batch, outcome="new").order_by("line")
    ]
    assert columns == [str(own.pk), str(shared.pk), str(shared.pk)]


# --- Who may ------------------------------------
def test_only_marketers_bring_points_in_and_none_of_those_who_say_how_much() -> None:
    may = {role for role in Role if UserFactory(role=role).has_perm("points.import_points")}
    assert may == {Role.MARKETER}
    offered = {role: {kind.name for kind in kinds.kinds_for(UserFactory(role=role))} for role in Role}
    assert {role for role, names in offered.items() if "points" in names} == may


def test_people_of_stores_bring_nothing_in_and_a_brands_people_their_members_only(program: Program) -> None:
    with pytest.raises(ImportReach):
        look_at(points_file("0912345678,5"), UserFactory(role=Role.MARKETER, stores=[StoreFactory()]))
    own, other = BrandFactory(), BrandFactory()
    MemberFactory(phone="+886912000001", brand=own)
    MemberFactory(phone="+886912000002", brand=other)
    MemberFactory(phone="+886912000003")
    user = UserFactory(role=Role.MARKETER, reach=Reach.BRAND.value, brand=own)
    batch = look_at(points_file("0912000001,5", "0912000002,5", "0912000003,5"), user)
    assert [row[1:] for row in outcomes(batch)] == [("new", ""), ("conflict", "not_there"), ("new", "")]


# --- Other doors ------------------------------------
def test_a_workbook_with_numbers_and_a_formula(program: Program, member: Member) -> None:
    content = workbook(["手機", "點數"], ["0912345678", 100], ["0912345678", 10.5], ["0912345678", 1e6])
    batch = check(content, kind="points", name="p.xlsx", policy={"operation": "grant", "reason": "other"})
    assert [row[1] for row in outcomes(batch)] == ["new", "error", "error"]


def test_templates_and_the_command(program: Program, member: Member, marketer: User, tmp_path: Any) -> None:
    kind = kinds.kind_of("points")
    for suffix in ("csv", "xlsx"):
        target = io.BytesIO()
        templates.write(kind, suffix, target)
        name = tmp_path / f"template.{suffix}"
        name.write_bytes(target.getvalue())
        out = io.StringIO()
        call_command("run_import", str(name), kind="points", dry_run=True, stdout=out)
        assert "-> points" in out.getvalue() and "Points in sum: +100" in out.getvalue()
    content = tmp_path / "bad.csv"
    content.write_bytes(points_file("0912345678,ten"))
    with pytest.raises(CommandError, match="1 rows are left out"):
        call_command("run_import", str(content), kind="points", dry_run=True, stderr=io.StringIO())
    assert not Entry.objects.exists() and ImportBatch.objects.filter(state=ImportState.CHECKED).count() == 3
    assert not Account.objects.exists()
