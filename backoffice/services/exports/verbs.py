"""What people decide about an export: that a list leaves the house, in which clothes, and who takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from backoffice.actors import Actor
from backoffice.choices import ActorType, ExportFormat, ExportState
from backoffice.errors import ExportNothingLost, ExportNotReady, ExportWholeNeedsReason, KeyTaken, OutOfReach
from backoffice.models import Export, Job
from backoffice.services import alarms, audit, jobs
from backoffice.services.exports import storage, writing
from backoffice.services.exports.kinds import Asked, kind_of
from backoffice.services.exports.permits import may_take, permit

WHOLE_ALARM = "backoffice.whole_export"


@transaction.atomic
def ask(
    *,
    kind: str,
    query: Mapping[str, str],
    actor: Actor,
    key: str,
    now: datetime,
    columns: Sequence[str] = (),
    format: str = ExportFormat.CSV.value,
    lossy: bool = False,
    whole: bool = False,
    reason: str = "",
    language: str = "zh-hant",
) -> Export:
    """Have a list written into a file. `query` is the filter as the list's address has it, `columns` names
    (none: the usual ones), `lossy` lets characters that the encoding lacks become `?`.

    `whole` asks for unmasked personal data: it needs the kind's right, a second factor and a `reason`, and it
    raises an alarm that somebody else acknowledges. The same key again answers the first export.

    Raises NotYours, ExportKindUnknown, ExportFilterUnknown, ExportColumnsWrong, ExportWholeNeedsReason,
    KeyTaken when the key was used for another list, and what the kind says of a filter.
    """
    found = kind_of(kind)
    permit(found, actor.user, whole=whole)
    asked = Asked(actor.user, found.filter_of(query), (), whole, now)
    chosen = found.chosen(columns, asked)
    found.narrowed(asked)
    if whole and not reason.strip():
        raise ExportWholeNeedsReason
    wanted = Export(
        key=key, kind=kind, query=dict(asked.query), columns=chosen, format=ExportFormat(format).value,
        lossy=lossy, whole=whole, reason=reason.strip()[:200], language=language, owner=actor.user,
        folder=storage.new_folder(), created_at=now,
    )  # fmt: skip
    export, made = Export.objects.get_or_create(key=key, defaults=_values(wanted))
    if not made:
        if _values(export, but="folder") != _values(wanted, but="folder"):
            raise KeyTaken(key=key)
        return export
    export.job = _job_of(export, now)
    export.save(update_fields=["job"])
    audit.record(
        actor=actor,
        action="export.ask",
        subject=export,
        changes={
            "kind": kind, "filter": found.unnamed(export.query), "columns": chosen,
            "format": export.format, "whole": whole,
        },
        reason=export.reason,
        now=now,
    )  # fmt: skip
    if whole and actor.user is not None:
        _raise_alarm(export, actor, now)
    return export


@transaction.atomic
def ask_again(*, export_id: int, format: str, lossy: bool, actor: Actor, key: str, now: datetime) -> Export:
    """The same list once more, for one whose encoding lacked characters: in another format, or with `?`.

    Raises OutOfReach, ExportNothingLost, and what `ask` raises.
    """
    first = Export.objects.filter(pk=export_id, owner=actor.user).first()
    if first is None:
        raise OutOfReach
    if first.state_at(now) != ExportState.UNFIT:
        raise ExportNothingLost
    return ask(
        kind=first.kind, query=first.query, columns=first.columns, format=format, lossy=lossy,
        whole=first.whole, reason=first.reason, language=first.language, actor=actor, key=key, now=now,
    )  # fmt: skip


@transaction.atomic
def take(*, export_id: int, actor: Actor, now: datetime) -> Export:
    """Somebody takes the file: counted and written down each time. Answers the export; `file` lies in the
    storage.

    Raises OutOfReach for an export of somebody else, ExportNotReady when there is no file (yet, or any more).
    """
    user = actor.user
    export = Export.objects.select_for_update(of=("self",)).filter(pk=export_id).first()
    if export is None or not (
        _is_ours(export, actor) or (user and may_take(export, kind_of(export.kind), user))
    ):
        raise OutOfReach
    state = export.state_at(now)
    if state != ExportState.READY:
        raise ExportNotReady(status=str(state.label))
    Export.objects.filter(pk=export.pk).update(downloads=F("downloads") + 1)
    audit.record(
        actor=actor,
        action="export.take",
        subject=export,
        changes={
            "kind": export.kind,
            "rows": export.rows,
            "checksum": export.file_hash,
            "whole": export.whole,
        },
        now=now,
    )
    return export


@transaction.atomic
def pause(*, export_id: int, actor: Actor, now: datetime) -> Job:
    """Raises OutOfReach, JobNotRunning."""
    return jobs.pause(job_id=_own_job(export_id, actor), actor=actor, now=now)


@transaction.atomic
def resume(*, export_id: int, actor: Actor, now: datetime) -> Job:
    """Raises OutOfReach, JobNotPaused."""
    return jobs.resume(job_id=_own_job(export_id, actor), actor=actor, now=now)


@transaction.atomic
def stop(*, export_id: int, actor: Actor, now: datetime, reason: str = "") -> Job:
    """No file comes of it. Raises OutOfReach, JobNotOpen."""
    return jobs.cancel(job_id=_own_job(export_id, actor), actor=actor, reason=reason, now=now)


def _is_ours(export: Export, actor: Actor) -> bool:
    """An export of the installation, taken by itself: from a terminal, or by a job."""
    return actor.user is None and export.owner_id is None and actor.type == ActorType.JOB


def _own_job(export_id: int, actor: Actor) -> int:
    found = Export.objects.filter(pk=export_id, owner=actor.user).values_list("job", flat=True).first()
    if found is None:
        raise OutOfReach
    return int(found)


def _job_of(export: Export, now: datetime) -> Job:
    # One after the other for each person: nobody fills all workers with his lists.
    return jobs.enqueue(
        kind=writing.WRITE,
        key=f"export:{export.pk}",
        params={"export": export.pk},
        now=now,
        owner=export.owner,
        target=f"exports:{export.owner_id}" if export.owner_id else "",
    )


def _values(export: Export, but: str = "") -> dict[str, Any]:
    names = (
        "kind", "query", "columns", "format", "lossy", "whole", "reason", "language", "owner", "folder",
    )  # fmt: skip
    values = {name: getattr(export, name) for name in names if name != but}
    return values if but else {**values, "created_at": export.created_at}


def _raise_alarm(export: Export, actor: Actor, now: datetime) -> None:
    alarms.raise_alarm(
        kind=WHOLE_ALARM,
        subject=f"#{export.pk}",
        key=f"{WHOLE_ALARM}:{export.pk}",
        facts={"export": export.pk, "kind": export.kind, "by": str(actor.user), "why": export.reason},
        about_id=actor.user.pk if actor.user else None,
        actor=actor,
        now=now,
    )
