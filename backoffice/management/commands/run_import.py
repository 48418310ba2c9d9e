"""`manage.py run_import FILE --kind K`: the way of a file through the import desk, from a terminal."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.actors import Actor
from backoffice.choices import ImportState, RowDone, RowOutcome
from backoffice.errors import ImportPolicyWrong, Refusal
from backoffice.management.brands import brand_of
from backoffice.models import ImportBatch, ImportRow, Job, User
from backoffice.services import job_runner
from backoffice.services.imports import intake, layouts, verbs
from backoffice.services.imports.kinds import kind_of, uploadable
from backoffice.tabular.faults import file_fault_text
from backoffice.tasks import worker_name

MOST_SHOWN = 100
# Whoever waits at a terminal wants to see that something happens.
TOLD_EVERY_SECONDS = 5
BAD = ("error", "conflict", "duplicate")


class Command(BaseCommand):
    help = "Bring a CSV or XLSX file in: look, check, and apply unless --dry-run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--kind", required=True, help=", ".join(sorted(uploadable())))
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
        parser.add_argument(
            "--dry-run", action="store_true", help="stop after the check; the back office shows every row"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._handle(options)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        except OSError as error:
            raise CommandError(str(error)) from error

    def _handle(self, options: dict[str, Any]) -> None:
        policy = _policy(options["set"])
        user = _user(options["user"])
        actor = Actor.staff(user) if user else Actor.job("run_import")
        wishes = {name: options[name] for name in ("encoding", "delimiter", "sheet")}
        brand = brand_of(options["brand"]) if options["brand"] else None
        with options["file"].open("rb") as file:
            batch = intake.upload(
                file=file, name=options["file"].name, kind=options["kind"], actor=actor,
                now=timezone.now(), brand=brand, wishes=wishes,
            )  # fmt: skip
        batch = self._work(batch)
        self._understood(batch)
        try:
            verbs.check(
                batch_id=batch.pk, fields=None, actor=actor, now=timezone.now(),
                policy=policy,
                ignore=None if options["ignore_unknown"] else (),
            )  # fmt: skip
        except ImportPolicyWrong as refusal:
            raise CommandError(f"{refusal} --set {choices_of(batch)}") from refusal
        batch = self._work(batch)
        self._checked(batch)
        if options["dry_run"]:
            told = _(
                "nothing was brought in: import #%(id)s was only looked at; without --dry-run it goes in"
            )
            self.stdout.write(told % {"id": batch.pk})
        else:
            self._apply(batch, actor, options)
        bad = sum(batch.counts.get(name, 0) for name in BAD)
        if bad:
            told = _("%(rows)s rows are left out; correct them and bring them in again.")
            raise CommandError(told % {"rows": f"{bad:,}"})

    def _apply(self, batch: ImportBatch, actor: Actor, options: dict[str, Any]) -> None:
        if not verbs.rows_to_write(batch):
            self.stdout.write(_("nothing to do: no row would change anything"))
            return
        verbs.confirm(batch_id=batch.pk, actor=actor, now=timezone.now(), again=options["again"])
        batch.refresh_from_db()
        if batch.state == ImportState.WAITING:
            second = _user(options["approved_by"])
            if second is None:
                told = _(
                    "import #%(id)s waits for the yes of a second person, in the back office under Imports"
                )
                self.stdout.write(told % {"id": batch.pk})
                return
            verbs.approve(batch_id=batch.pk, actor=Actor.staff(second), now=timezone.now())
            batch.refresh_from_db()
        if batch.state == ImportState.HELD:
            assert batch.held_until is not None, "a batch that is held knows until when"
            until = timezone.localtime(batch.held_until)
            told = _("import #%(id)s waits until %(until)s; then a worker brings it in")
            self.stdout.write(told % {"id": batch.pk, "until": f"{until:%Y-%m-%d %H:%M %Z}"})
            return
        batch = self._work(batch)
        ends = ", ".join(
            f"{RowDone(name.partition(':')[2]).label} {count:,}"
            for name, count in batch.counts.items()
            if name.startswith("done:")
        )
        self.stdout.write(f"#{batch.pk}: {batch.get_state_display()}; {ends}")
        told = _("to take it back: manage.py undo_import %(id)s")
        self.stdout.write(told % {"id": batch.pk})

    def _work(self, batch: ImportBatch) -> ImportBatch:
        """Do the batch's job here, or wait for the worker that has taken it. Raises CommandError."""
        batch.refresh_from_db()
        job = work_on(batch, Teller(self.stderr))
        batch.refresh_from_db()
        if batch.state == ImportState.FAILED:
            raise CommandError(file_fault_text(batch.problem))
        if job.state != "done":
            raise CommandError(f"job {job.pk}: {job.state} {job.error}")
        return batch

    def _understood(self, batch: ImportBatch) -> None:
        layout = batch.layout
        how = layout.get("sheet") or f"{layout['encoding']}, {layout['delimiter']!r}"
        told = _("import #%(id)s: %(type)s (%(how)s), head in line %(line)s")
        self.stdout.write(told % {"id": batch.pk, "type": layout["type"], "how": how, "line": layout["head"]})
        for head, field in zip(layout["heads"], layout["fields"], strict=False):
            self.stdout.write(f"  {head} -> {field or '-'}")
        known = intake.earlier(batch)
        if known:
            self.stdout.write(_("the same file was brought in by import #%(id)s") % {"id": known.pk})
        if left := intake.left_behind(batch):
            self.stdout.write(
                _(
                    "import #%(id)s of the same rows was undone, but %(rows)s rows with %(points)s points"
                    " stayed; --again brings them in once more"
                )
                % {"id": left.batch.pk, "rows": f"{left.rows:,}", "points": f"{left.points:,}"}
            )
        if ignored := layouts.ignored(layout):
            self.stdout.write(_("left out: %(heads)s") % {"heads": ", ".join(ignored)})

    def _checked(self, batch: ImportBatch) -> None:
        counts = [_("%(rows)s rows") % {"rows": f"{batch.counts.get('rows', 0):,}"}]
        counts += [
            f"{RowOutcome(name).label} {batch.counts[name]:,}"
            for name in RowOutcome.values
            if batch.counts.get(name)
        ]
        self.stdout.write(", ".join(counts))
        kind = kind_of(batch.kind)
        for title, text in kind.told_totals(batch.totals):
            self.stdout.write(f"  {title}: {text}")
        rows = ImportRow.objects.filter(batch=batch, outcome__in=BAD).order_by("line")
        for row in rows[:MOST_SHOWN]:
            for fault in row.faults or []:
                told = _("line %(line)s, %(head)s: “%(value)s”, expected %(expected)s")
                self.stderr.write(
                    told
                    % {
                        "line": row.line,
                        "head": kind.title_of(fault["column"], batch.layout) or "-",
                        "value": fault["value"],
                        "expected": kind.fault_text(fault),
                    }
                )
        if (more := rows.count() - MOST_SHOWN) > 0:
            told = _("… and %(rows)s more: the page of import #%(id)s gives them back as a file with reasons")
            self.stderr.write(told % {"rows": f"{more:,}", "id": batch.pk})


def choices_of(batch: ImportBatch) -> str:
    """The policies of the file's kind, as --set takes them."""
    return ", ".join(
        f"{choice.name}={'|'.join(value for value, _label in choice.options) or '…'}"
        for choice in kind_of(batch.kind).choices
    )


class Teller:
    """Says now and then how far a job is."""

    def __init__(self, out: Any) -> None:
        self.out = out
        self.last = time.monotonic()

    def __call__(self, job: Job) -> None:
        if time.monotonic() - self.last < TOLD_EVERY_SECONDS:
            return
        self.last = time.monotonic()
        told = _("%(done)s of %(total)s rows") if job.total else _("%(done)s rows")
        self.out.write(told % {"done": f"{job.done:,}", "total": f"{job.total or 0:,}"})


def work_on(batch: ImportBatch, watch: Any = None) -> Job:
    job_id = batch.job_id
    assert job_id is not None
    while True:
        done = job_runner.run(job_id=job_id, clock=timezone.now, worker=worker_name(), watch=watch)
        job = done or Job.objects.get(pk=job_id)
        if job.state not in ("queued", "running"):
            return job
        if done is None or job.run_at > timezone.now():
            time.sleep(0.5)


def _policy(pairs: list[str]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            told = _("--set takes NAME=VALUE, such as mode=update; it got “%(text)s”.")
            raise CommandError(told % {"text": pair})
    return dict(pair.split("=", 1) for pair in pairs)


def _user(name: str) -> User | None:
    if not name:
        return None
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(_("There is no active user %(name)s.") % {"name": name})
    return user
