"""Long work of the campaigns, chunk by chunk: importing purchases, confirming points that wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import BinaryIO, cast

from django.core.files.storage import default_storage
from django.utils.translation import gettext_lazy as _

from backoffice import alarm_kinds
from backoffice.actors import Actor
from backoffice.models import Brand, Job
from backoffice.services.jobs import ChunkResult, handler
from campaigns.errors import NoSuchFile
from campaigns.resources import Departments, Receipts
from campaigns.services import claims, confirming, importing
from members.csv_files import MOST_LISTED

alarm_kinds.register(
    claims.ALARM,
    title=_("One person added very many receipts to members"),
    sentence=_("%(receipts)s receipts without a card were added to members by one person on %(day)s."),
)

ACTOR = Actor.job(importing.KIND)
COUNTS = ("recorded", "known", "bad", "points")


@dataclass(slots=True)
class _Reading:
    """Open files of the job that this process works on; a chunk goes on where the last one stopped."""

    job_id: int
    file: BinaryIO
    receipts: Receipts
    departments: Departments | None


_reading: list[_Reading] = []


@handler(importing.KIND)
def import_purchases(job: Job, now: datetime) -> ChunkResult:
    """Parameters: see `importing.start_import`. The checkpoint counts the rows that are done with."""
    params, done = job.params, int(job.checkpoint.get("rows", 0))
    with _at(job, done) as reading:
        rows = list(reading.receipts.take(params["chunk"], reading.departments))
        report = importing.import_rows(
            rows=rows,
            source=params["source"],
            brand_id=params["brand"],
            actor=ACTOR,
            now=now,
            dry_run=params["dry_run"],
        )
    result = {name: job.result.get(name, 0) + getattr(report, name) for name in COUNTS}
    errors = [*job.result.get("errors", []), *map(asdict, report.errors)]
    finished = len(rows) < params["chunk"]
    if finished:
        _close()
        importing.drop_files(job)
    return ChunkResult(
        done=len(rows),
        checkpoint={"rows": done + len(rows)},
        finished=finished,
        result=result | {"errors": errors[:MOST_LISTED], "dry_run": params["dry_run"]},
    )


@handler(confirming.KIND)
def confirm_due(job: Job, now: datetime) -> ChunkResult:
    """Parameters: `as_of` (ISO time). Ends when nothing that was due then still waits."""
    as_of = datetime.fromisoformat(job.params["as_of"])
    count = confirming.confirm_due(actor=Actor.job(confirming.KIND), now=now, as_of=as_of)
    total = int(job.checkpoint.get("confirmed", 0)) + count
    return ChunkResult(count, {"confirmed": total}, count < confirming.CHUNK, result={"confirmed": total})


@contextmanager
def _at(job: Job, position: int) -> Iterator[_Reading]:
    """The job's files, read up to `position`. What goes wrong closes them: the next chunk opens them anew."""
    try:
        if not _reading or _reading[0].job_id != job.pk or _reading[0].receipts.position != position:
            _close()
            _reading.append(_opened(job, position))
        yield _reading[0]
    except BaseException:
        _close()
        raise


def _opened(job: Job, position: int) -> _Reading:
    departments = None
    if job.params["departments"]:
        with _file(job.params["departments"]) as file:
            departments = Departments(file)
    file = _file(job.params["receipts"])
    zone = Brand.objects.get(pk=job.params["brand"]).zone
    return _Reading(job.pk, file, Receipts(file, zone, position), departments)


def _file(name: str) -> BinaryIO:
    try:
        return cast(BinaryIO, default_storage.open(name, "rb"))
    except FileNotFoundError:
        raise NoSuchFile from None


def _close() -> None:
    while _reading:
        _reading.pop().file.close()
