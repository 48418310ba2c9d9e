"""Files of points on their way: ceilings, the second person, the wait before it, and the way back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from backoffice.actors import Actor
from backoffice.choices import ImportState, JobState, Role
from backoffice.errors import ImportNotThere, ImportOwnApproval, ImportRepeated
from backoffice.models import ImportBatch, ImportRow, Job, OutboxMessage, User
from backoffice.services import job_runner, jobs
from backoffice.services.imports import applying, retention, verbs
from members.models import Member
from members.services.erasure import erase
from points import policy
from points.choices import DebtPolicy
from points.errors import FileTooLarge, MutualApproval, NotAllowed, NotReversible
from points.models import Account, Entry, Program, StaffDayTotal
from points.services import corrections, expiry, ledger, proofs
from tests.conftest import NOON
from tests.factories.backoffice import UserFactory
from tests.factories.members import MemberFactory, StaffCardFactory
from tests.factories.points import AccountFactory, ProgramFactory, give, take
from tests.imports.desk import rows, run
from tests.imports.points_desk import assert_sound, books, look_at, points_file, put_in, take_out
from tests.points.books import tamper

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
DATED = "手機,點數,到期日"


@pytest.fixture
def program() -> Program:
    return ProgramFactory(code="main", is_default=True)


@pytest.fixture
def people() -> list[Member]:
    return [MemberFactory(phone=f"+8869120000{n:02}") for n in range(10)]


@pytest.fixture
def marketer() -> User:
    return UserFactory(role=Role.MARKETER)


@pytest.fixture
def boss() -> User:
    return UserFactory(role=Role.FINANCE)


def phones(points: int, count: int = 10) -> bytes:
    return points_file(*(f"09120000{n:02},{points}" for n in range(count)))


def ends(batch: ImportBatch) -> list[str]:
    """What became of each row, in the order of lines."""
    return list(ImportRow.objects.filter(batch=batch).order_by("line").values_list("done", flat=True))


def confirmed(content: bytes, owner: User, **more: Any) -> ImportBatch:
    batch = look_at(content, owner, **more)
    verbs.confirm(batch_id=batch.pk, actor=Actor.staff(owner), now=NOON)
    batch.refresh_from_db()
    return batch


# --- How much, and who says yes ------------------------------------
def test_the_preview_says_what_the_file_comes_to(program: Program, people: list[Member]) -> None:
    batch = look_at(points_file("0912000000,600", "0912000001,1200", "0912000000,60", "0912000099,5"))
    assert batch.totals == {"points": 1860, "members": 2, "worth": "62.00", "largest": 1200, "moved": 1860}
    give(AccountFactory(member=people[0], program=program), 600)
    batch = look_at(points_file("0912000000,600"), policy={"operation": "deduct"})
    assert (batch.totals["points"], batch.totals["worth"], batch.totals["moved"]) == (-600, "-20.00", 600)


def test_a_file_above_the_ceiling_is_refused_and_writes_nothing(
    program: Program, people: list[Member], marketer: User, settings: Any
) -> None:
    settings.POINTS_FILE_MOST_PER_BATCH = 9_999
    batch = look_at(phones(1_000), marketer)
    with pytest.raises(FileTooLarge, match="10,000"):
        verbs.confirm(batch_id=batch.pk, actor=Actor.staff(marketer), now=NOON)
    batch.refresh_from_db()
    assert (
        batch.state == ImportState.CHECKED
        and not Entry.objects.exists()
        and not Job.objects.filter(kind="imports.apply").exists()
    )


def test_little_goes_in_at_once_and_counts_on_the_uploaders_day(
    program: Program, people: list[Member], marketer: User
) -> None:
    put_in(phones(100), marketer)
    assert StaffDayTotal.objects.get(user=marketer).given == 1_000
    for number in range(1, 5):
        put_in(points_file(f"0912000001,{1_000 - number}"), marketer)
    assert StaffDayTotal.objects.get(user=marketer).given == 4_990
    # In pieces it is as much as in one: the day is full, a second person has to look (T17).
    waiting = confirmed(points_file("0912000002,11"), marketer)
    assert waiting.state == ImportState.WAITING
    assert StaffDayTotal.objects.get(user=marketer).given == 4_990 <= policy.DAILY_GIVEN
    clerk = UserFactory(role=Role.CLERK)
    account = Account.objects.get(member=people[1])
    given = corrections.correct(account_id=account.pk, points=900, reason="goodwill", note="", key="k",
                                actor=Actor.staff(clerk), now=NOON)  # fmt: skip
    assert given.status == "applied"
    over = corrections.correct(account_id=account.pk, points=200, reason="goodwill", note="", key="l",
                               actor=Actor.staff(clerk), now=NOON)  # fmt: skip
    assert over.status == "pending"
    assert_sound()


@pytest.mark.parametrize("how", ["much", "one large row", "deduct", "nobody", "somebody else"])
def test_a_second_person_is_needed(
    how: str, program: Program, people: list[Member], marketer: User, boss: User, settings: Any
) -> None:
    give(AccountFactory(member=people[0], program=program), 50)
    owner: User | None = marketer
    lines, choices = ("0912000000,10",), {}
    if how == "much":
        lines = tuple(f"09120000{n:02},{100 + n}" for n in range(10))
    elif how == "one large row":
        settings.POINTS_FILE_APPROVAL_ABOVE = 5_000
        lines = ("0912000000,1001",)
    elif how == "deduct":
        choices = {"operation": "deduct"}
    elif how == "nobody":
        owner = None
    batch = look_at(points_file(*lines), owner, policy=choices)
    confirmer = UserFactory(role=Role.MARKETER) if how == "somebody else" else owner
    verbs.confirm(
        batch_id=batch.pk, actor=Actor.staff(confirmer) if confirmer else Actor.job("run_import"), now=NOON
    )
    batch.refresh_from_db()
    assert batch.state == ImportState.WAITING and not Entry.objects.filter(kind="import").exists()
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    batch.refresh_from_db()
    assert run(batch).counts["done:applied"] == len(lines)
    assert not StaffDayTotal.objects.exists()


def test_the_approver_is_another_who_may_and_gives_nothing_to_himself(
    program: Program, people: list[Member], marketer: User, boss: User
) -> None:
    batch = confirmed(phones(500), marketer)
    for person, error in ((marketer, ImportOwnApproval), (UserFactory(role=Role.CLERK), NotAllowed)):
        with pytest.raises(error):
            verbs.approve(batch_id=batch.pk, actor=Actor.staff(person), now=NOON)
    StaffCardFactory(user=boss, member=people[3])
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    batch.refresh_from_db()
    batch = run(batch)
    assert (batch.counts["done:applied"], batch.counts["done:refused"]) == (9, 1)
    assert [(line, row.done) for line, row in rows(batch).items() if row.faults] == [(5, "refused")]
    assert not Account.objects.filter(member=people[3], balance__gt=0).exists()


def test_two_people_do_not_approve_each_others_files_and_corrections(
    program: Program, people: list[Member], boss: User
) -> None:
    boss, other = marketer_of(boss), marketer_of(UserFactory(role=Role.FINANCE))
    first = confirmed(phones(1_000), other)
    verbs.approve(batch_id=first.pk, actor=Actor.staff(boss), now=NOON)
    back = confirmed(phones(999), boss)
    with pytest.raises(MutualApproval):
        verbs.approve(batch_id=back.pk, actor=Actor.staff(other), now=NOON)
    back.refresh_from_db()
    assert back.state == ImportState.WAITING
    later = NOON + timedelta(days=policy.MUTUAL_DAYS, seconds=1)
    verbs.approve(batch_id=back.pk, actor=Actor.staff(other), now=later)
    manager, clerk = UserFactory(role=Role.MANAGER), UserFactory(role=Role.MANAGER)
    account = AccountFactory(member=people[0], program=ProgramFactory())
    asked = corrections.correct(account_id=account.pk, points=4_000, reason="goodwill", note="", key="k",
                                actor=Actor.staff(manager), now=NOON)  # fmt: skip
    file = confirmed(phones(400, 10), marketer_of(clerk), policy={"reason": "other"})
    verbs.approve(batch_id=file.pk, actor=Actor.staff(manager), now=NOON)
    with pytest.raises(MutualApproval):
        corrections.approve(adjustment_id=asked.adjustment_id, actor=Actor.staff(clerk), now=NOON)


def marketer_of(user: User) -> User:
    """The same person with a second role."""
    from backoffice.services.roles import group_of

    user.groups.add(group_of(Role.MARKETER))
    return User.objects.get(pk=user.pk)


# --- The rest before it ------------------------------------
def test_a_million_points_too_many_stop_at_approval_rest_a_day_and_go_back(
    program: Program, people: list[Member], marketer: User, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T22, scaled down: everybody gets 10,000 that nobody meant."""
    monkeypatch.setattr(applying, "CHUNK", 30)
    for number, person in enumerate(people):
        give(AccountFactory(member=person, program=program), 10 * number + 1, expires_at=NOON + 40 * DAY)
    crowd = [MemberFactory(phone=f"+8869130{n:05}") for n in range(100)]
    before = books()
    lines = [f"09120000{n:02},10000" for n in range(10)] + [f"09130{n:05},10000" for n in range(len(crowd))]
    batch = confirmed(points_file(*lines), marketer)
    assert batch.state == ImportState.WAITING and batch.totals["points"] == 1_100_000
    assert not Job.objects.filter(kind="imports.apply").exists() and books() == before
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    batch.refresh_from_db()
    assert (batch.state, batch.held_until) == (ImportState.HELD, NOON + timedelta(hours=24))
    job_runner.run_due(clock=lambda: NOON + timedelta(hours=24, seconds=-1), worker="early")
    assert books() == before
    job_runner.run_due(clock=lambda: NOON + timedelta(hours=24), worker="in time")
    batch.refresh_from_db()
    assert batch.state == ImportState.APPLIED and batch.counts["done:applied"] == 110
    assert sum(balance for balance, _held, _debt in books()["accounts"].values()) == 1_100_000 + 460
    assert_sound(NOON + 2 * DAY)
    batch = take_out(batch, NOON + 2 * DAY)
    assert batch.counts["done:undone"] == 110 and books() == before
    assert_sound(NOON + 3 * DAY)


def test_what_rests_can_be_put_away_and_does_not_come_back(
    program: Program, people: list[Member], marketer: User, boss: User, settings: Any
) -> None:
    settings.POINTS_FILE_HOLD_ABOVE, settings.POINTS_FILE_HOLD_HOURS = 4_999, 3
    batch = confirmed(phones(500), marketer)
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    with pytest.raises(ImportNotThere):
        verbs.approve(batch_id=batch.pk, actor=Actor.staff(UserFactory(role=Role.FINANCE)), now=NOON)
    again = look_at(phones(500), marketer)
    with pytest.raises(ImportRepeated):
        verbs.confirm(batch_id=again.pk, actor=Actor.staff(marketer), now=NOON, again=True)
    verbs.drop(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON + timedelta(hours=1), reason="錯了")
    job_runner.run_due(clock=lambda: NOON + DAY, worker="w")
    batch.refresh_from_db()
    assert batch.state == ImportState.DROPPED and not Entry.objects.exists()
    assert Job.objects.get(pk=batch.job_id).state == JobState.CANCELLED


def test_a_rest_is_not_cut_short_by_pausing_and_going_on(
    program: Program, people: list[Member], marketer: User, boss: User, settings: Any
) -> None:
    settings.POINTS_FILE_HOLD_ABOVE, settings.POINTS_FILE_HOLD_HOURS = 4_999, 3
    batch = confirmed(phones(500), marketer)
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    batch.refresh_from_db()
    actor, soon = Actor.staff(marketer), NOON + timedelta(minutes=5)
    jobs.pause(job_id=batch.job_id or 0, actor=actor, now=soon)
    jobs.resume(job_id=batch.job_id or 0, actor=actor, now=soon)
    job_runner.run_due(clock=lambda: soon, worker="early")
    assert not Entry.objects.exists()
    job_runner.run_due(clock=lambda: NOON + timedelta(hours=3), worker="in time")
    batch.refresh_from_db()
    assert batch.state == ImportState.APPLIED


# --- Between preview and booking ------------------------------------
def test_who_is_gone_or_blocked_meanwhile_is_refused_and_the_rest_goes_in(
    program: Program, people: list[Member], marketer: User, boss: User
) -> None:
    account = AccountFactory(member=people[4], program=program)
    give(account, 500)
    batch = confirmed(phones(500), marketer)
    erase(member=people[0], reason="要求刪除", actor=Actor.job("t"), now=NOON)
    Member.objects.filter(pk=people[1].pk).update(status="frozen")
    Member.objects.filter(pk=people[2].pk).update(phone="+886912999999")
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    batch.refresh_from_db()
    batch = run(batch)
    assert ends(batch)[:4] == ["refused", "refused", "refused", "applied"]
    assert (batch.counts["done:applied"], batch.counts["done:refused"]) == (7, 3)
    assert rows(batch)[2].cells is None and Entry.objects.filter(kind="import").count() == 7
    assert_sound()


def test_points_spent_meanwhile_refuse_the_deduction(
    program: Program, people: list[Member], marketer: User, boss: User
) -> None:
    accounts = [AccountFactory(member=person, program=program) for person in people[:2]]
    for account in accounts:
        give(account, 100)
    batch = confirmed(phones(100, 2), marketer, policy={"operation": "deduct"})
    take(accounts[0], 1)
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    batch.refresh_from_db()
    batch = run(batch)
    row = rows(batch)[2]
    assert (row.done, (row.faults or [])[0]["fault"], (row.faults or [])[0]["details"]) == (
        "refused", "not_enough", {"available": 99},
    )  # fmt: skip
    assert rows(batch)[3].done == "applied"
    assert_sound()


def test_members_are_told_only_if_that_is_asked_for(
    program: Program, people: list[Member], marketer: User, boss: User
) -> None:
    put_in(phones(10, 2), marketer)
    assert not OutboxMessage.objects.filter(topic="points.changed").exists()
    batch = put_in(phones(11, 2), marketer, policy={"notify": "yes"})
    told = OutboxMessage.objects.filter(topic="points.changed")
    assert told.count() == 2
    payload = told.order_by("pk")[0].payload
    entry = Entry.objects.get(pk=payload["entry"])
    assert (payload["points"], payload["balance"], payload["reason"], payload["at"]) == (
        11, 21, "goodwill", entry.created_at.isoformat(),
    )  # fmt: skip
    take_out(batch)
    assert told.count() == 4


# --- And back ------------------------------------
def test_spent_grants_are_owed_or_kept_by_the_programs_rule(
    people: list[Member], marketer: User, boss: User
) -> None:
    after = {}
    for debt_policy in (DebtPolicy.DEBT, DebtPolicy.CLAMP):
        program = ProgramFactory(code=f"p-{debt_policy}", debt_policy=debt_policy)
        lines = [f"09120000{n:02},100,{program.code}" for n in range(3)]
        batch = put_in(points_file(*lines, head="手機,點數,點數方案"), marketer)
        accounts = [Account.objects.get(member=person, program=program) for person in people[:3]]
        take(accounts[0], 40)
        take(accounts[1], 100)
        batch = take_out(batch)
        for account in accounts:
            account.refresh_from_db()
        after[debt_policy] = [
            (end, account.balance, account.debt) for end, account in zip(ends(batch), accounts, strict=True)
        ]
    assert after[DebtPolicy.DEBT] == [("undone", 0, 40), ("undone", 0, 100), ("undone", 0, 0)]
    assert after[DebtPolicy.CLAMP] == [("kept", 0, 0), ("kept", 0, 0), ("undone", 0, 0)]
    assert_sound()


def test_deductions_return_to_their_lots_and_lapsed_ones_come_back_lapsed(
    program: Program, people: list[Member], marketer: User, boss: User
) -> None:
    fresh_one, lapsing = (AccountFactory(member=person, program=program) for person in people[:2])
    give(fresh_one, 60, expires_at=NOON + 30 * DAY)
    give(fresh_one, 60, expires_at=NOON + 60 * DAY)
    give(lapsing, 80, expires_at=NOON + DAY)
    before = books()
    batch = put_in(phones(70, 2), marketer, boss, policy={"operation": "deduct"})
    assert batch.counts["done:applied"] == 2
    later = NOON + 2 * DAY
    batch = take_out(batch, later)
    assert batch.counts["done:undone"] == 2
    after = books()
    assert [lot for lot in after["lots"] if lot[0] == fresh_one.pk] == [
        lot for lot in before["lots"] if lot[0] == fresh_one.pk
    ]
    assert (after["accounts"][fresh_one.pk], after["accounts"][lapsing.pk]) == ((120, 0, 0), (10, 0, 0))
    undone = Entry.objects.get(account=fresh_one, kind="adjust")
    assert undone.explanation["rule"] == "points_import_undone" and undone.adjustment is not None
    assert undone.adjustment.key == f"import-undone:{batch.pk}:2" and undone.adjustment.requested_by is None
    assert_sound(later + DAY / 2)


def test_a_deduction_that_was_undone_is_no_lapse_that_was(
    program: Program, people: list[Member], marketer: User, boss: User
) -> None:
    """Undoing an earning takes its lapsed points once: what an undone deduction put back is none of them."""
    account = AccountFactory(member=people[0], program=program)
    earned = give(account, 100, expires_at=NOON + 5 * DAY)
    batch = put_in(phones(50, 1), marketer, boss, policy={"operation": "deduct"})
    take_out(batch)
    late = NOON + 6 * DAY
    expiry.expire_batch(as_of=late, now=late, after=0, actor=Actor.job("t"))
    account.refresh_from_db()
    assert account.balance == 0
    from points.postings import Context, Source

    ledger.reverse_credit(entry_id=earned.entry_id or 0, points=100, source=Source("return", "1"),
                          context=Context(actor=Actor.job("t"), now=late))  # fmt: skip
    account.refresh_from_db()
    assert (account.balance, account.debt) == (0, 0)
    assert_sound(late + DAY)


def test_what_was_undone_stays_undone(
    program: Program, people: list[Member], marketer: User, boss: User
) -> None:
    give(AccountFactory(member=people[0], program=program), 100)
    grant = take_out(put_in(phones(50, 2), marketer))
    deduction = take_out(put_in(phones(50, 1), marketer, boss, policy={"operation": "deduct"}))
    for batch in (grant, deduction):
        with pytest.raises(ImportNotThere):
            verbs.undo(batch_id=batch.pk, actor=Actor.job("t"), now=NOON)
    desk = UserFactory(role=Role.SUPPORT)
    for entry in Entry.objects.filter(kind__in=("reverse_earn", "adjust")):
        with pytest.raises(NotReversible):
            corrections.undo_entry(entry_id=entry.pk, points=None, reason="other", note="",
                                   key=f"u{entry.pk}", actor=Actor.staff(desk), now=NOON)  # fmt: skip
    assert_sound()


def test_entries_undone_by_hand_and_members_who_are_gone_are_left_alone(
    program: Program, people: list[Member], marketer: User
) -> None:
    batch = put_in(phones(50, 3), marketer)
    first = Entry.objects.get(source_id=f"{batch.pk}:2")
    corrections.undo_entry(entry_id=first.pk, points=None, reason="other", note="", key="u",
                           actor=Actor.staff(UserFactory(role=Role.SUPPORT)), now=NOON)  # fmt: skip
    erase(member=people[1], reason="要求刪除", actor=Actor.job("t"), now=NOON)
    batch = take_out(batch)
    assert ends(batch) == ["kept", "stuck", "undone"]
    assert_sound()


@pytest.mark.parametrize(
    ("check", "subject", "fault"),
    [
        ("I47", "import {batch}", "DELETE FROM backoffice_importrow WHERE line = 3"),
        ("I47", "import {batch}", "UPDATE backoffice_importbatch SET counts = counts || '{{\"rows\": 9}}'"),
        ("I49", "import {batch} line 3", "UPDATE points_entry SET source_id = 'x' WHERE id = {entry}"),
        ("I49", "import {batch} line 3", "UPDATE backoffice_importrow SET done = 'refused' WHERE line = 3"),
        ("I49", "entry {entry}", "DELETE FROM backoffice_importrow WHERE line = 3"),
    ],
)
def test_a_line_without_its_entry_is_named_and_an_entry_without_its_line(
    program: Program, people: list[Member], marketer: User, check: str, subject: str, fault: str
) -> None:
    batch = put_in(phones(10, 3), marketer)
    assert_sound()
    names = {"batch": batch.pk, "entry": Entry.objects.get(source_id=f"{batch.pk}:3").pk}
    tamper(fault.format(**names))
    found = {one.id: one for one in proofs.prove(now=NOON + DAY).checks if not one.ok}
    assert subject.format(**names) in [offender.subject for offender in found[check].offenders]


CASES = {
    "had": st.lists(st.tuples(st.integers(0, 4), st.integers(1, 300), st.integers(1, 40)), max_size=8),
    "lines": st.lists(
        st.tuples(st.integers(0, 4), st.integers(1, 400), st.integers(0, 50)), min_size=1, max_size=9
    ),
    "owed": st.integers(0, 200),
    "chunk": st.integers(1, 4),
}


@pytest.mark.parametrize("operation", ["grant", "opening", "deduct"])
def test_import_then_undo_restores_every_balance_and_lot_that_nobody_touched(
    operation: str, marketer: User, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    @hypothesis_settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(**CASES)
    def there_and_back(had: list[Any], lines: list[Any], owed: int, chunk: int) -> None:
        monkeypatch.setattr(applying, "CHUNK", chunk)
        with transaction.atomic():
            text, head = _history(operation, had, lines, owed)
            before = books()
            batch = look_at(points_file(*text, head=head), marketer, policy={"operation": operation})
            if verbs.rows_to_write(batch):
                batch = _go_on(batch, marketer, boss)
                assert_sound()
                applied = batch.counts["done:applied"]
                assert take_out(batch).counts["done:undone"] == applied
            assert books() == before
            assert_sound()
            transaction.set_rollback(True)

    there_and_back()


def _history(operation: str, had: list[Any], lines: list[Any], owed: int) -> tuple[list[str], str]:
    """Five members with lots, the last of them maybe in debt, and the file for them."""
    program = ProgramFactory()
    crowd = [MemberFactory(phone=f"+8869140000{n:02}") for n in range(5)]
    accounts = [AccountFactory(member=person, program=program) for person in crowd]
    for who, points, days in had:
        give(accounts[who], points, expires_at=NOON + days * DAY)
    if owed:
        spent = give(accounts[4], owed)
        take(accounts[4], Account.objects.get(pk=accounts[4].pk).balance)
        ledger.reverse_credit(
            entry_id=spent.entry_id or 0,
            points=owed,
            source=ledger.Source("return", str(spent.entry_id)),
            context=ledger.Context(actor=Actor.job("t"), now=NOON),
        )
    head = "手機,點數,點數方案" + (",到期日" if operation == "opening" else "")
    text = []
    for who, points, days in lines:
        day = f",{NOON + days * DAY:%Y-%m-%d}" if operation == "opening" else ""
        text.append(f"{crowd[who].phone},{points},{program.code}{day}")
    return text, head


def _go_on(batch: ImportBatch, owner: User, approver: User) -> ImportBatch:
    verbs.confirm(batch_id=batch.pk, actor=Actor.staff(owner), now=NOON)
    batch.refresh_from_db()
    if batch.state == ImportState.WAITING:
        verbs.approve(batch_id=batch.pk, actor=Actor.staff(approver), now=NOON)
        batch.refresh_from_db()
    return run(batch)


def test_when_the_rows_are_gone_the_ledger_still_names_the_lines(
    program: Program, people: list[Member], marketer: User
) -> None:
    batch = put_in(phones(10, 3), marketer)
    late = NOON + retention.KEPT + DAY
    retention.forget_old(now=late)
    assert not ImportRow.objects.filter(batch=batch).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT line, status, entry_id FROM audit.import_row ORDER BY line")
        told = cursor.fetchall()
    entries = Entry.objects.order_by("source_id").values_list("pk", flat=True)
    assert told == [(line, "ok", entry) for line, entry in zip((2, 3, 4), entries, strict=True)]
    assert_sound(late + DAY)
