"""What all steps of an import share: its row, its job, who acts, and where the way ends."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection

from backoffice.actors import Actor
from backoffice.choices import ImportState
from backoffice.errors import ImportNotThere, OutOfReach
from backoffice.models import ImportBatch, Job
from backoffice.services import jobs, outbox
from backoffice.services.imports import ends, telling

ERRORS = "imports.errors"
LOOK, CHECK, APPLY, UNDO = "imports.look", "imports.check", "imports.apply", "imports.undo"
COLLECT = "imports.collect"


def locked(batch_id: int, *states: ImportState) -> ImportBatch:
    """The batch under its row lock. Raises OutOfReach, ImportNotThere in any other state than the named."""
    batch = ImportBatch.objects.select_for_update(of=("self",)).filter(pk=batch_id).first()
    if batch is None:
        raise OutOfReach
    if states and batch.state not in states:
        raise ImportNotThere(status=batch.get_state_display())
    return batch


def of_job(job: Job) -> ImportBatch:
    """The batch that a job works on. Read, not locked: whoever stops a job must not wait for its chunk."""
    return ImportBatch.objects.select_related("owner", "brand").get(pk=job.params["batch"])


def actor_of(batch: ImportBatch) -> Actor:
    return Actor.staff(batch.owner) if batch.owner else Actor.job("run_import")


def deciders_with(batch: ImportBatch, actor: Actor) -> list[int]:
    """Everybody who has chosen how the file is read or what its rows may do, this person among them."""
    if actor.user is None or actor.user.pk in batch.deciders:
        return batch.deciders
    return [*batch.deciders, actor.user.pk]


def ask_for(
    batch: ImportBatch,
    kind: str,
    now: datetime,
    *,
    target: str = "",
    total: int | None = None,
    run_at: datetime | None = None,
) -> Job:
    """Queue a step, due at `run_at` or at once; each call is a new job of its own, because the batch's state
    allows it once only.
    """
    number = Job.objects.filter(params__batch=batch.pk, kind=kind).count()
    job = jobs.enqueue(
        kind=kind,
        key=f"import:{batch.pk}:{kind}:{number}",
        params={"batch": batch.pk},
        now=now,
        owner=batch.owner,
        target=target,
        total=total,
        run_at=run_at,
    )
    batch.job = job
    return job


def move(batch: ImportBatch, state: ImportState, **values: Any) -> None:
    for name, value in {"state": state.value, **values}.items():
        setattr(batch, name, value)
    batch.save(update_fields=["state", "job", *values])


def tell(batch: ImportBatch, what: str, now: datetime) -> None:
    """A message to whoever uploaded: the step is over. Carries numbers and no person."""
    outbox.publish(
        topic=f"import.{what}",
        subject_id=batch.pk,
        payload={
            "import": batch.pk,
            "kind": batch.kind,
            "state": batch.state,
            "owner": batch.owner_id,
            "counts": batch.counts,
        },
    )
    telling.queue_mail(batch, what)
    telling.notify_owner(batch, now)


def count_rows(batch: ImportBatch) -> dict[str, int]:
    """Rows by outcome and by result, counted in the staging table: `new`, `changed`, ..., `done:applied`."""
    last = ends.through(batch)
    done = "done" if last is None else "CASE WHEN line <= %(last)s THEN done ELSE '' END"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT outcome, {done}, count(*), count(repairs) FROM backoffice_importrow"
            " WHERE batch_id = %(batch)s GROUP BY 1, 2",
            {"batch": batch.pk, "last": last},
        )
        found = cursor.fetchall()
    counts: dict[str, int] = {}
    for outcome, done, rows, repaired in found:
        counts["rows"] = counts.get("rows", 0) + rows
        counts[outcome] = counts.get(outcome, 0) + rows
        counts["repaired"] = counts.get("repaired", 0) + repaired
        if done:
            counts[f"done:{done}"] = counts.get(f"done:{done}", 0) + rows
            counts[f"{done}:{outcome}"] = counts.get(f"{done}:{outcome}", 0) + rows
    return counts
