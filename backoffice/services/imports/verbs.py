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
    ImportApprovalNotAllowed,
    ImportBookedOnce,
    ImportNothingToDo,
    ImportNotThere,
    ImportOwnApproval,
    ImportPolicyWrong,
    ImportRepeated,
    ImportStayed,
)
from backoffice.models import ColumnMemory, ImportBatch, Job
from backoffice.services import audit, jobs
from backoffice.services.imports import ends, layouts, steps, telling
from backoffice.services.imports.intake import Stayed, earlier, left_behind
from backoffice.services.imports.kinds import kind_of

APPROVE = "backoffice.approve_import"
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
    ImportPolicyWrong, ImportPolicyIncomplete.
    """
    batch = steps.locked(batch_id, ImportState.UNDERSTOOD, ImportState.CHECKED)
    kind = kind_of(batch.kind)
    if not kind.uploadable:
        raise ImportNotThere(status=batch.get_state_display())
    layout = dict(batch.layout)
    guessed = layout["fields"]
    if fields is not None:
        if len(fields) != len(layout["heads"]):
            raise ImportPolicyWrong(name="fields", value=len(fields))
        layout["fields"] = list(fields)
    layouts.check(layout, kind, ignore)
    chosen = kind.policy(policy)
    _remember(batch, layout, guessed, actor)
    steps.ask_for(batch, steps.CHECK, now)
    steps.move(
        batch, ImportState.CHECKING, layout=layout, policy=chosen, counts={}, totals={}, problem={},
        deciders=steps.deciders_with(batch, actor),
    )  # fmt: skip
    return batch


@transaction.atomic
def confirm(*, batch_id: int, actor: Actor, now: datetime, again: bool = False) -> ImportBatch:
    """Let the good rows in. Many rows, and what the kind calls risky, wait for a second person.

    `again` says that the same rows were brought in before, or that some of them stayed when that was undone,
    and that this is meant. Raises OutOfReach, ImportNotThere, ImportNothingToDo, ImportRepeated,
    ImportBookedOnce, ImportStayed, and what the kind refuses.
    """
    batch = steps.locked(batch_id, ImportState.CHECKED)
    kind = kind_of(batch.kind)
    writing = rows_to_write(batch)
    if not writing:
        raise ImportNothingToDo
    known = earlier(batch)
    stayed = _refuse_repetition(batch, known, again)
    batch.confirmed_at, batch.confirmer = now, actor.user
    batch.repetition = known.repetition + 1 if known else 0
    second = kind.judge(batch, actor, now) or needs_second(batch)
    try:
        with transaction.atomic():
            steps.move(
                batch, ImportState.WAITING, confirmed_at=now, repetition=batch.repetition,
                confirmer=actor.user,
            )  # fmt: skip
    except IntegrityError:
        found = earlier(batch)
        repeated = ImportRepeated if kind.repeatable else ImportBookedOnce
        raise repeated(batch_id=found.pk if found else "?") from None
    if second:
        telling.ask_approvers(batch, now)
    else:
        _start(batch, now)
    audit.record(
        actor=actor,
        action="import.confirm",
        subject=batch,
        changes={"rows": [None, writing], "policy": [None, batch.policy], "state": [None, batch.state]}
        | ({"again_after": [None, stayed.batch.pk]} if stayed else {}),
        now=now,
    )
    return batch


def _refuse_repetition(batch: ImportBatch, known: ImportBatch | None, again: bool) -> Stayed | None:
    """Whether the same rows stand, by `known`, or have left something when they were undone, and nobody says
    that he means it. Answers what was left.
    """
    repeatable = kind_of(batch.kind).repeatable
    if known is not None and not repeatable:
        raise ImportBookedOnce(batch_id=known.pk)
    if known is not None and not again:
        raise ImportRepeated(batch_id=known.pk)
    stayed = left_behind(batch)
    if stayed and not again:
        raise ImportStayed(batch_id=stayed.batch.pk, rows=f"{stayed.rows:,}", points=f"{stayed.points:,}")
    return stayed


@transaction.atomic
def approve(*, batch_id: int, actor: Actor, now: datetime) -> ImportBatch:
    """The yes of a second person, who had no hand in the file: has neither uploaded it, nor chosen how it is
    read or what its rows may do, nor confirmed it.

    Raises OutOfReach, ImportNotThere, ImportOwnApproval, ImportApprovalNotAllowed, and what the kind refuses.
    """
    batch = steps.locked(batch_id, ImportState.WAITING)
    user = actor.user
    if user is None or user.pk in batch.hands:
        raise ImportOwnApproval
    kind_of(batch.kind).approving(batch, actor, now)
    # For every door: the page asks before, a command does not.
    if not user.is_active or not user.has_perm(APPROVE):
        raise ImportApprovalNotAllowed
    batch.approver, batch.approved_at = user, now
    batch.save(update_fields=["approver", "approved_at"])
    _start(batch, now)
    telling.approved(batch, now)
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
        ImportState.HELD,
        ImportState.FAILED,
    )
    _cancel_open_job(batch, actor, now, reason)
    steps.move(batch, ImportState.DROPPED)
    telling.dropped(batch, actor, now)
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
    totals = kind_of(batch.kind).totals(batch)
    layout = batch.layout | {ends.THROUGH: ends.passed(batch)}
    steps.move(
        batch,
        ImportState.APPLIED,
        counts=counts | {"stopped": 1},
        totals=totals,
        layout=layout,
        applied_at=now,
    )
    steps.tell(batch, "applied", now)
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
    """Take an applied import back: what nobody has changed since gets its former values. An undo whose job
    was cancelled or given up is taken up again.

    Raises OutOfReach, ImportNotThere, and what the kind refuses.
    """
    batch = steps.locked(batch_id, ImportState.APPLIED, ImportState.UNDOING)
    if batch.state == ImportState.UNDOING and not batch.is_halted:
        raise ImportNotThere(status=batch.get_state_display())
    kind = kind_of(batch.kind)
    kind.undoing(batch, actor, now)
    total = steps.count_rows(batch).get("done:applied", 0)
    steps.ask_for(batch, steps.UNDO, now, target=kind.target(batch), total=total)
    steps.move(batch, ImportState.UNDOING)
    audit.record(
        actor=actor, action="import.undo", subject=batch, changes={"rows": [total, 0]}, reason=reason, now=now
    )
    return batch


def needs_second(batch: ImportBatch) -> bool:
    """Whether a second person has to approve: many rows, a risky policy, or rows that come to much."""
    kind = kind_of(batch.kind)
    return rows_to_write(batch) > kind.approval_above or kind.risky(batch.policy) or kind.heavy(batch.totals)


def would_need_second(batch: ImportBatch, actor: Actor, now: datetime) -> bool:
    """`needs_second` as `confirm` would find it, with what the kind counts taken back. Raises what the kind
    refuses.
    """
    with transaction.atomic():
        second = kind_of(batch.kind).judge(batch, actor, now)
        transaction.set_rollback(True)
    return second or needs_second(batch)


def rows_to_write(batch: ImportBatch) -> int:
    return int(batch.counts.get("new", 0)) + int(batch.counts.get("changed", 0))


def _start(batch: ImportBatch, now: datetime) -> None:
    kind = kind_of(batch.kind)
    until = kind.held_until(batch, now)
    target, total = kind.target(batch), rows_to_write(batch)
    steps.ask_for(batch, steps.APPLY, now, target=target, total=total, run_at=until)
    steps.move(batch, ImportState.HELD if until else ImportState.APPLYING, held_until=until)


def _cancel_open_job(batch: ImportBatch, actor: Actor, now: datetime, reason: str) -> None:
    job = Job.objects.filter(pk=batch.job_id).first() if batch.job_id else None
    if job is not None and job.state in jobs.STOPPABLE:
        jobs.cancel(job_id=job.pk, actor=actor, reason=reason, now=now)
    elif job is not None and batch.state == ImportState.APPLYING and job.state == JobState.DONE:
        raise ImportNotThere(status=batch.get_state_display())


def _remember(batch: ImportBatch, layout: Mapping[str, Any], guessed: list[str], actor: Actor) -> None:
    """What the columns mean to whoever says so, for his own next file of the kind: a colleague who reads this
    one anew decides nothing about the uploader's next. A column that nobody understood is no decision to
    ignore it: it may mean something by then.
    """
    if actor.user is None:
        return
    ColumnMemory.objects.bulk_create(
        [
            ColumnMemory(user_id=actor.user.pk, kind=batch.kind, head=head, field=field)
            for head, field, guess in zip(layout["heads"], layout["fields"], guessed, strict=False)
            if head and (field or guess)
        ],
        update_conflicts=True,
        unique_fields=["user", "kind", "head"],
        update_fields=["field"],
    )
