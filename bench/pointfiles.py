"""Files of points: checked and booked in bulk against corrections that somebody enters one by one."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bench import people
from bench.findings import Finding
from bench.scratch import Lab

if TYPE_CHECKING:
    from backoffice.models import User

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
ROWS = 100_000
# What one clerk may give a day, a point each: then the next day begins.
CLERK_DAY = 4_000


def run(lab: Lab) -> list[Finding]:
    rows = ROWS // 10 if lab.quick else ROWS
    share = rows // lab.rounds
    phones, accounts, program = prepared(lab, share)
    uploader, approver, clerk = staff()
    ours: dict[str, list[float]] = {"grant": [], "deduct": []}
    booked: dict[str, list[float]] = {"grant": [], "deduct": []}
    anchor: list[float] = []
    entered = 0
    for turn in range(lab.rounds):
        for operation in ours:
            content = file_of(phones, program, turn)
            whole, applying = brought_in(content, operation, uploader, approver)
            ours[operation].append(share / whole)
            booked[operation].append(share / applying)
        done = corrected(accounts, clerk, lab.seconds, entered)
        entered += done[0]
        anchor.append(done[0] / done[1])
    return [
        Finding(
            f"p{place}", f"{share:,} rows, {words}", "corrections one by one", "/s", values[operation],
            anchor, at_least=20 if values is booked else None,
        )
        for place, (words, operation, values) in enumerate(
            [
                ("points given, booked", "grant", booked),
                ("points taken, booked", "deduct", booked),
                ("points given, read, checked and booked", "grant", ours),
                ("points taken, read, checked and booked", "deduct", ours),
            ],
            start=1,
        )
    ]  # fmt: skip


def prepared(lab: Lab, count: int) -> tuple[list[str], list[int], str]:
    """(phones of members, their accounts, the program's code)."""
    from members.models import Member
    from points.models import Account, Program

    program = people.create_program("pointfiles")
    accounts = people.create_accounts(lab, program, count)
    held = Account.objects.filter(pk__in=accounts).values_list("member_id", flat=True)
    members = Member.objects.filter(pk__in=held).order_by("pk")
    batch = []
    for number, member in enumerate(members):
        member.phone = f"+8869{20_000_000 + number:08}"
        batch.append(member)
    Member.objects.bulk_update(batch, ["phone"], batch_size=2_000)
    code = Program.objects.values_list("code", flat=True).get(pk=program)
    return [member.phone for member in batch], list(accounts), code


def staff() -> tuple[User, User, User]:
    from backoffice.choices import Role
    from backoffice.models import User
    from backoffice.services.roles import group_of

    made = []
    for name, role in (("up", Role.MARKETER), ("yes", Role.FINANCE), ("desk", Role.SUPPORT)):
        user = User.objects.create(username=f"bench-{name}", is_staff=True, reach="group")
        user.groups.add(group_of(role))
        made.append(user)
    return made[0], made[1], made[2]


def file_of(phones: list[str], program: str, turn: int) -> io.BytesIO:
    lines = (f"{phone},{turn + 1},{program},goodwill" for phone in phones)
    return io.BytesIO("\r\n".join(["phone,points,program,reason", *lines]).encode())


def brought_in(content: io.BytesIO, operation: str, uploader: User, approver: User) -> tuple[float, float]:
    """Seconds of the whole way of a file, and of its booking alone."""
    from backoffice.actors import Actor
    from backoffice.models import ImportBatch
    from backoffice.services import job_runner
    from backoffice.services.imports import intake, verbs

    actor = Actor.staff(uploader)

    def work(pk: int) -> None:
        job = ImportBatch.objects.get(pk=pk).job_id
        job_runner.run(job_id=job or 0, clock=lambda: NOW, worker="bench")

    began = time.perf_counter()
    batch = intake.upload(file=content, name="points.csv", kind="points", actor=actor, now=NOW)
    work(batch.pk)
    verbs.check(batch_id=batch.pk, fields=None, policy={"operation": operation}, actor=actor, now=NOW)
    work(batch.pk)
    verbs.confirm(batch_id=batch.pk, actor=actor, now=NOW)
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(approver), now=NOW)
    checked = time.perf_counter()
    work(batch.pk)
    ended = time.perf_counter()
    done = ImportBatch.objects.get(pk=batch.pk)
    if done.counts.get("done:applied") != done.counts.get("rows"):
        raise RuntimeError(f"not every row was booked: {done.state} {done.counts}")
    # The same content is booked once: the next file of these rows is another one.
    ImportBatch.objects.filter(pk=batch.pk).update(file_hash="", content_hash=f"bench-{batch.pk}")
    return ended - began, ended - checked


def corrected(accounts: list[int], clerk: User, seconds: float, entered: int) -> tuple[int, float]:
    """(how many corrections were entered, in how many seconds)."""
    from backoffice.actors import Actor
    from points.services.corrections import correct

    done, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        number = entered + done
        correct(
            account_id=accounts[number % len(accounts)], points=1, reason="goodwill", note="",
            key=f"b{number}", actor=Actor.staff(clerk), now=NOW + timedelta(days=number // CLERK_DAY),
        )  # fmt: skip
        done += 1
    return done, passed
