"""Everything of the house as a folder of files, and an empty house filled from one (S25).

Floors register their files and what brings them back. The files are written in one snapshot, so that lots,
debts and balances are of one instant; an import is one transaction, so that it is all there or nothing is.
Cells carry the guard of every export; unlike there it can be taken off again without a doubt.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.db import connection, transaction

from backoffice.actors import Actor
from backoffice.choices import JobState
from backoffice.errors import ArchiveBroken, HouseNotEmpty
from backoffice.models import Export, Job
from backoffice.services import audit
from backoffice.services.exports import storage
from backoffice.tabular.lines import BLOCK
from backoffice.tabular.writing import CsvWriter, inert

MANIFEST = "manifest.json"
FORMAT = 1
CHUNK = 2000
NAME = "everything"

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Restoring:
    """Who fills the house, when, from an archive of when. `leave_waiting`: points that wait stay behind."""

    actor: Actor
    now: datetime
    archive: str
    leave_waiting: bool = False


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """`rows()` yields texts in the order of `heads`, streamed."""

    name: str
    heads: Sequence[str]
    rows: Callable[[], Iterator[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Restorer:
    """`act(rows, restoring)` brings a chunk of the file back; lower `order` runs first. A file without one is
    evidence: it goes out and is not read back.
    """

    file: str
    order: int
    act: Callable[[Sequence[Row], Restoring], None]


_files: dict[str, ArchiveFile] = {}
_restorers: list[Restorer] = []
_contents: list[Callable[[], bool]] = []


def register_file(file: ArchiveFile) -> None:
    """Raises ValueError when the name has another file."""
    if _files.setdefault(file.name, file) is not file:
        raise ValueError(f"there is a file {file.name!r} in the archive already")


def register_restorer(restorer: Restorer) -> None:
    _restorers.append(restorer)


def register_contents(holds_something: Callable[[], bool]) -> None:
    """`holds_something()` says that the house is not empty."""
    _contents.append(holds_something)


def export_everything(*, folder: Path, actor: Actor, reason: str, now: datetime) -> dict[str, int]:
    """Write all files and the manifest into `folder`, which must not hold any; rows by file.

    Whole personal data: the caller answers for where it goes. Raises FileExistsError, and RuntimeError inside
    a transaction, because the files have to be of one snapshot.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / MANIFEST).exists():
        raise FileExistsError(str(folder / MANIFEST))
    manifest: dict[str, Any] = {"format": FORMAT, "made_at": now.isoformat(), "files": {}}
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for file in _files.values():
            manifest["files"][file.name] = _written(folder / file.name, file)
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    counts = {name: int(told["rows"]) for name, told in manifest["files"].items()}
    _record_export(counts, hashlib.sha256(text.encode()).hexdigest(), actor, reason, now)
    return counts


@transaction.atomic
def import_everything(
    *, folder: Path, actor: Actor, now: datetime, leave_waiting: bool = False
) -> dict[str, int]:
    """Fill an empty house from the files of `export_everything`; rows by file, of those that were read back.

    Raises HouseNotEmpty, ArchiveBroken when a file is not what the manifest says, and what restorers refuse.
    """
    if any(holds_something() for holds_something in _contents):
        raise HouseNotEmpty
    manifest = checked(folder)
    restoring = Restoring(actor, now, str(manifest["made_at"]), leave_waiting)
    counts: dict[str, int] = {}
    for restorer in sorted(_restorers, key=lambda one: one.order):
        counts[restorer.file] = _restored(folder, restorer, restoring)
    _record_import(counts, hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest(), restoring)
    return counts


def checked(folder: Path) -> dict[str, Any]:
    """The manifest, once every file is what it says. Raises ArchiveBroken."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ArchiveBroken(name=MANIFEST) from None
    if manifest.get("format") != FORMAT:
        raise ArchiveBroken(name=MANIFEST)
    for name, told in manifest["files"].items():
        path = folder / Path(name).name
        if not path.is_file() or _digest(path) != told["sha256"]:
            raise ArchiveBroken(name=name)
    if missing := {restorer.file for restorer in _restorers} - set(manifest["files"]):
        raise ArchiveBroken(name=sorted(missing)[0])
    return manifest


def text_of(value: Any) -> str:
    """A value as archives write it: nothing for None, ISO times, plain numbers."""
    if value is None:
        return ""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    found = iter(rows)
    while chunk := list(islice(found, CHUNK)):
        yield chunk


def _written(path: Path, file: ArchiveFile) -> dict[str, Any]:
    count = 0
    with path.open("xb") as target:
        path.chmod(0o600)
        writer = CsvWriter(cast(BinaryIO, target))
        writer.write(file.heads)
        for cells in file.rows():
            writer.write([_guarded(cell) for cell in cells])
            count += 1
        writer.close()
    return {"rows": count, "sha256": _digest(path)}


def _restored(folder: Path, restorer: Restorer, restoring: Restoring) -> int:
    count = 0
    with (folder / restorer.file).open(encoding="utf-8-sig", newline="") as source:
        for rows in chunks(csv.DictReader(source)):
            restorer.act([{name: _bare(cell) for name, cell in row.items()} for row in rows], restoring)
            count += len(rows)
    return count


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith("'") else inert(text)


def _bare(text: str) -> str:
    return text[1:] if text.startswith("'") else text


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


@transaction.atomic
def _record_export(counts: Mapping[str, int], digest: str, actor: Actor, reason: str, now: datetime) -> None:
    export = Export.objects.create(
        key=f"{NAME}:{storage.new_folder()}", kind=NAME, columns=[], whole=True, reason=reason, language="en",
        rows=sum(counts.values()), folder=storage.new_folder(), created_at=now, ready_at=now, removed_at=now,
    )  # fmt: skip
    audit.record(
        actor=actor,
        action="export.everything",
        subject=export,
        changes={"files": dict(counts), "checksum": digest},
        reason=reason,
        now=now,
    )


def _record_import(counts: Mapping[str, int], digest: str, restoring: Restoring) -> None:
    now = restoring.now
    job = Job.objects.create(
        kind="exports.restore", key=f"restore:{digest}", state=JobState.DONE, result=dict(counts),
        total=sum(counts.values()), done=sum(counts.values()), run_at=now, created_at=now, started_at=now,
        finished_at=now,
    )  # fmt: skip
    audit.record(
        actor=restoring.actor,
        action="import.everything",
        subject=job,
        changes={"files": dict(counts), "checksum": digest, "made_at": restoring.archive},
        now=now,
    )
