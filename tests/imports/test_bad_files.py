"""Bad input, C01 to C53 of the table of bad files: each file is written by code, each outcome is the
table's.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import pytest

from backoffice.choices import ImportState
from backoffice.errors import ColumnsIgnored
from backoffice.models import ImportRow
from backoffice.services.imports import results
from backoffice.services.imports.kinds import kind_of
from backoffice.tabular.faults import FileRefused
from members.models import Member
from tests.imports.desk import ROBOT, bring, check, csv_of, look, outcomes, rows
from tests.imports.workbooks import rewritten, sheet_of, workbook

pytestmark = pytest.mark.django_db

GOOD = "0912345678,王小明"
XLSX = workbook(["手機", "姓名"], ["0912345678", "王小明"])
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;">]>'
    b'<worksheet><sheetData><row r="1"><c r="A1"><v>&lol2;</v></c></row></sheetData></worksheet>'
)
XXE = LAUGHS.replace(b'"lol"', b'SYSTEM "file:///etc/passwd"')
FAR = sheet_of(XLSX).replace(
    b"</sheetData>", b'<row r="1048576"><c r="XFD1048576" t="n"><v>1</v></c></row></sheetData>'
)

# --- The file as a whole is refused, with its reason, and nothing of it is staged or written
# ------------------------
REFUSED: dict[str, tuple[bytes | Callable[[], bytes], str, str]] = {
    "C01 empty": (b"", "members.csv", "empty"),
    "C02 head only": (csv_of(), "members.csv", "no_rows"),
    "C03 no head": ((GOOD + "\r\n" + "0922333444,林\r\n").encode(), "members.csv", "no_head"),
    "C06 column twice": (csv_of("0912345678,a,b", head="手機,姓名,姓名"), "members.csv", "column_twice"),
    "C17 quote never closed": (
        csv_of('0912345678,"王', "0922333444,林", "0933444555,陳"),
        "members.csv",
        "quote_open",
    ),
    "C43 workbook named csv": (XLSX, "members.csv", "xlsx_named_otherwise"),
    "C44 csv named xlsx": (csv_of(GOOD), "members.xlsx", "csv_named_xlsx"),
    "C45 external entity": (rewritten(XLSX, sheet=XXE), "members.xlsx", "entities"),
    "C46 billion laughs": (rewritten(XLSX, sheet=LAUGHS), "members.xlsx", "entities"),
    "C48 formula": (workbook(["手機", "姓名"], ["x", "a"], formula="=1+1"), "members.xlsx", "formulas"),
    "C49 macros": (rewritten(XLSX, macro=b"\x00"), "members.xlsx", "macros"),
    "C50 path out of the zip": (rewritten(XLSX, escape=b"<a/>"), "members.xlsx", "strange_part"),
    "C51 unpacked size": (lambda: rewritten(XLSX, bomb=b"<a>" + b"0" * (410 << 20)), "members.xlsx", "bomb"),
    "C52 a cell far away": (rewritten(XLSX, sheet=FAR), "members.xlsx", "too_many_cells"),
    "C53 one endless line": (lambda: b"0" * (3 << 20), "members.csv", "long_line"),
    "old Excel": (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "members.xls", "old_excel"),
    "a picture": (b"\x89PNG\r\n\x1a\n", "members.csv", "not_a_table"),
    "half a workbook": (XLSX[: len(XLSX) // 2], "members.xlsx", "broken_workbook"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_whole_file_is_refused(case: str) -> None:
    made, name, fault = REFUSED[case]
    content = made() if callable(made) else made
    begun = time.monotonic()
    try:
        batch = check(content, name=name)
    except FileRefused as refusal:
        found = refusal.fault
    else:
        assert batch.state == ImportState.FAILED, outcomes(batch)
        found = batch.problem["fault"]
        assert batch.counts == {}
    assert found == fault
    assert time.monotonic() - begun < 20
    assert not Member.objects.exists()


def test_c04_a_missing_column_is_named() -> None:
    from backoffice.errors import ImportLayoutWrong

    with pytest.raises(ImportLayoutWrong) as refused:
        check(csv_of("王小明,女", head="姓名,性別"))
    assert "mobile phone" in str(refused.value)


def test_c05_an_unknown_column_waits_for_a_word_and_is_never_written() -> None:
    content = csv_of("0912345678,王小明,1", head="手機,姓名,is_superuser")
    with pytest.raises(ColumnsIgnored) as refused:
        check(content)
    assert "is_superuser" in str(refused.value)
    batch = bring(content, ignore=None)
    assert batch.counts["done:applied"] == 1
    assert "is_superuser" not in batch.layout["fields"]


# --- The file is fine: how it is written does not matter ------------------------------------
PEOPLE = ("0912345678,王小明", "0922333444,許功蓋")
FINE: dict[str, bytes] = {
    "C07 UTF-8 with BOM": csv_of(*PEOPLE),
    "UTF-8": csv_of(*PEOPLE, encoding="utf-8"),
    "C08 Big5": csv_of(*PEOPLE, encoding="cp950"),
    "C09 UTF-16": csv_of(*PEOPLE, encoding="utf-16"),
    "UTF-16 without its mark": csv_of(*PEOPLE, encoding="utf-16-le"),
    "C12 semicolons": csv_of(*(p.replace(",", ";") for p in PEOPLE), head="手機;姓名"),
    "C12 tabs": csv_of(*(p.replace(",", "\t") for p in PEOPLE), head="手機\t姓名"),
    "C13 CR line ends": csv_of(*PEOPLE, end="\r"),
    "C14 mixed line ends": ("\ufeff手機,姓名\r\n" + PEOPLE[0] + "\n" + PEOPLE[1] + "\r").encode(),
    "C19 blank lines": csv_of("", PEOPLE[0], ",", "", PEOPLE[1], "", ""),
    "C26 hyphens and blanks": csv_of("0912-345-678,王小明", "+886 922 333 444,許功蓋"),
    "a title above the head": (
        "會員名單\r\n製表日期,2026-06-15\r\n" + csv_of(*PEOPLE, encoding="utf-8").decode()
    ).encode(),
}


@pytest.mark.parametrize("case", FINE)
def test_the_file_is_understood(case: str) -> None:
    batch = bring(FINE[case])
    assert batch.counts["done:applied"] == 2, outcomes(batch)
    assert set(Member.objects.values_list("phone", "name")) == {
        ("+886912345678", "王小明"),
        ("+886922333444", "許功蓋"),
    }


def test_a_workbook_is_read_from_its_first_visible_sheet() -> None:
    batch = bring(workbook(["手機", "姓名"], ["0912345678", "王小明"], hidden=True), name="members.xlsx")
    assert batch.layout["sheet"] == "會員"
    assert Member.objects.get().name == "王小明"


# --- Single rows are bad, the others go in ------------------------------------
def one(value: str, column: str) -> str:
    return f"0933444555,壞,{value}" if column != "手機" else f"{value},壞,"


ROWS: dict[str, tuple[str, str, str, str]] = {
    # name: (column, cell, column of the fault, word of the fault)
    "C15 line too short": ("short", "0933444555,壞", "", "short"),
    "C16 line too long": ("long", "0933444555,壞,,多", "", "long"),
    "C11 NUL inside": ("姓名", "王\x00明", "name", "control"),
    "C23 phone as 9.11E+08": ("手機", "9.11E+08", "phone", ""),
    "C24 over-long phone": ("手機", "09123456789012345", "phone", ""),
    "letters in a phone": ("手機", "0912345678x", "phone", ""),
    "C34 ambiguous date": ("生日", "01/02/1990", "birthday", ""),
    "C35 30 February": ("生日", "1990-02-30", "birthday", ""),
    "C37 birthday in the future": ("生日", "2990-01-01", "birthday", "not_lived"),
    "C40 endless name": ("姓名", "王" * 100_000, "name", "too_long"),
    "C42 5,000 tags": ("標籤", "、".join(f"t{n}" for n in range(5000)), "tags", ""),
    "unknown gender": ("性別", "x?", "gender", ""),
    "unknown store": ("推薦門市", "NOWHERE", "referring_store", "store_unknown"),
    "undefined tag": ("標籤", "沒定義", "tags", "tag_undefined"),
    "e-mail without a domain": ("電子郵件", "wang@", "email", ""),
    "a yes without its day": ("行銷同意", "Y", "consent_date", "consent_undated"),
    "a card number mistyped": ("卡號", "9111111111111111", "card_no", ""),
}


@pytest.mark.parametrize("case", ROWS)
def test_the_row_is_listed_and_the_others_go_in(case: str) -> None:
    column, cell, where, word = ROWS[case]
    extra = column if column not in ("手機", "姓名", "short", "long") else "備用"
    head = f"手機,姓名,{extra}"
    good = "0912345678,王小明,"
    bad = {
        "手機": f"{cell},壞,",
        "姓名": f"0933444555,{cell},",
        "short": cell,
        "long": cell,
    }.get(column, f'0933444555,壞,"{cell}"')
    batch = bring(csv_of(good, bad, "0955666777,陳,", head=head), ignore=None)
    assert batch.counts["done:applied"] == 2
    row = rows(batch)[3]
    assert row.outcome == "error"
    fault = row.faults[0]
    assert (fault["column"], fault["fault"]) == (where, word)
    assert kind_of("members").fault_text(fault)
    assert Member.objects.count() == 2


def test_c10_one_broken_line_of_utf8_is_no_reason_to_read_another_alphabet() -> None:
    content = csv_of("0912345678,王小明", "0922333444,林XX美", "0933444555,陳大同", encoding="utf-8")
    batch = bring(content.replace(b"XX", b"\xff\xfe"))
    assert batch.layout["encoding"] == "utf-8"
    assert outcomes(batch) == [(2, "new", ""), (3, "error", "broken"), (4, "new", "")]
    assert set(Member.objects.values_list("name", flat=True)) == {"王小明", "陳大同"}


def test_c18_a_line_break_in_a_name_keeps_the_numbers_of_the_lines() -> None:
    batch = check(csv_of('0912345678,"王\n小明"', "x,壞"))
    assert outcomes(batch) == [(2, "new", ""), (4, "error", "")]


# --- What was understood, not read as written, is marked ------------------------------------
REPAIRED: dict[str, tuple[str, str, str]] = {
    "C22 the zero is lost": ("手機", "933444555", "+886933444555"),
    "a guard of Excel": ("手機", '="0933444555"', "+886933444555"),
    "C36 a year of the Republic": ("生日", "79/05/05", "1990-05-05"),
    "C41 marks that nobody sees": ("姓名", "王\u202e小\u200b明", "王小明"),
}


@pytest.mark.parametrize("case", REPAIRED)
def test_a_repair_is_marked_in_the_preview(case: str) -> None:
    column, cell, value = REPAIRED[case]
    columns = {"手機": "", "姓名": "", "生日": "", column: cell.replace('"', '""')}
    columns["手機"] = columns["手機"] or "0933444555"
    line = ",".join(f'"{text}"' if '"' in text else text for text in columns.values())
    batch = check(csv_of(line, head=",".join(columns)))
    row = rows(batch)[2]
    assert row.outcome == "new", row.faults
    assert value in (row.cells or [])
    assert len(row.repairs) == 1 and batch.counts["repaired"] == 1


def test_c25_full_width_digits_are_normalised_and_duplicates_found_after_it() -> None:
    batch = check(csv_of("０９１２３４５６７８,王小明", "0912345678,王大明"))
    assert outcomes(batch) == [(2, "new", ""), (3, "duplicate", "twice")]


def test_c38_c39_cells_that_begin_like_formulas_are_stored_as_typed_and_leave_harmless() -> None:
    names = ["=1+1", "@x", "==1", "<script>alert(1)</script>", "{{ 7*7 }}", "'; DROP TABLE x; --"]
    lines = [f'091234567{n},"{name}"' for n, name in enumerate(names)]
    bring(csv_of(*lines))
    assert set(Member.objects.values_list("name", flat=True)) == set(names)
    bad = check(csv_of(*[line.replace("0912", "xx") for line in lines]))
    target = io.BytesIO()
    results.write_errors(batch=bad, target=target, actor=ROBOT, now=bad.created_at)
    assert b"'=1+1" in target.getvalue() and b"'==1" in target.getvalue() and b"'@x" in target.getvalue()


def test_c47_a_phone_stored_as_a_number_is_repaired_and_a_rounded_card_is_not() -> None:
    content = workbook(["手機", "卡號"], [912345678, ""], ["0922333444", 9377495901631745])
    batch = check(content, name="members.xlsx")
    assert outcomes(batch) == [(2, "new", ""), (3, "error", "rounded")]
    assert rows(batch)[2].repairs


def test_the_error_file_has_the_format_and_encoding_of_the_upload_and_may_come_back() -> None:
    content = csv_of("912345678x,王小明", "0922333444,許功蓋", encoding="cp950")
    batch = bring(content)
    target = io.BytesIO()
    assert results.write_errors(batch=batch, target=target, actor=ROBOT, now=batch.created_at) == 1
    text = target.getvalue().decode("cp950")
    assert text.splitlines()[1].startswith("912345678x,王小明,")
    fixed = text.replace("912345678x", "0912345678").encode("cp950")
    again = bring(fixed)
    assert again.counts["done:applied"] == 1 and again.layout["encoding"] == "cp950"


def test_every_line_of_a_finished_import_is_accounted_for() -> None:
    batch = bring(csv_of(GOOD, GOOD, "x,y", "0922333444,林"))
    assert batch.counts["rows"] == 4 == ImportRow.objects.filter(batch=batch).count()
    assert sum(batch.counts.get(name, 0) for name in ("new", "duplicate", "error")) == 4


def test_the_sample_is_shown_before_anything_is_checked() -> None:
    batch = look(csv_of(*PEOPLE, encoding="cp950"))
    assert batch.state == ImportState.UNDERSTOOD
    assert batch.layout["sample"] == [["0912345678", "王小明"], ["0922333444", "許功蓋"]]
    assert batch.layout["fields"] == ["phone", "name"]
    assert not ImportRow.objects.exists()


def test_a_sentence_names_row_column_value_and_form_in_both_languages() -> None:
    from django.utils import translation

    batch = check(csv_of("912x,王"))
    fault: dict[str, Any] = rows(batch)[2].faults[0]
    assert fault["value"] == "912x"
    kind = kind_of("members")
    with translation.override("en"):
        assert "0912-345-678" in kind.fault_text(fault)
    with translation.override("zh-hant"):
        assert "0912-345-678" in kind.fault_text(fault)
