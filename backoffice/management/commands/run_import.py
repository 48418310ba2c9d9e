"""`manage.py run_import FILE --kind K`: the way of a file through the import desk, from a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.choices import ImportState
from backoffice.errors import Refusal
from backoffice.models import Brand, ImportBatch, ImportRow, Job, User
from backoffice.services import job_runner
from backoffice.services.imports import intake, layouts, verbs
from backoffice.services.imports.kinds import kind_of
from backoffice.tabular.faults import file_fault_text
from backoffice.tasks import worker_name

MOST_SHOWN = 100
BAD = ("error", "conflict", "duplicate")


class Command(BaseCommand):
    help = "Bring a CSV or XLSX file in: look, check, and apply unless --dry-run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--kind", required=True, help="members, tags, ...")
        parser.add_argument("--brand", default="", help="whose own they are; without it, the group's")
        parser.add_argument(
            "--user", default="", help="who brings it in (user name); without it, the installation"
        )
        parser.add_argument("--approved-by", default="", help="the second person, where one is needed")
        parser.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="a policy, such as mode=update"
        )
        parser.add_argument("--encoding", default="")
        parser.add_argument("--delimiter", default="")
        parser.add_argument("--sheet", default="")
        parser.add_argument(
            "--ignore-unknown", action="store_true", help="leave out columns that mean no field"
        )
        parser.add_argument(
            "--again",
            action="store_true",
            help="the same rows were brought in before, or stayed when that was undone, and that is meant",
        )
        parser.add_argument("--dry-run", action="store_true", help="stop after the check")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._handle(options)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        except OSError as error:
            raise CommandError(str(error)) from error

    def _handle(self, options: dict[str, Any]) -> None:
        user = _user(options["user"])
        actor = Actor.staff(user) if user else Actor.job("run_import")
        wishes = {name: options[name] for name in ("encoding", "delimiter", "sheet")}
        with options["file"].open("rb") as file:
            batch = intake.upload(
                file=file, name=options["file"].name, kind=options["kind"], actor=actor,
                now=timezone.now(), brand=_brand(options["brand"]), wishes=wishes,
            )  # fmt: skip
        batch = self._work(batch)
        self._understood(batch)
        verbs.check(
            batch_id=batch.pk, fields=None, actor=actor, now=timezone.now(),
            policy=dict(pair.split("=", 1) for pair in options["set"]),
            ignore=None if options["ignore_unknown"] else (),
        )  # fmt: skip
        batch = self._work(batch)
        self._checked(batch)
        if not options["dry_run"]:
            self._apply(batch, actor, options)
        bad = sum(batch.counts.get(name, 0) for name in BAD)
        if bad:
            raise CommandError(f"{bad} rows are left out; correct them and bring them in again.")

    def _apply(self, batch: ImportBatch, actor: Actor, options: dict[str, Any]) -> None:
        if not verbs.rows_to_write(batch):
            self.stdout.write("nothing to do")
            return
        verbs.confirm(batch_id=batch.pk, actor=actor, now=timezone.now(), again=options["again"])
        batch.refresh_from_db()
        if batch.state == ImportState.WAITING:
            second = _user(options["approved_by"])
            if second is None:
                self.stdout.write(
                    f"import #{batch.pk} waits for a second person (--approved-by, or the back office)"
                )
                return
            verbs.approve(batch_id=batch.pk, actor=Actor.staff(second), now=timezone.now())
            batch.refresh_from_db()
        if batch.state == ImportState.HELD:
            self.stdout.write(f"import #{batch.pk} waits until {batch.held_until:%Y-%m-%d %H:%M %Z}")
            return
        batch = self._work(batch)
        told = ", ".join(
            f"{name.partition(':')[2]} {count:,}"
            for name, count in batch.counts.items()
            if name.startswith("done:")
        )
        self.stdout.write(f"import #{batch.pk}: {batch.state}; {told}")

    def _work(self, batch: ImportBatch) -> ImportBatch:
        """Do the batch's job here, or wait for the worker that has taken it. Raises CommandError."""
        batch.refresh_from_db()
        job = work_on(batch, lambda job: self.stderr.write(f"{job.done:,} rows") if self._verbose else None)
        batch.refresh_from_db()
        if batch.state == ImportState.FAILED:
            raise CommandError(file_fault_text(batch.problem))
        if job.state != "done":
            raise CommandError(f"job {job.pk}: {job.state} {job.error}")
        return batch

    _verbose = False

    def _understood(self, batch: ImportBatch) -> None:
        layout = batch.layout
        how = layout.get("sheet") or f"{layout['encoding']}, {layout['delimiter']!r}"
        self.stdout.write(f"import #{batch.pk}: {layout['type']} ({how}), head in line {layout['head']}")
        for head, field in zip(layout["heads"], layout["fields"], strict=False):
            self.stdout.write(f"  {head} -> {field or '-'}")
        known = intake.earlier(batch)
        if known:
            self.stdout.write(f"the same file was brought in by import #{known.pk}")
        if left := intake.left_behind(batch):
            self.stdout.write(
                f"import #{left.batch.pk} of the same rows was undone, but {left.rows:,} rows with"
                f" {left.points:,} points stayed; --again brings them in once more"
            )
        if ignored := layouts.ignored(layout):
            self.stdout.write(f"ignored: {', '.join(ignored)}")

    def _checked(self, batch: ImportBatch) -> None:
        self.stdout.write(", ".join(f"{name} {count:,}" for name, count in sorted(batch.counts.items())))
        kind = kind_of(batch.kind)
        for title, text in kind.told_totals(batch.totals):
            self.stdout.write(f"  {title}: {text}")
        rows = ImportRow.objects.filter(batch=batch, outcome__in=BAD).order_by("line")
        for row in rows[:MOST_SHOWN]:
            for fault in row.faults or []:
                head = kind.title_of(fault["column"], batch.layout) or "-"
                self.stderr.write(
                    f"line {row.line}, {head}: “{fault['value']}”, expected {kind.fault_text(fault)}"
                )


def work_on(batch: ImportBatch, watch: Any = None) -> Job:
    import time

    job_id = batch.job_id
    assert job_id is not None
    while True:
        done = job_runner.run(job_id=job_id, clock=timezone.now, worker=worker_name(), watch=watch)
        job = done or Job.objects.get(pk=job_id)
        if job.state not in ("queued", "running"):
            return job
        if done is None or job.run_at > timezone.now():
            time.sleep(0.5)


def _user(name: str) -> User | None:
    if not name:
        return None
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active user {name}.")
    return user


def _brand(code: str) -> Brand | None:
    if not code:
        return None
    brand = Brand.objects.filter(code=code).first()
    if brand is None:
        raise CommandError(f"There is no brand with the code {code}.")
    return brand
