"""A file brought through the desk in one call, as a worker and a careful person would."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from backoffice.actors import Actor
from backoffice.choices import ImportState
from backoffice.models import Brand, ImportBatch, ImportRow, User
from backoffice.services import job_runner
from backoffice.services.imports import intake, verbs
from tests.conftest import NOON

ROBOT = Actor.job("tests")
HEAD = "手機,姓名"


def csv_of(*lines: str, head: str = HEAD, encoding: str = "utf-8-sig", end: str = "\r\n") -> bytes:
    return end.join([head, *lines, ""]).encode(encoding)


def run(batch: ImportBatch, now: datetime = NOON) -> ImportBatch:
    """Do the batch's job to its end."""
    job_runner.run(job_id=batch.job_id or 0, clock=lambda: now, worker="test")
    batch.refresh_from_db()
    return batch


def look(
    content: bytes,
    *,
    name: str = "members.csv",
    kind: str = "members",
    actor: Actor = ROBOT,
    brand: Brand | None = None,
    now: datetime = NOON,
    **wishes: Any,
) -> ImportBatch:
    batch = intake.upload(
        file=io.BytesIO(content), name=name, kind=kind, actor=actor, now=now, brand=brand, wishes=wishes
    )
    return run(batch, now)


def check(
    content: bytes, *, ignore: Iterable[str] | None = (), now: datetime = NOON, **more: Any
) -> ImportBatch:
    policy = more.pop("policy", {})
    batch = look(content, now=now, **more)
    if batch.state != ImportState.UNDERSTOOD:
        return batch
    verbs.check(
        batch_id=batch.pk, fields=None, policy=policy, actor=more.get("actor", ROBOT), now=now, ignore=ignore
    )
    batch.refresh_from_db()
    return run(batch, now)


def bring(
    content: bytes, *, approver: User | None = None, again: bool = False, now: datetime = NOON, **more: Any
) -> ImportBatch:
    """Checked, confirmed, approved by `approver` where that is needed, and applied."""
    batch = check(content, now=now, **more)
    assert batch.state == ImportState.CHECKED, (batch.state, batch.problem)
    verbs.confirm(batch_id=batch.pk, actor=more.get("actor", ROBOT), now=now, again=again)
    batch.refresh_from_db()
    if batch.state == ImportState.WAITING:
        assert approver is not None
        verbs.approve(batch_id=batch.pk, actor=Actor.staff(approver), now=now)
        batch.refresh_from_db()
    return run(batch, now)


def undo(batch: ImportBatch, now: datetime = NOON) -> ImportBatch:
    verbs.undo(batch_id=batch.pk, actor=ROBOT, now=now)
    batch.refresh_from_db()
    return run(batch, now)


def rows(batch: ImportBatch) -> dict[int, ImportRow]:
    return {row.line: row for row in ImportRow.objects.filter(batch=batch).order_by("line")}


def outcomes(batch: ImportBatch) -> list[tuple[int, str, str]]:
    """(line, outcome, first fault) of all rows, in order."""
    return [
        (row.line, row.outcome, (row.faults or [{"fault": ""}])[0]["fault"])
        for row in ImportRow.objects.filter(batch=batch).order_by("line")
    ]
