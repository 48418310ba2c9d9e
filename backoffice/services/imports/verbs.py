"""What people decide about an import: how it is read, that it goes ahead, that it stops, that it goes
back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from backoffice.actors import Actor
from backoffice.choices import ImportState, JobState
from backoffice.errors import (
    ImportNothingToDo,
    ImportNotThere,
    ImportOwnApproval,
    ImportPolicyWrong,
    ImportRepeated,
)
from backoffice.models import ColumnMemory, ImportBatch, Job
from backoffice.services import audit, jobs
from backoffice.services.imports import layouts, steps
from backoffice.services.imports.intake import earlier
from backoffice.services.imports.kinds import kind_of

APPLIED_ONCE = "import_content_applied_once"


@transaction.atomic
def check(
    *,
    batch_id: int,
    fields: list[str] | None,
    policy: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    ignore: Iterable[str] | None = None,
) -> ImportBatch:
    """Have the rows checked. `fields` names the field of each head ("" ignores it; None: as understood).

    `ignore` are the heads that may be left out, None allows all. May be asked again with another policy until
    the rows are applied. Raises OutOfReach, ImportNotThere, ImportLayoutWrong, ColumnsIgnored,
    ImportPolicyWrong.
    """
    batch = steps.locked(batch_id, ImportState.UNDERSTOOD, ImportState.CHECKED)
    kind = kind_of(batch.kind)
    layout = dict(batch.layout)
    if fields is not None:
        if len(fields) != len(layout["heads"]):
            raise ImportPolicyWrong(name="fields", value=len(fields))
        layout["fields"] = list(fields)
    layouts.check(layout, kind, ignore)
    chosen = kind.policy(policy)
    _remember(batch, layout)
    steps.ask_for(batch, steps.CHECK, now)
    steps.move(batch, ImportState.CHECKING, layout=layout, policy=chosen, counts={}, problem={})
    return batch


@transaction.atomic
def confirm(*, batch_id: int, actor: Actor, now: datetime, again: bool = False) -> ImportBatch:
    """Let the good rows in. Many rows, and what the kind calls risky, wait for a second person.

    `again` says that the same rows were brought in before and that this is meant. Raises OutOfReach,
    ImportNotThere, ImportNothingToDo, ImportRepeated.
    """
    batch = steps.locked(batch_id, ImportState.CHECKED)
    kind = kind_of(batch.kind)
    writing = rows_to_write(batch)
    if not writing:
        raise ImportNothingToDo
    known = earlier(batch)
    if known is not None and not again:
        raise ImportRepeated(batch_id=known.pk)
    batch.confirmed_at = now
    batch.repetition = known.repetition + 1 if known else 0
    second = writing > kind.approval_above or kind.risky(batch.policy)
    try:
        with transaction.atomic():
            steps.move(batch, ImportState.WAITING, confirmed_at=now, repetition=batch.repetition)
    except IntegrityError:
        found = earlier(batch)
        raise ImportRepeated(batch_id=found.pk if found else "?") from None
    if not second:
        _start(batch, now)
    audit.record(
        actor=actor,
        action="import.confirm",
        subject=batch,
        changes={"rows": [None, writing], "policy": [None, batch.policy], "state": [None, batch.state]},
        now=now,
    )
    return batch


@transaction.atomic
def approve(*, batch_id: int, actor: Actor, now: datetime) -> ImportBatch:
    """The second person's yes. Raises OutOfReach, ImportNotThere, ImportOwnApproval."""
    batch = steps.locked(batch_id, ImportState.WAITING)
    if actor.user is None or actor.user.pk == batch.owner_id:
        raise ImportOwnApproval
    batch.approver, batch.approved_at = actor.user, now
    batch.save(update_fields=["approver", "approved_at"])
    _start(batch, now)
    audit.record(actor=actor, action="import.approve", subject=batch, now=now)
    return batch


@transaction.atomic
def drop(*, batch_id: int, actor: Actor, now: datetime, reason: str = "") -> ImportBatch:
    """Put a file away before any row was applied; also the second person's no. Raises OutOfReach,
    ImportNotThere.
    """
    batch = steps.locked(
        batch_id,
        ImportState.UPLOADED,
        ImportState.UNDERSTOOD,
        ImportState.CHECKING,
        ImportState.CHECKED,
        ImportState.WAITING,
        ImportState.FAILED,
    )
    _cancel_open_job(batch, actor, now, reason)
    steps.move(batch, ImportState.DROPPED)
    audit.record(actor=actor, action="import.drop", subject=batch, reason=reason, now=now)
    return batch


@transaction.atomic
def stop(*, batch_id: int, actor: Actor, now: datetime, reason: str = "") -> ImportBatch:
    """Stop between two chunks while rows are applied. What is in stays in, is counted, and can be undone.

    Raises OutOfReach, ImportNotThere.
    """
    batch = steps.locked(batch_id, ImportState.APPLYING)
    _cancel_open_job(batch, actor, now, reason)
    counts = steps.count_rows(batch)
    steps.move(batch, ImportState.APPLIED, counts=counts | {"stopped": 1}, applied_at=now)
    steps.tell(batch, "applied")
    audit.record(
        actor=actor,
        action="import.stop",
        subject=batch,
        changes={"applied": [None, counts.get("done:applied", 0)]},
        reason=reason,
        now=now,
    )
    return batch


@transaction.atomic
def undo(*, batch_id: int, actor: Actor, now: datetime, reason: str = "") -> ImportBatch:
    """Take an applied import back: what nobody has changed since gets its former values.

    Raises OutOfReach, ImportNotThere.
    """
    batch = steps.locked(batch_id, ImportState.APPLIED)
    kind = kind_of(batch.kind)
    total = steps.count_rows(batch).get("done:applied", 0)
    steps.ask_for(batch, steps.UNDO, now, target=kind.target(batch), total=total)
    steps.move(batch, ImportState.UNDOING)
    audit.record(
        actor=actor, action="import.undo", subject=batch, changes={"rows": [total, 0]}, reason=reason, now=now
    )
    return batch


def rows_to_write(batch: ImportBatch) -> int:
    return int(batch.counts.get("new", 0)) + int(batch.counts.get("changed", 0))


def _start(batch: ImportBatch, now: datetime) -> None:
    target = kind_of(batch.kind).target(batch)
    steps.ask_for(batch, steps.APPLY, now, target=target, total=rows_to_write(batch))
    steps.move(batch, ImportState.APPLYING)


def _cancel_open_job(batch: ImportBatch, actor: Actor, now: datetime, reason: str) -> None:
    job = Job.objects.filter(pk=batch.job_id).first() if batch.job_id else None
    if job is not None and job.state in jobs.STOPPABLE:
        jobs.cancel(job_id=job.pk, actor=actor, reason=reason, now=now)
    elif job is not None and batch.state == ImportState.APPLYING and job.state == JobState.DONE:
        raise ImportNotThere(status=batch.get_state_display())


def _remember(batch: ImportBatch, layout: Mapping[str, Any]) -> None:
    """What this person's columns mean, for his next file of the kind."""
    if batch.owner_id is None:
        return
    ColumnMemory.objects.bulk_create(
        [
            ColumnMemory(user_id=batch.owner_id, kind=batch.kind, head=head, field=field)
            for head, field in zip(layout["heads"], layout["fields"], strict=False)
            if head
        ],
        update_conflicts=True,
        unique_fields=["user", "kind", "head"],
        update_fields=["field"],
    )
