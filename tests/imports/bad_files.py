"""The table of bad files, C01 to C60: each file is written by code, each line says exactly what becomes of
it.

`refused`: nothing is staged, the file has this fault. `rows`: (outcome, column, fault) of every line of the
file;
the good ones go in, and `stored` is whom the shop has afterwards. `marked`: how many cells the preview shows
as understood, not as written. Lines of points and of what no single file shows are in ELSEWHERE.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.imports.desk import csv_of
from tests.imports.workbooks import rewritten, sheet_of, workbook

NEW = ("new", "", "")
GOOD = "0912345678,王小明"
PEOPLE = ("0912345678,王小明", "0922333444,許功蓋")
STORED = {("+886912345678", "王小明"), ("+886922333444", "許功蓋")}
ONE = {("+886912345678", "王小明")}


def error(column: str, fault: str) -> tuple[str, str, str]:
    return ("error", column, fault)


@dataclass(frozen=True)
class Case:
    line: str
    what: str
    content: bytes | Callable[[], bytes]
    name: str = "members.csv"
    refused: str = ""
    rows: Mapping[int, tuple[str, str, str]] = field(default_factory=dict)
    stored: frozenset[tuple[str, str]] | set[tuple[str, str]] = frozenset()
    marked: int = 0
    policy: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.line} {self.what}"


def fine(line: str, what: str, content: bytes, **more: Any) -> Case:
    """The two of PEOPLE come in, whatever the file looks like."""
    lines = more.pop("lines", (2, 3))
    return Case(line, what, content, rows=dict.fromkeys(lines, NEW), stored=STORED, **more)


def single(
    line: str, what: str, column: str, cell: str, where: str, fault: str, *, hint: str = "", **more: Any
) -> Case:
    """One bad row between two good ones."""
    head, bad = f"手機,姓名,{column}", f'0933444555,壞,"{cell}"'
    if column in ("手機", "姓名"):
        head = "手機,姓名,備用"
        bad = f"{cell},壞," if column == "手機" else f"0933444555,{cell},"
    content = csv_of("0912345678,王小明,", bad, "0922333444,許功蓋,", head=head)
    rows = {2: NEW, 3: error(where, fault), 4: NEW}
    return Case(line, what, content, rows=rows, stored=STORED, hint=hint, **more)


def repaired(line: str, what: str, content: bytes, *stored: tuple[str, str], **more: Any) -> Case:
    rows = dict.fromkeys(range(2, 2 + len(stored)), NEW)
    return Case(line, what, content, rows=rows, stored=set(stored), **({"marked": 1} | more))


XLSX = workbook(["手機", "姓名"], ["0912345678", "王小明"])
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;">]>'
    b'<worksheet><sheetData><row r="1"><c r="A1"><v>&lol2;</v></c></row></sheetData></worksheet>'
)
XXE = LAUGHS.replace(b'"lol"', b'SYSTEM "file:///etc/passwd"')
FAR = sheet_of(XLSX).replace(
    b"</sheetData>", b'<row r="1048576"><c r="XFD1048576" t="n"><v>1</v></c></row></sheetData>'
)
INERT = [
    "=1+1",
    "@x",
    "==1",
    "+cmd|x",
    "-2+3",
    "<script>alert(1)</script>",
    "{{ 7*7 }}",
    "'; DROP TABLE x; --",
]
TAG_BOMB = "、".join(f"t{n}" for n in range(5000))
BROKEN_BIG5 = "手機,姓名\r\n0912345678,王小明\r\n0933444555,XX\r\n".encode("cp950").replace(
    b"XX", b"\xfa\x40"
)


def wide_cell() -> bytes:
    """A workbook of 200 KiB that unpacks to one cell of 200 MB."""
    cell = b'<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>' + b"0" * (200 << 20)
    return rewritten(XLSX, sheet=cell + b"</t></is></c></row></sheetData></worksheet>")


CASES = [
    # --- The file as a whole --------------------------------------------------------------------------------
    Case("C01", "empty", b"", refused="empty"),
    Case("C02", "head only", csv_of(), refused="no_rows"),
    Case("C03", "no head", f"{GOOD}\r\n0922333444,林\r\n".encode(), refused="no_head"),
    Case("C06", "column twice", csv_of("0912345678,a,b", head="手機,姓名,姓名"), refused="column_twice"),
    fine("C07", "UTF-8 with a BOM", csv_of(*PEOPLE)),
    fine("C07", "UTF-8 without one", csv_of(*PEOPLE, encoding="utf-8")),
    fine("C08", "Big5, shown with five rows and a switch", csv_of(*PEOPLE, encoding="cp950")),
    Case(
        "C08", "a character of nobody's Big5", BROKEN_BIG5,
        rows={2: NEW, 3: error("", "broken")}, stored=ONE,
    ),
    fine("C09", "UTF-16, shown likewise", csv_of(*PEOPLE, encoding="utf-16")),
    fine("C09", "UTF-16 without its mark", csv_of(*PEOPLE, encoding="utf-16-le")),
    Case(
        "C10", "broken UTF-8 in one line",
        csv_of(*PEOPLE, "0933444555,XX", encoding="utf-8").replace(b"XX", b"\xff\xfe"),
        rows={2: NEW, 3: NEW, 4: error("", "broken")}, stored=STORED,
    ),
    single("C11", "NUL inside", "姓名", "王\x00明", "name", "control"),
    fine("C12", "semicolons", csv_of(*(p.replace(",", ";") for p in PEOPLE), head="手機;姓名")),
    fine("C12", "tabs", csv_of(*(p.replace(",", "\t") for p in PEOPLE), head="手機\t姓名")),
    fine("C13", "CR line ends", csv_of(*PEOPLE, end="\r")),
    fine("C14", "mixed line ends", ("\ufeff手機,姓名\r\n" + PEOPLE[0] + "\n" + PEOPLE[1] + "\r").encode()),
    Case(
        "C15", "line too short", csv_of("0912345678,王小明,女", "0933444555,壞", head="手機,姓名,性別"),
        rows={2: NEW, 3: error("", "short")}, stored=ONE,
    ),
    Case(
        "C16", "line too long", csv_of(GOOD, "0933444555,壞,多"),
        rows={2: NEW, 3: error("", "long")}, stored=ONE,
    ),
    fine("C16", "empty cells at the end are no cells", csv_of(PEOPLE[0], PEOPLE[1] + ",,")),
    Case(
        "C17", "quote never closed", csv_of('0912345678,"王', "0922333444,林", "0933444555,陳"),
        refused="quote_open",
    ),
    repaired(
        "C18", "a line break in a name; the numbers of the lines stay", csv_of('0912345678,"王\n小明"'),
        ("+886912345678", "王 小明"),
    ),
    Case(
        "C18", "and the line behind it keeps its number", csv_of('0912345678,"王\n小明"', "x,壞"),
        rows={2: NEW, 4: error("phone", "")}, stored={("+886912345678", "王 小明")}, marked=1,
    ),
    fine("C19", "blank lines", csv_of("", PEOPLE[0], ",", "", PEOPLE[1], "", ""), lines=(3, 6)),
    # --- Phones ---------------------------------------------------------------------------------------------
    repaired("C22", "the zero is lost: put back and marked", csv_of("912345678,王小明"), *ONE),
    repaired("C22", "a guard of Excel", csv_of('"=""0912345678""",王小明'), *ONE),
    single("C23", "a phone as 9.11E+08", "手機", "9.11E+08", "phone", ""),
    single("C24", "over-long", "手機", "09123456789012345", "phone", ""),
    single("C24", "letters", "手機", "0912345678x", "phone", ""),
    single("C24", "a landline", "手機", "02-2345-6789", "phone", ""),
    single("C24", "of another country", "手機", "+85251234567", "phone", "foreign", hint="+85251234567"),
    repaired(
        "C24", "of another country, and meant", csv_of("+852 5123 4567,王小明"), ("+85251234567", "王小明"),
        policy={"foreign": "take"},
    ),
    Case(
        "C25", "full-width digits, duplicates found after them",
        csv_of("０９１２３４５６７８,王小明", "0912345678,王大明"),
        rows={2: NEW, 3: ("duplicate", "", "twice")}, stored=ONE,
    ),
    fine("C26", "blanks and hyphens", csv_of("0912-345-678,王小明", "+886 922 333 444,許功蓋")),
    # --- Days -----------------------------------------------------------------------------------------------
    single("C34", "day before month", "生日", "01/02/1990", "birthday", ""),
    single("C35", "30 February", "生日", "1990-02-30", "birthday", ""),
    single("C36", "a year of the Republic", "生日", "79/01/02", "birthday", "short_year", hint="1990-01-02"),
    single("C36", "without marks", "生日", "790102", "birthday", "short_year", hint="1990-01-02"),
    repaired(
        "C36", "and the uploader says that they are",
        csv_of("0912345678,王小明,79/01/02", head="手機,姓名,生日"), *ONE, policy={"short_years": "take"},
    ),
    repaired(
        "C36", "or the cell says so", csv_of("0912345678,王小明,民國79年1月2日", head="手機,姓名,生日"), *ONE
    ),
    single("C37", "a birthday in the future", "生日", "2990-01-01", "birthday", "not_lived"),
    single("C37", "or before anybody lives", "生日", "1790-01-01", "birthday", "not_lived"),
    # --- Text -----------------------------------------------------------------------------------------------
    Case(
        "C38", "cells that begin like formulas, stored as typed",
        csv_of(*[f'091234567{n},"{name}"' for n, name in enumerate(INERT)]),
        rows={n + 2: NEW for n in range(len(INERT))},
        stored={(f"+88691234567{n}", name) for n, name in enumerate(INERT)},
    ),
    single("C40", "an endless name", "姓名", "王" * 100_000, "name", "too_long"),
    repaired("C41", "bidi override and zero width", csv_of("0912345678,王\u202e小\u200b明"), *ONE),
    single("C42", "5,000 tags in a cell", "標籤", TAG_BOMB, "tags", ""),
    # --- Workbooks ------------------------------------------------------------------------------------------
    Case("C43", "a workbook named csv", XLSX, refused="xlsx_named_otherwise"),
    Case("C44", "a csv named xlsx", csv_of(GOOD), "members.xlsx", refused="csv_named_xlsx"),
    Case("C45", "an external entity", rewritten(XLSX, sheet=XXE), "members.xlsx", refused="entities"),
    Case("C46", "billion laughs", rewritten(XLSX, sheet=LAUGHS), "members.xlsx", refused="entities"),
    Case(
        "C47", "a phone as a number is put right, a rounded card is not",
        workbook(
            ["手機", "姓名", "卡號"], [912345678, "王小明", ""], ["0922333444", "許", 9377495901631745012]
        ),
        "members.xlsx", rows={2: NEW, 3: error("card_no", "rounded")}, stored=ONE, marked=1,
    ),
    Case(
        "C48", "a formula in one row",
        workbook(["手機", "姓名"], ["x", "公式"], ["0912345678", "王小明"], formula="=1+1"), "members.xlsx",
        rows={2: error("phone", "formula"), 3: NEW}, stored=ONE,
    ),
    Case("C49", "macros", rewritten(XLSX, macro=b"\x00"), "members.xlsx", refused="macros"),
    Case(
        "C50", "a path out of the zip", rewritten(XLSX, escape=b"<a/>"), "members.xlsx",
        refused="strange_part",
    ),
    Case("C51", "one cell of 200 MB", wide_cell, "members.xlsx", refused="bomb"),
    Case("C52", "a cell far away", rewritten(XLSX, sheet=FAR), "members.xlsx", refused="too_many_cells"),
    Case("C53", "one endless line", lambda: b"0" * (3 << 20), refused="long_line"),
    # --- Not in the table, but in the world -----------------------------------------------------------------
    Case("C00", "old Excel", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "members.xls", refused="old_excel"),
    Case("C00", "a picture", b"\x89PNG\r\n\x1a\n", refused="not_a_table"),
    Case("C00", "half a workbook", XLSX[: len(XLSX) // 2], "members.xlsx", refused="broken_workbook"),
    fine(
        "C00", "a title above the head",
        ("會員名單\r\n製表日期,2026-06-15\r\n" + csv_of(*PEOPLE, encoding="utf-8").decode()).encode(),
        lines=(4, 5),
    ),
    single("C00", "unknown gender", "性別", "x?", "gender", ""),
    single("C00", "unknown store", "推薦門市", "NOWHERE", "referring_store", "store_unknown"),
    single("C00", "undefined tag", "標籤", "沒定義", "tags", "tag_undefined"),
    single("C00", "e-mail without a domain", "電子郵件", "wang@", "email", ""),
    single("C00", "a yes without its day", "行銷同意", "Y", "consent_date", "consent_undated"),
    single("C00", "a card number mistyped", "卡號", "9111111111111111", "card_no", ""),
]  # fmt: skip

BAD = "tests.imports.test_bad_files"
MEANWHILE = "tests.imports.test_meanwhile"
# What is no single file, and lines of other kinds: where they are tested.
POINTS = "tests.imports.test_points"
ELSEWHERE = {
    "C04": f"{BAD}.test_c04_a_missing_column_is_named",
    "C05": f"{BAD}.test_c05_an_unknown_column_waits_for_a_word_and_is_never_written",
    **dict.fromkeys(
        ("C20", "C21"), f"{POINTS}.test_a_reference_is_there_once_and_the_same_member_may_be_there_twice"
    ),
    **dict.fromkeys(
        ("C27", "C28", "C29", "C30", "C32", "C33"),
        f"{POINTS}.test_what_is_no_whole_number_is_refused_and_nothing_is_mended",
    ),
    "C31": f"{POINTS}.test_only_deductions_are_signed_and_they_have_no_expiry",
    "C39": f"{BAD}.test_c38_c39_names_are_inert_wherever_they_are_shown",
    "C53": f"{BAD}.test_c53_a_line_of_300_mb_is_refused_within_512_mib",
    "C56": "tests.imports.test_way.test_the_same_file_twice_at_once_is_applied_once",
    "C55": f"{BAD}.test_c55_the_last_of_many_lines_is_bad_and_the_others_are_in",
    "C57": "tests.imports.test_killed.test_twenty_kills_each_while_applying_and_undoing_leave_no_trace",
    "C58": "tests.imports.test_way.test_a_stopped_import_keeps_what_is_in_and_can_be_undone",
    "C59": f"{MEANWHILE}.test_two_imports_on_the_same_members_are_both_right",
    "C60": f"{MEANWHILE}.test_whoever_is_no_member_any_more_is_refused_and_the_rest_goes_in",
}
