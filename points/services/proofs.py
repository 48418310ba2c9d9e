"""The replay proof (N26): every invariant as one query that returns its offenders, read through `audit`.

The queries are files `sql/proofs/<id>.sql` of the app that knows their tables; this module finds those of
every installed app, so that an upper floor adds its own without being imported here. The first line of a file
is its title. A query answers (subject, detail): what offends, and the numbers that say why.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from django.apps import apps
from django.utils.translation import gettext_lazy as _

from backoffice.actors import Actor
from backoffice.errors import Refusal
from backoffice.services.alarms import raise_alarm
from points.models import Proof
from points.services.checkpoints import DIGEST, load_checkpoint
from points.services.snapshots import one_snapshot

# Points that a clerk may give on one local day without a second person (I33).
DAILY_LIMIT = 5000
STORED_PER_CHECK = 100
# Needs a file from outside; without one there is nothing to compare with.
CHECKPOINT_CHECK = "I08"

WATCH = Actor.job("points.proofs")

log = structlog.get_logger(__name__)


class UnknownCheck(Refusal):
    code = "unknown_check"
    sentence = _("There is no check %(id)s.")


class CheckpointNeeded(Refusal):
    code = "checkpoint_needed"
    sentence = _("I08 compares with a checkpoint file; name one.")


@dataclass(frozen=True, slots=True)
class Offender:
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant's result. `offenders` may be fewer than `faults`, which counts them all."""

    id: str
    title: str
    offenders: tuple[Offender, ...]
    faults: int
    seconds: float

    @property
    def ok(self) -> bool:
        return self.faults == 0

    def as_json(self) -> dict[str, Any]:
        found = [{"subject": one.subject, "detail": one.detail} for one in self.offenders]
        return {
            "id": self.id,
            "title": self.title,
            "ok": self.ok,
            "faults": self.faults,
            "offenders": found,
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """A proof of the books as they were `at`; it took `seconds`. `faults` counts all offenders."""

    at: datetime
    entries: int
    checks: tuple[Check, ...]
    seconds: float

    @property
    def faults(self) -> int:
        return sum(check.faults for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "entries": self.entries,
            "checks": [check.as_json() for check in self.checks],
            "faults": self.faults,
        }


def queries() -> dict[str, Path]:
    """Every known check by its id, in order."""
    files = (
        path for app in apps.get_app_configs() for path in Path(app.path, "sql", "proofs").glob("I*.sql")
    )
    return {path.stem: path for path in sorted(files, key=lambda path: path.stem)}


def prove(
    *,
    now: datetime,
    only: Collection[str] = (),
    against: Path | None = None,
    most_offenders: int | None = None,
) -> Report:
    """Replay all books in one snapshot and answer what offends; writes nothing.

    `only` names the checks to run; `against` is a checkpoint file, which adds I08; `most_offenders` limits
    the rows kept per check. Raises UnknownCheck, CheckpointNeeded, NotACheckpoint.
    """
    chosen = _choose(only, with_checkpoint=against is not None)
    started = time.perf_counter()
    with one_snapshot() as cursor:
        if against is not None:
            load_checkpoint(cursor, path=against)
        cursor.execute("SELECT count(*) FROM audit.ledger_entry")
        entries = int(cursor.fetchone()[0])
        checks = tuple(_run(cursor, path, now, most_offenders) for path in chosen)
    return Report(now, entries, checks, round(time.perf_counter() - started, 3))


def store(*, report: Report) -> Proof:
    """Keep a report as a `Proof`, at most a hundred offenders per check."""
    findings = [
        check.as_json() | {"offenders": check.as_json()["offenders"][:STORED_PER_CHECK]}
        for check in report.checks
        if not check.ok
    ]
    return Proof.objects.create(
        started_at=report.at,
        finished_at=report.at + timedelta(seconds=report.seconds),
        checks=len(report.checks),
        entries=report.entries,
        faults=report.faults,
        findings=findings,
    )


def prove_and_store(*, now: datetime) -> Proof:
    """The nightly proof: all checks, kept, and told to whoever watches the log; faults ring an alarm."""
    proof = store(report=prove(now=now, most_offenders=STORED_PER_CHECK))
    tell = log.error if proof.faults else log.info
    tell("books proved", proof=proof.pk, entries=proof.entries, checks=proof.checks, faults=proof.faults)
    if proof.faults:
        broken = " ".join(finding["id"] for finding in proof.findings)
        raise_alarm(
            kind="points.books",
            subject=broken,
            key=f"points.books:{proof.pk}",
            facts={"proof": proof.pk, "faults": proof.faults, "checks": broken},
            actor=WATCH,
            now=now,
        )
    return proof


def last_proof() -> Proof | None:
    """The latest stored proof, whatever it found; None before the first night."""
    return Proof.objects.order_by("-id").first()


def _choose(only: Collection[str], *, with_checkpoint: bool) -> list[Path]:
    known = queries()
    for name in only:
        if name not in known:
            raise UnknownCheck(id=name)
    if not with_checkpoint:
        if CHECKPOINT_CHECK in only:
            raise CheckpointNeeded
        known.pop(CHECKPOINT_CHECK)
    if only:
        known = {name: path for name, path in known.items() if name in only or name == CHECKPOINT_CHECK}
    return list(known.values())


def _run(cursor: Any, path: Path, now: datetime, most_offenders: int | None) -> Check:
    text = path.read_text(encoding="utf-8")
    title = text.partition("\n")[0].removeprefix("--").strip()
    started = time.perf_counter()
    # Materialized, so that counting them all does not look for them twice.
    cursor.execute(
        f"WITH offenders AS MATERIALIZED ({text.replace('{digest}', DIGEST)}\n)"
        " SELECT subject, detail, (SELECT count(*) FROM offenders) FROM offenders LIMIT %(most)s",
        {"now": now, "daily_limit": DAILY_LIMIT, "most": most_offenders},
    )
    rows = cursor.fetchall()
    seconds = round(time.perf_counter() - started, 3)
    offenders = tuple(Offender(subject, detail) for subject, detail, _all in rows)
    return Check(path.stem, title, offenders, rows[0][2] if rows else 0, seconds)
