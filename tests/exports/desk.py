"""An export made in one call, as a person and a worker would."""

from __future__ import annotations

import csv
import io
import itertools
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from python_calamine import CalamineWorkbook

from backoffice.actors import Actor
from backoffice.models import Export, User
from backoffice.services import job_runner
from backoffice.services.exports import storage, verbs
from tests.conftest import NOON

KEYS = itertools.count(1)


def asked(
    kind: str, user: User | None, query: Mapping[str, str] | None = None, *, now: datetime = NOON, **more: Any
) -> Export:
    actor = Actor.staff(user) if user else Actor.job("tests")
    key = more.pop("key", f"test-{next(KEYS)}")
    more.setdefault("language", "en")
    return verbs.ask(kind=kind, query=query or {}, actor=actor, key=key, now=now, **more)


def work(export: Export, now: datetime = NOON) -> Export:
    job_runner.run(job_id=export.job_id or 0, clock=lambda: now, worker="test")
    export.refresh_from_db()
    return export


def made(
    kind: str, user: User | None, query: Mapping[str, str] | None = None, *, now: datetime = NOON, **more: Any
) -> Export:
    export = work(asked(kind, user, query, now=now, **more), now)
    job = export.job
    assert job is not None and job.state == "done", (job and job.state, job and job.error)
    return export


def content(export: Export) -> bytes:
    with storage.opened(export.folder, export.file) as file:
        return file.read()


def table(export: Export) -> list[list[str]]:
    """All rows of a CSV, its head first."""
    text = content(export).decode("cp950" if export.format == "big5" else "utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def dicts(export: Export) -> list[dict[str, str]]:
    head, *rows = table(export)
    return [dict(zip(head, row, strict=True)) for row in rows]


def sheets(export: Export) -> dict[str, list[list[str]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(content(export)))
    return {
        name: [[str(cell) for cell in row] for row in book.get_sheet_by_name(name).to_python()]
        for name in book.sheet_names
    }


def xml_of(export: Export, name: str = "xl/worksheets/sheet1.xml") -> str:
    with zipfile.ZipFile(io.BytesIO(content(export))) as book:
        return book.read(name).decode()
