"""Bad input, C01 to C60: every line of the table (`bad_files.py`), and what no single file shows."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import time
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.choices import ImportState, Role
from backoffice.errors import ColumnsIgnored, ImportLayoutWrong
from backoffice.models import ImportRow
from backoffice.services.imports import results
from backoffice.services.imports.kinds import kind_of
from backoffice.tabular.faults import FILE_FAULTS, FileRefused
from members.models import Member
from tests.factories.backoffice import UserFactory
from tests.imports.bad_files import CASES, ELSEWHERE, GOOD, INERT, PEOPLE, Case
from tests.imports.desk import ROBOT, bring, check, csv_of, look, outcomes, rows
from tests.imports.test_pages import checked, page, uploaded
from tests.imports.workbooks import workbook

pytestmark = pytest.mark.django_db
# A million rows beside a working till: `bench/till.py` has that.
OTHERS = {"C54"}


def test_every_line_of_the_table_is_there() -> None:
    lines = {f"C{number:02}" for number in range(1, 61)}
    assert {case.line for case in CASES} | set(ELSEWHERE) | OTHERS >= lines
    for path in ELSEWHERE.values():
        module, _dot, name = path.rpartition(".")
        assert callable(getattr(import_module(module), name))


@pytest.mark.parametrize("case", [case for case in CASES if case.refused], ids=str)
def test_the_whole_file_is_refused(case: Case) -> None:
    """Nothing is staged and nothing written; the reason is a sentence that names the file's fault."""
    content = case.content() if callable(case.content) else case.content
    begun = time.monotonic()
    try:
        batch = check(content, name=case.name)
    except FileRefused as refusal:
        found = refusal.as_json()
    else:
        assert batch.state == ImportState.FAILED, outcomes(batch)
        found = batch.problem
        assert batch.counts == {}
    assert found["fault"] == case.refused
    assert str(FILE_FAULTS[case.refused]) % found["details"]
    assert time.monotonic() - begun < 20
    assert not Member.objects.exists()


@pytest.mark.parametrize("case", [case for case in CASES if not case.refused], ids=str)
def test_every_row_has_the_outcome_of_the_table(case: Case) -> None:
    assert not callable(case.content)
    batch = bring(case.content, name=case.name, policy=dict(case.policy), ignore=None)
    told = rows(batch)
    assert {line: (row.outcome, *_first(row)) for line, row in told.items()} == dict(case.rows)
    assert set(Member.objects.values_list("phone", "name")) == set(case.stored)
    assert batch.counts.get("repaired", 0) == case.marked == sum(bool(row.repairs) for row in told.values())
    good = sum(1 for outcome, _column, _fault in case.rows.values() if outcome == "new")
    assert batch.counts["done:applied"] == good
    for row in told.values():
        for fault in row.faults or []:
            assert kind_of("members").fault_text(fault)
            assert fault.get("hint", "") == case.hint


def _first(row: ImportRow) -> tuple[str, str]:
    fault = (row.faults or [{"column": "", "fault": ""}])[0]
    return fault["column"], fault["fault"]


def test_c03_c10_the_sentence_names_what_is_wrong() -> None:
    batch = check((GOOD + "\r\n" + GOOD + "\r\n").encode())
    assert batch.problem["details"]["names"]
    batch = check(csv_of('0912345678,"王', "0922333444,林", "0933444555,陳"))
    assert batch.problem == {"fault": "quote_open", "details": {"line": 2}}


def test_c04_a_missing_column_is_named() -> None:
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


def test_c08_c09_c12_what_was_guessed_is_shown_with_five_rows_and_a_switch() -> None:
    client = Client()
    client.force_login(UserFactory(role=Role.MARKETER))
    lines = [f"091234567{number};許功蓋{number}" for number in range(7)]
    for encoding in ("cp950", "utf-16"):
        batch = uploaded(client, csv_of(*lines, head="手機;姓名", encoding=encoding))
        body = client.get(page(batch)).content.decode()
        assert encoding in body and 'value=";" selected' in body
        assert "許功蓋4" in body and "許功蓋5" not in body


def test_c38_c39_names_are_inert_wherever_they_are_shown() -> None:
    """List, page of the member, history, preview, error file as CSV and as XLSX."""
    client = Client(headers={"accept-language": "en"})
    client.force_login(UserFactory(role=Role.ADMINISTRATOR))
    lines = [f'091234567{number},"{name}"' for number, name in enumerate(INERT)]
    bring(csv_of(*lines))
    shown = client.get(reverse("admin:members_member_changelist")).content.decode()
    batch = checked(client, uploaded(client, csv_of(*(line.replace(",", ",改") for line in lines))))
    shown += client.get(page(batch)).content.decode()
    for member in Member.objects.all():
        shown += client.get(reverse("admin:members_member_change", args=[member.pk])).content.decode()
        shown += client.get(reverse("admin:members_member_profile", args=[member.pk])).content.decode()
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert(1)" not in shown and ">49<" not in shown
    names = [f"x{line}" for line in lines]
    cells = [line.split(",", 1) for line in names]
    for name, content in (("a.csv", csv_of(*names)), ("a.xlsx", workbook(["手機", "姓名"], *cells))):
        bad = check(content, name=name)
        target = io.BytesIO()
        assert results.write_errors(batch=bad, target=target, actor=ROBOT, now=bad.created_at) == len(INERT)
        if name.endswith("csv"):
            told = [row[1] for row in csv.reader(io.StringIO(target.getvalue().decode("utf-8-sig")))][1:]
            assert not [cell for cell in told if cell.startswith(("=", "+c", "@", "-2"))]
        else:
            with zipfile.ZipFile(target) as parts:
                assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


ENDLESS = """
import io, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
import django
django.setup()
from backoffice.services.imports import storage
from backoffice.tabular import sniffing
from backoffice.tabular.faults import FileRefused
from backoffice.tabular.csv_rows import CsvRows

class Endless(io.RawIOBase):
    \"\"\"Bytes of one line, made when they are asked for.\"\"\"
    def __init__(self, size):
        self.size, self.at = size, 0
    def read(self, most=-1):
        left = self.size - self.at
        found = left if most < 0 else min(most, left)
        self.at += found
        return b"0" * found
    def seek(self, to, whence=0):
        self.at = to if whence == 0 else self.size + to
        return self.at
    def tell(self):
        return self.at

def fault(work):
    try:
        work()
    except FileRefused as refusal:
        return refusal.fault
    return "taken"

print(fault(lambda: storage.fingerprint(Endless(300 << 20))))
print(fault(lambda: sniffing.encoding_of(Endless(300 << 20))))
print(fault(lambda: list(CsvRows(Endless(300 << 20), "utf-8", ","))))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def test_c53_a_line_of_300_mb_is_refused_within_512_mib() -> None:
    """In a process that may not have more: at the door by its size, and in the reader by its first MiB."""
    done = subprocess.run(
        [sys.executable, "-c", ENDLESS],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *faults, peak = done.stdout.split()
    assert faults == ["too_big", "long_line", "long_line"]
    assert int(peak) < 512 << 10


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


def test_c55_the_last_of_many_lines_is_bad_and_the_others_are_in() -> None:
    good = [f"09{number:08d},王小明" for number in range(2_500)]
    batch = bring(csv_of(*good, "0912-34,王小明"))
    assert batch.counts["done:applied"] == len(good)
    assert outcomes(batch)[-1][:2] == (len(good) + 2, "error")
