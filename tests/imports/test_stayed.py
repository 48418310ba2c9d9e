"""Rows that an undo had to leave: whoever brings the same content in again is told, and has to mean it."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.choices import ImportState, Role
from backoffice.errors import ImportBookedOnce, ImportRepeated, ImportStayed
from backoffice.models import AuditEvent, ImportBatch, User
from backoffice.services.imports import intake, retention, verbs
from members.services.erasure import erase
from members.services.merging import merge
from points.choices import DebtPolicy
from points.models import Account, Entry, Program
from points.services import corrections
from tests.conftest import NOON
from tests.factories.backoffice import StoreFactory, UserFactory
from tests.factories.members import MemberFactory
from tests.factories.points import ProgramFactory, take
from tests.imports.desk import bring, check, csv_of, run
from tests.imports.desk import undo as take_back
from tests.imports.points_desk import look_at, points_file, put_in
from tests.imports.test_hands import marketer_too
from tests.imports.test_pages import confirm as by_pages
from tests.imports.test_pages import page

pytestmark = pytest.mark.django_db
Together = Callable[[list[Callable[[], Any]]], list[Any]]
FILE = points_file(*(f"09120000{n:02},100" for n in range(3)))


@pytest.fixture
def owner() -> User:
    return UserFactory(role=Role.MARKETER)


@pytest.fixture
def program() -> Program:
    for n in range(3):
        MemberFactory(phone=f"+8869120000{n:02}")
    return ProgramFactory(code="main", is_default=True, debt_policy=DebtPolicy.CLAMP)


def accounts() -> list[Account]:
    return list(Account.objects.order_by("member__phone"))


def undone(owner: User) -> ImportBatch:
    """A file of which 40 and 100 points were spent before it was undone."""
    batch = put_in(FILE, owner)
    first, second, _third = accounts()
    take(first, 40)
    take(second, 100)
    take_back(batch)
    assert batch.state == ImportState.UNDONE
    return batch


def balances() -> list[int]:
    return [account.balance for account in accounts()]


def test_points_that_stayed_are_told_and_come_in_again_only_on_purpose(program: Program, owner: User) -> None:
    first = undone(owner)
    assert (first.totals["stayed_rows"], first.totals["stayed_points"]) == (2, 140)
    again = look_at(FILE, owner)
    with pytest.raises(ImportStayed) as told:
        verbs.confirm(batch_id=again.pk, actor=Actor.staff(owner), now=NOON)
    assert told.value.details == {"batch_id": first.pk, "rows": "2", "points": "140"}
    again.refresh_from_db()
    assert (again.state, balances()) == (ImportState.CHECKED, [0, 0, 0])
    verbs.confirm(batch_id=again.pk, actor=Actor.staff(owner), now=NOON, again=True)
    again.refresh_from_db()
    run(again)
    assert balances() == [100, 100, 100]
    event = AuditEvent.objects.get(action="import.confirm", subject_id=str(again.pk))
    assert event.changes["again_after"] == [None, first.pk]


def test_what_went_back_whole_or_by_hand_is_no_reason_to_ask(program: Program, owner: User) -> None:
    batch = put_in(FILE, owner)
    entry = Entry.objects.get(source_id=f"{batch.pk}:2")
    corrections.undo_entry(entry_id=entry.pk, points=None, reason="other", note="", key="u",
                           actor=Actor.staff(UserFactory(role=Role.SUPPORT)), now=NOON)  # fmt: skip
    take_back(batch)
    assert batch.counts["done:kept"] == 1 and "stayed_rows" not in batch.totals
    again = look_at(FILE, owner)
    assert intake.left_behind(again) is None
    verbs.confirm(batch_id=again.pk, actor=Actor.staff(owner), now=NOON)


def test_who_was_merged_kept_the_whole_row_and_who_was_erased_gets_nothing_twice(
    program: Program, owner: User
) -> None:
    batch = put_in(FILE, owner)
    gone, merged = (account.member for account in accounts()[:2])
    erase(member=gone, reason="要求刪除", actor=Actor.job("t"), now=NOON)
    merge(duplicate=merged, survivor=MemberFactory(), reason="同一人", actor=Actor.job("t"), now=NOON)
    take_back(batch)
    assert batch.counts["done:stuck"] == 2
    left = intake.left_behind(look_at(FILE, owner))
    assert left is not None and (left.rows, left.points) == (1, 100)


def test_a_file_that_stands_is_never_booked_twice_and_the_refusal_does_not_say_otherwise(
    program: Program, owner: User
) -> None:
    put_in(FILE, owner)
    again = look_at(FILE, owner)
    for on_purpose in (False, True):
        with pytest.raises(ImportBookedOnce) as told:
            verbs.confirm(batch_id=again.pk, actor=Actor.staff(owner), now=NOON, again=on_purpose)
        assert isinstance(told.value, ImportRepeated) and "again" not in str(told.value)
    assert balances() == [100, 100, 100]


def test_what_stayed_is_known_when_the_rows_are_gone_and_when_it_was_not_counted_then(
    program: Program, owner: User
) -> None:
    first = undone(owner)
    ImportBatch.objects.filter(pk=first.pk).update(
        totals={name: value for name, value in first.totals.items() if not name.startswith("stayed")}
    )
    again = look_at(FILE, owner)
    left = intake.left_behind(again)
    assert left is not None and (left.batch, left.rows, left.points) == (first, 2, 140)
    ImportBatch.objects.filter(pk=first.pk).update(totals=first.totals)
    retention.forget_old(now=NOON + retention.KEPT * 2)
    left = intake.left_behind(again)
    assert left is not None and (left.batch, left.rows, left.points) == (first, 2, 140)


def test_points_that_were_taken_and_stayed_away_are_told_with_their_sign(owner: User) -> None:
    # A deduction whose member is gone cannot go back.
    program = ProgramFactory(code="main", is_default=True)
    boss = UserFactory(role=Role.FINANCE)
    member = MemberFactory(phone="+886912000000")
    put_in(points_file("0912000000,100"), owner)
    taking = points_file("0912000000,30")
    batch = put_in(taking, owner, boss, policy={"operation": "deduct"})
    member.__class__.objects.filter(pk=member.pk).update(status="merged", merged_into=MemberFactory())
    take_back(batch)
    assert batch.counts["done:stuck"] == 1 and program.pk
    assert (batch.totals["stayed_rows"], batch.totals["stayed_points"]) == (1, -30)


# --- Doors ------------------------------------------------------------------------------------------------
def test_the_pages_say_so_and_ask(program: Program, owner: User) -> None:
    client = Client()
    client.force_login(owner)
    first = undone(owner)
    assert "140" in client.get(page(first)).content.decode()
    again = look_at(FILE, owner)
    told = f"匯入 #{first.pk} 已復原，但仍有 2 列、共 140 點未能收回"
    text = client.get(page(again)).content.decode()
    assert told in text and page(first) in text
    form = client.get(page(again, "confirm")).content.decode()
    assert told in form and 'type="checkbox"' in form
    assert by_pages(client, again).status_code == 409
    again.refresh_from_db()
    assert again.state == ImportState.CHECKED
    assert by_pages(client, again, again="on").status_code == 302
    again.refresh_from_db()
    assert run(again, timezone.now()).state == ImportState.APPLIED
    assert told not in client.get(page(again)).content.decode()


def test_the_second_person_is_told_too(program: Program, owner: User, settings: Any) -> None:
    first = undone(owner)
    settings.POINTS_FILE_APPROVAL_ABOVE = 100
    again = look_at(FILE, owner)
    verbs.confirm(batch_id=again.pk, actor=Actor.staff(owner), now=NOON, again=True)
    client = Client()
    client.force_login(UserFactory(role=Role.FINANCE))
    shown = client.get(page(again, "approve"))
    told = f"匯入 #{first.pk} 已復原，但仍有 2 列、共 140 點未能收回"
    assert told in shown.content.decode()
    assert told in client.get(page(again)).content.decode()


def test_the_command_says_so_and_wants_again(program: Program, owner: User, tmp_path: Path) -> None:
    first = undone(owner)
    path = tmp_path / "again.csv"
    path.write_bytes(FILE)
    out = io.StringIO()
    more = {"kind": "points", "user": owner.username, "set": ["operation=grant", "reason=goodwill"]}
    with pytest.raises(CommandError, match=f"Import #{first.pk} of the same rows was undone"):
        call_command("run_import", str(path), stdout=out, **more)
    assert (
        f"import #{first.pk} of the same rows was undone, but 2 rows with 140 points stayed" in out.getvalue()
    )
    assert balances() == [0, 0, 0]
    call_command("run_import", str(path), stdout=out, again=True, **more)
    assert balances() == [100, 100, 100]


def test_receipts_that_kept_their_points_are_told_where_another_system_numbers_them(owner: User) -> None:
    store = StoreFactory(code="S1")
    ProgramFactory(brand=store.brand)
    for n in range(2):
        MemberFactory(external_id=f"H{n}")
    head = "receipt_no,member_no,store_code,purchased_at,amount"
    content = csv_of(*(f"R{n},H{n},S1,2026-06-01T12:30:00+08:00,70" for n in range(2)), head=head)
    more: dict[str, Any] = {"kind": "purchases", "name": "receipts.csv"}
    first = bring(content, **more)
    take(Account.objects.get(member__external_id="H0"), 30)
    take_back(first)
    assert first.counts["done:kept"] == 1
    assert (first.totals["stayed_rows"], first.totals["stayed_points"]) == (1, 70)
    again = check(content, policy={"source": "old"}, **more)
    assert again.counts["new"] == 2
    with pytest.raises(ImportStayed) as told:
        verbs.confirm(batch_id=again.pk, actor=Actor.staff(owner), now=NOON)
    assert told.value.details == {"batch_id": first.pk, "rows": "1", "points": "70"}
    verbs.confirm(batch_id=again.pk, actor=Actor.staff(owner), now=NOON, again=True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_two_bring_it_in_again_at_once(together: Together, program: Program, owner: User) -> None:
    undone(owner)
    two = [look_at(FILE, owner), look_at(FILE, marketer_too(UserFactory(role=Role.FINANCE)))]
    results = together([
        partial(verbs.confirm, batch_id=one.pk, actor=Actor.staff(one.owner), now=NOON, again=True)  # type: ignore[arg-type]
        for one in two
    ])  # fmt: skip
    assert sorted(type(one).__name__ for one in results) == ["ImportBatch", "ImportBookedOnce"]
