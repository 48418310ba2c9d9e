"""Files as merchants have them: encodings, dates, and members and stores out of CSV."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from backoffice.actors import Actor
from backoffice.models import AuditEvent, Brand, Store
from members.cards import is_valid_card_no
from members.csv_files import CsvRow, LoadReport, detect_encoding, read_csv
from members.dates import parse_date
from members.errors import UnreadableFile
from members.models import Member
from members.services.member_file import COLUMNS, load_members
from members.services.store_file import load_stores
from tests.factories.backoffice import BrandFactory, StoreFactory
from tests.factories.members import MemberFactory

IMPORT = Actor.job("tests")
HEAD = ",".join(COLUMNS)
WANG = "H1,0912-345-678,王小明,男,1990-02-03,S1,2020-05-01"


class TestDates:
    @pytest.mark.parametrize(
        "text",
        [
            "1990-05-05",
            "1990/5/5",
            "1990.05.05",
            "19900505",
            "79/05/05",
            "079/5/5",
            "790505",
            "0790505",
            "民國79年5月5日",
            "民國 79 年 05 月 05 日",
            "1990年5月5日",
            "１９９０／０５／０５",
            " 1990-05-05 00:00:00 ",
        ],
    )
    def test_ways_of_writing_a_day(self, text: str) -> None:
        assert parse_date(text) == date(1990, 5, 5)

    @pytest.mark.parametrize("text", ["", "05/06/1990", "1990-02-30", "1990-13-01", "33000", "5 May 1990"])
    def test_what_is_no_day(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"no date|month|day"):
            parse_date(text)

    @given(day=st.dates(min_value=date(1912, 1, 1), max_value=date(2910, 12, 31)))
    def test_both_calendars_mean_the_same_day(self, day: date) -> None:
        assert parse_date(day.isoformat()) == day
        assert parse_date(f"{day.year - 1911:03}/{day.month}/{day.day}") == day


def rows(content: bytes, required: Sequence[str] = ("姓名",), encoding: str = "") -> list[CsvRow]:
    return list(read_csv(io.BytesIO(content), required=required, encoding=encoding))


class TestReading:
    # Big5 keeps a backslash in 許, 功 and 蓋: cut after decoding, never before.
    TEXT = '姓名,備註\n許功蓋,"一,二\n三"\n\n  ,\n王小明\n'

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp950"])
    def test_encodings_are_found_out(self, encoding: str) -> None:
        found = rows(self.TEXT.encode(encoding))
        assert [row.values for row in found] == [
            {"姓名": "許功蓋", "備註": "一,二\n三"},
            {"姓名": "王小明", "備註": ""},
        ]
        assert [row.line for row in found] == [3, 6]
        assert not any(row.problem for row in found)

    def test_a_character_outside_big5_marks_its_line_only(self) -> None:
        content = "姓名\n許功蓋\n".encode("cp950") + b"\xfa\x40\xff\n" + "王小明\n".encode("cp950")
        assert [bool(row.problem) for row in rows(content)] == [False, True, False]

    def test_detection_reads_on_to_the_end(self) -> None:
        content = b"a" * 70_000 + "許".encode("cp950")
        file = io.BytesIO(content)
        assert detect_encoding(file) == "cp950"
        assert file.tell() == 0

    @pytest.mark.parametrize("content", [b"", b"name\nx\n", b"\xff\xfe\x00"])
    def test_no_head_no_rows(self, content: bytes) -> None:
        with pytest.raises(UnreadableFile):
            rows(content)

    def test_cells_beyond_the_head_are_a_problem(self) -> None:
        assert rows("姓名\n王,小明\n王,\n".encode())[0].problem
        assert not rows("姓名\n王,小明\n王,\n".encode())[1].problem


def load(now: datetime, *lines: str, head: str = HEAD, brand: Brand | None = None) -> LoadReport:
    content = "\n".join([head, *lines]).encode()
    return load_members(rows=read_csv(io.BytesIO(content), required=()), brand=brand, actor=IMPORT, now=now)


def counts(report: LoadReport) -> tuple[int, int, int, int]:
    return report.created, report.changed, report.same, report.bad


@pytest.mark.django_db
class TestMembers:
    @pytest.fixture(autouse=True)
    def store(self) -> Store:
        return StoreFactory(code="S1")

    def test_what_the_line_says(self, store: Store, now: datetime) -> None:
        assert counts(load(now, WANG)) == (1, 0, 0, 0)
        member = Member.objects.get()
        assert (member.external_id, member.phone, member.name) == ("H1", "+886912345678", "王小明")
        assert (member.gender, member.birthday, member.referring_store) == ("male", date(1990, 2, 3), store)
        assert member.joined_at.isoformat() == "2020-04-30T16:00:00+00:00"  # midnight in Taipei
        assert (member.source, member.brand, member.phone_verified_at) == ("import", None, None)
        assert is_valid_card_no(member.card_no)

    def test_again_changes_nothing_at_all(self, now: datetime) -> None:
        load(now, WANG)
        before = Member.objects.values().get()
        assert counts(load(datetime.fromisoformat("2030-01-01T00:00:00Z"), WANG)) == (0, 0, 1, 0)
        assert Member.objects.values().get() == before
        assert apps.get_model("members", "MemberEvent").objects.count() == 1

    def test_what_moved_is_brought_up_and_an_empty_cell_keeps(self, now: datetime) -> None:
        load(now, WANG)
        report = load(now, "H1,0912345678,王大明,,,,", "H2,0987654321,,,,,")
        assert counts(report) == (1, 1, 0, 0)
        member = Member.objects.get(external_id="H1")
        assert (member.name, member.gender, member.birthday) == ("王大明", "male", date(1990, 2, 3))

    def test_a_verified_phone_and_a_locked_store_stay(self, now: datetime) -> None:
        StoreFactory(code="S2")
        load(now, WANG)
        Member.objects.update(phone_verified_at=now, referring_store_locked=True)
        assert counts(load(now, WANG.replace("345", "999").replace("S1", "S2"))) == (0, 0, 1, 0)

    def test_lost_zeros_are_repaired_and_counted(self, now: datetime) -> None:
        report = load(now, "H1,912345678,,,,,", 'H2,"=""0987654321""",,,,,', "H3,0911111111,,,,,")
        assert (report.created, report.repaired) == (3, 2)
        assert Member.objects.filter(phone="+886912345678").exists()

    @pytest.mark.parametrize(
        ("line", "column", "value"),
        [
            (",0912345678,,,,,", "會員編號", ""),
            ("H1,,,,,,", "手機", ""),
            ("H1,02-23456789,,,,,", "手機", "02-23456789"),
            ("H1,0912345678,,雄,,,", "性別", "雄"),
            ("H1,0912345678,,,2月3日,,", "生日", "2月3日"),
            ("H1,0912345678,,,2990-01-01,,", "生日", "2990-01-01"),
            ("H1,0912345678,,,,S9,", "推薦門市", "S9"),
            ("H1,0912345678,,,,,soon", "加入日期", "soon"),
            (f"H1,0912345678,{'王' * 61},,,,", "姓名", "王" * 61),
            ("H1,0912345678,,,,,,,extra", "", ""),
        ],
    )
    def test_a_bad_line_is_named_and_the_others_go_in(
        self, now: datetime, line: str, column: str, value: str
    ) -> None:
        report = load(now, "H7,0987654321,,,,,", line)
        assert counts(report) == (1, 0, 0, 1)
        (error,) = report.errors
        assert (error.line, error.column, error.value) == (3, column, value)
        assert error.expected

    def test_one_phone_one_member(self, now: datetime) -> None:
        MemberFactory(phone="+886912345678")
        report = load(now, WANG, "H2,0987654321,,,,,", "H3,0987654321,,,,,", "H2,0911111111,,,,,")
        assert counts(report) == (1, 0, 0, 3)
        found = sorted((error.line, error.column) for error in report.errors)
        assert found == [(2, "手機"), (4, "手機"), (5, "會員編號")]

    def test_a_code_of_two_brands_needs_the_brand(self, store: Store, now: datetime) -> None:
        StoreFactory(code="S1")
        assert load(now, WANG).bad == 1
        assert load(now, WANG, brand=store.brand).created == 1
        assert Member.objects.get().brand == store.brand

    def test_history_says_what_brought_it(self, now: datetime) -> None:
        load(now, WANG)
        event = apps.get_model("members", "MemberEvent").objects.get()
        assert event.pgh_context.metadata["act"] == "load_members"


@pytest.mark.django_db
class TestStores:
    def load(self, now: datetime, brand: Brand, text: str) -> LoadReport:
        content = f"門市代碼,門市名稱\n{text}".encode()
        return load_stores(
            rows=read_csv(io.BytesIO(content), required=()), brand=brand, actor=IMPORT, now=now
        )

    def test_new_renamed_and_the_same(self, now: datetime) -> None:
        brand = BrandFactory()
        StoreFactory(code="S1", name="別人的")
        assert counts(self.load(now, brand, "S1,一店\nS2,二店\n")) == (2, 0, 0, 0)
        assert counts(self.load(now, brand, "S1,一店\nS2,新二店\nS2,三店\n,四店\nS5,\n")) == (0, 1, 1, 3)
        assert set(brand.stores.values_list("code", "name")) == {("S1", "一店"), ("S2", "新二店")}
        assert AuditEvent.objects.filter(action="store.load_file").count() == 2


@pytest.mark.django_db
class TestCommands:
    def run(self, capsys: pytest.CaptureFixture[str], *arguments: Any, **options: Any) -> str:
        call_command(*arguments, **options)
        return capsys.readouterr().out

    def test_big5_from_the_command_line(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        stores, members = tmp_path / "stores.csv", tmp_path / "members.csv"
        stores.write_bytes("門市代碼,門市名稱\nS1,第一店\n".encode("cp950"))
        members.write_bytes(f"{HEAD}\n{WANG}\n".encode("cp950"))
        BrandFactory(code="main")
        assert "1 lines: 1 new" in self.run(capsys, "import_stores", str(stores), brand="main")
        assert "1 lines: 1 new" in self.run(capsys, "import_members", str(members))
        assert "0 new, 0 changed, 1 the same" in self.run(capsys, "import_members", str(members))

    def test_bad_lines_end_in_an_error(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "members.csv"
        file.write_text(f"{HEAD}\nH1,nobody,,,,,\nH2,0912345678,,,,,\n", encoding="utf-8")
        with pytest.raises(CommandError, match="1 lines were left out"):
            call_command("import_members", str(file))
        assert "line 2, 手機: “nobody”, expected" in capsys.readouterr().err
        assert Member.objects.count() == 1

    @pytest.mark.parametrize(
        ("command", "options"), [("import_stores", {"brand": "x"}), ("import_members", {"brand": "x"})]
    )
    def test_what_is_not_there(self, tmp_path: Path, command: str, options: dict[str, str]) -> None:
        with pytest.raises(CommandError, match="no brand"):
            call_command(command, str(tmp_path / "none.csv"), **options)
        BrandFactory(code="x")
        with pytest.raises(CommandError, match=r"none\.csv"):
            call_command(command, str(tmp_path / "none.csv"), **options)
