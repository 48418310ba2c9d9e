"""`run_import` and `undo_import`: what somebody at a terminal reads, and what to do next."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone, translation

from backoffice.management.commands import run_import
from backoffice.models import ImportBatch, Job
from backoffice.services.imports import verbs
from members.models import Member
from tests.factories.backoffice import BrandFactory
from tests.imports.desk import ROBOT, csv_of

pytestmark = pytest.mark.django_db


def said(*words: Any, **options: Any) -> tuple[str, str]:
    out, errors = StringIO(), StringIO()
    call_command(*words, stdout=out, stderr=errors, **options)
    return out.getvalue(), errors.getvalue()


@pytest.fixture
def members(tmp_path: Path) -> str:
    file = tmp_path / "members.csv"
    file.write_bytes(csv_of(*(f"091234567{number},王" for number in range(5))))
    return str(file)


def test_a_dry_run_says_that_it_was_one_and_leaves_nobody_behind(members: str) -> None:
    out, _errors = said("run_import", members, kind="members", dry_run=True)
    assert "5 rows, New 5" in out and "without --dry-run it goes in" in out
    assert not Member.objects.exists()


def test_what_was_brought_in_names_its_way_back(members: str) -> None:
    out, errors = said("run_import", members, kind="members")
    pk = ImportBatch.objects.get().pk
    assert "Brought in 5" in out and f"undo_import {pk}" in out and not errors
    Member.objects.filter(phone="+886912345670").update(name="陳", updated_at=timezone.now())
    out, _errors = said("undo_import", str(pk))
    assert f"import #{pk}: taken back 4, kept 1, stuck 0" in out and "which ones, and why" in out
    assert Member.objects.count() == 1


def test_a_long_job_says_how_far_it_is(members: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_import, "TOLD_EVERY_SECONDS", 0)
    _out, errors = said("run_import", members, kind="members")
    assert "5 of 5 rows" in errors
    _out, errors = said("undo_import", str(ImportBatch.objects.get().pk))
    assert "5 of 5 rows" in errors


def test_after_many_faults_it_says_how_many_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_import, "MOST_SHOWN", 2)
    file, errors = tmp_path / "bad.csv", StringIO()
    file.write_bytes(csv_of(*(f"no phone {number},王" for number in range(5))))
    with pytest.raises(CommandError, match="5 rows are left out"):
        call_command("run_import", str(file), kind="members", stdout=StringIO(), stderr=errors)
    assert errors.getvalue().count("expected") == 2 and "… and 3 more" in errors.getvalue()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"kind": "stores"}, "Known: members, points, purchases, tags"),
        ({"kind": "members", "brand": "nope"}, "Known: shuke. Brands are made in the back office"),
        ({"kind": "members", "user": "nobody"}, "There is no active user nobody"),
        ({"kind": "members", "set": ["mode=upsert"]}, r"--set key=\w+\|\w+"),
        ({"kind": "members", "set": ["mode"]}, "NAME=VALUE"),
        ({"kind": "members", "set": ["mdoe=update"]}, r"--set key=\w+\|\w+"),
    ],
)
def test_what_is_not_there_says_what_is(members: str, options: dict[str, Any], sentence: str) -> None:
    BrandFactory(code="shuke")
    with pytest.raises(CommandError, match=sentence):
        said("run_import", members, **options)
    assert not Member.objects.exists()


def test_an_import_that_is_not_there_and_one_that_cannot_be_undone(members: str) -> None:
    with pytest.raises(CommandError, match="There is no import #999999"):
        said("undo_import", "999999")
    said("run_import", members, kind="members", dry_run=True)
    with pytest.raises(CommandError, match="To be confirmed"):
        said("undo_import", str(ImportBatch.objects.get().pk))


def test_an_undo_that_was_broken_off_goes_on(members: str) -> None:
    said("run_import", members, kind="members")
    pk = ImportBatch.objects.get().pk
    verbs.undo(batch_id=pk, actor=ROBOT, now=timezone.now())
    out, _errors = said("undo_import", str(pk))
    assert "is being undone already" in out and "taken back 5" in out
    assert not Member.objects.exists() and Job.objects.filter(kind="imports.undo").count() == 1


def test_stores_and_members_of_an_unknown_brand(members: str) -> None:
    for command in ("import_stores", "import_members"):
        with pytest.raises(CommandError, match="There is no brand “nope”"):
            said(command, members, brand="nope")


def test_in_chinese_no_sentence_is_left_in_english(members: str) -> None:
    with translation.override("zh-hant"):
        out, _errors = said("run_import", members, kind="members")
        assert "匯入 #" in out and "新增 5" in out and "import #" not in out
        out, _errors = said("undo_import", str(ImportBatch.objects.get().pk))
    assert "已復原 5" in out
