"""Four eyes: nobody approves a file in which he had a hand, whichever it was, and by whichever door."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from backoffice.actors import Actor
from backoffice.choices import ImportState, Role
from backoffice.errors import ImportApprovalNotAllowed, ImportNotThere, ImportOwnApproval, Refusal
from backoffice.models import ColumnMemory, ImportBatch, User
from backoffice.selectors import imports_waiting
from backoffice.services.imports import looking, verbs
from backoffice.services.roles import group_of
from points.errors import MutualApproval, NotAllowed, OwnCard, OwnFile
from points.models import Account, Entry
from tests.conftest import NOON
from tests.factories.backoffice import StoreFactory, UserFactory
from tests.factories.members import MemberFactory, StaffCardFactory
from tests.factories.points import AccountFactory, ProgramFactory, give
from tests.imports.desk import check, csv_of, rows, run, undo
from tests.imports.points_desk import POLICY, look_at, points_file, put_in
from tests.imports.test_pages import confirm as by_pages
from tests.imports.test_pages import page

pytestmark = pytest.mark.django_db
Together = Callable[[list[Callable[[], Any]]], list[Any]]
CLEARING = {"empty": "clear"}


@pytest.fixture
def owner() -> User:
    return UserFactory(role=Role.MARKETER, name="上傳人")


@pytest.fixture
def colleague() -> User:
    """Somebody who may bring files in and may approve them."""
    return UserFactory(role=Role.ADMINISTRATOR, name="同事")


@pytest.fixture
def boss() -> User:
    return UserFactory(role=Role.FINANCE, name="主管")


def risky(owner: User) -> ImportBatch:
    """A file that needs a second person, looked through and checked by its uploader."""
    MemberFactory(phone="+886912345678", name="王")
    return check(csv_of("0912345678,"), actor=Actor.staff(owner), policy=CLEARING)


def check_again(batch: ImportBatch, user: User, **policy: str) -> ImportBatch:
    verbs.check(
        batch_id=batch.pk, fields=None, policy=policy or batch.policy, actor=Actor.staff(user), now=NOON
    )
    batch.refresh_from_db()
    return run(batch)


def confirm(batch: ImportBatch, user: User) -> ImportBatch:
    verbs.confirm(batch_id=batch.pk, actor=Actor.staff(user), now=NOON)
    batch.refresh_from_db()
    assert batch.state == ImportState.WAITING
    return batch


def refused(batch: ImportBatch, user: User, error: type[Refusal] = ImportOwnApproval) -> None:
    with pytest.raises(error):
        verbs.approve(batch_id=batch.pk, actor=Actor.staff(user), now=NOON)
    batch.refresh_from_db()
    assert (batch.state, batch.approver, batch.job.kind) == (ImportState.WAITING, None, "imports.check")  # type: ignore[union-attr]


def test_who_confirms_a_colleagues_file_does_not_approve_it(owner: User, colleague: User, boss: User) -> None:
    batch = confirm(risky(owner), colleague)
    assert (batch.owner, batch.confirmer, batch.deciders) == (owner, colleague, [owner.pk])
    refused(batch, colleague)
    refused(batch, owner)
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    batch.refresh_from_db()
    assert (batch.state, batch.approver) == (ImportState.APPLYING, boss)


def test_who_chooses_columns_or_rules_does_not_approve_although_somebody_else_confirms(
    owner: User, colleague: User
) -> None:
    batch = check_again(risky(owner), colleague)
    # His choice is in the file also where the uploader lets it stand: both have decided.
    confirm(check_again(batch, owner), owner)
    batch.refresh_from_db()
    assert batch.deciders == [owner.pk, colleague.pk]
    refused(batch, colleague)


def test_who_reads_the_file_another_way_does_not_approve(owner: User, colleague: User) -> None:
    batch = risky(owner)
    looking.look_again(batch_id=batch.pk, wishes={"head": 1}, actor=Actor.staff(colleague), now=NOON)
    batch.refresh_from_db()
    batch = confirm(check_again(run(batch), owner, **CLEARING), owner)
    refused(batch, colleague)


def test_the_yes_is_of_somebody_who_may_whatever_door_he_comes_by(owner: User, boss: User) -> None:
    batch = confirm(risky(owner), owner)
    refused(batch, UserFactory(role=Role.CLERK), ImportApprovalNotAllowed)
    boss.is_active = False
    refused(batch, boss, ImportApprovalNotAllowed)


@pytest.mark.parametrize("hand", ["owner", "confirmer", "deciders"])
def test_the_database_refuses_an_approver_who_had_a_hand(owner: User, colleague: User, hand: str) -> None:
    batch = confirm(risky(owner), owner)
    mine = [owner.pk, colleague.pk] if hand == "deciders" else colleague
    row = ImportBatch.objects.filter(pk=batch.pk)
    row.update(approver=colleague)
    for values in ({hand: mine}, {hand: mine, "approver": colleague}):
        with pytest.raises(IntegrityError), transaction.atomic():
            row.update(**values)
    row.update(approver=None)
    row.update(**{hand: mine})
    with pytest.raises(IntegrityError), transaction.atomic():
        row.update(approver=colleague)


def test_a_file_waits_for_those_who_may_say_yes_and_its_page_names_who_had_a_hand(
    owner: User, colleague: User, boss: User
) -> None:
    batch = confirm(check_again(risky(owner), colleague), colleague)
    clients = {}
    for user in (colleague, boss):
        clients[user.pk] = client = Client()
        client.force_login(user)
        text = client.get(page(batch)).content.decode()
        assert text.count("同事") >= 2 and "上傳人" in text
        assert (page(batch, "approve") in text) is (user == boss)
    assert list(imports_waiting(colleague)) == [] and list(imports_waiting(boss)) == [batch]
    summary = clients[boss.pk].get(page(batch, "approve")).content.decode()
    assert summary.count("同事") >= 2
    assert by_pages(clients[colleague.pk], batch, "approve").status_code == 409
    batch.refresh_from_db()
    assert batch.state == ImportState.WAITING


def test_a_colleagues_choice_of_columns_is_not_remembered_for_the_uploader(
    owner: User, colleague: User
) -> None:
    batch = check(csv_of("0912345678,王", head="手機,稱呼"), actor=Actor.staff(owner), ignore=None)
    verbs.check(
        batch_id=batch.pk, fields=["phone", "name"], policy={}, actor=Actor.staff(colleague), now=NOON
    )
    found = ColumnMemory.objects.filter(head="稱呼").values_list("user", "field")
    assert list(found) == [(colleague.pk, "name")]


# --- Points ------------------------------------------------------------------------------------------------
def marketer_too(user: User) -> User:
    user.groups.add(group_of(Role.MARKETER))
    return User.objects.get(pk=user.pk)


def balance(member: Any) -> int:
    return sum(Account.objects.filter(member=member).values_list("balance", flat=True))


def test_who_confirmed_or_decided_gets_no_points_of_the_file_and_is_named_in_the_books(
    owner: User, boss: User
) -> None:
    ProgramFactory(code="main", is_default=True)
    decider, confirmer = (UserFactory(role=Role.MARKETER) for _one in range(2))
    people = [MemberFactory(phone=f"+8869120000{n:02}") for n in range(3)]
    StaffCardFactory(user=decider, member=people[0])
    StaffCardFactory(user=confirmer, member=people[1])
    batch = look_at(points_file(*(f"09120000{n:02},10" for n in range(3))), owner)
    assert batch.counts["new"] == 3
    batch = confirm(check_again(batch, decider, **POLICY), confirmer)
    assert rows(batch)[2].outcome == "conflict"
    verbs.approve(batch_id=batch.pk, actor=Actor.staff(boss), now=NOON)
    batch.refresh_from_db()
    batch = run(batch)
    assert [balance(one) for one in people] == [0, 0, 10]
    assert rows(batch)[3].done == "refused"
    told = Entry.objects.get(kind="import").explanation
    assert (told["uploaded_by"], told["confirmed_by"]) == (owner.username, confirmer.username)


def test_two_people_do_not_approve_for_each_other_behind_a_third_ones_upload(owner: User, boss: User) -> None:
    ProgramFactory(code="main", is_default=True)
    for n in range(10):
        MemberFactory(phone=f"+8869120000{n:02}")
    boss, other = marketer_too(boss), marketer_too(UserFactory(role=Role.FINANCE))

    def through(confirmer: User, approver: User, points: int) -> None:
        lines = points_file(*(f"09120000{n:02},{points}" for n in range(10)))
        batch = confirm(look_at(lines, owner), confirmer)
        verbs.approve(batch_id=batch.pk, actor=Actor.staff(approver), now=NOON)

    through(other, boss, 1_000)
    with pytest.raises(MutualApproval):
        through(boss, other, 999)


def test_who_approved_points_does_not_take_them_back_nor_who_is_in_the_file(owner: User, boss: User) -> None:
    program = ProgramFactory(code="main", is_default=True)
    account = AccountFactory(program=program, member__phone="+886912000000")
    give(account, 100)
    boss = marketer_too(boss)
    batch = put_in(points_file("0912000000,40"), owner, boss, policy={"operation": "deduct"})
    assert batch.approver == boss
    robbed = UserFactory(role=Role.MARKETER)
    StaffCardFactory(user=robbed, member=account.member)
    for person, error in ((boss, OwnFile), (robbed, OwnCard), (UserFactory(role=Role.CLERK), NotAllowed)):
        with pytest.raises(error):
            verbs.undo(batch_id=batch.pk, actor=Actor.staff(person), now=NOON)
        batch.refresh_from_db()
        assert (batch.state, balance(account.member)) == (ImportState.APPLIED, 60)
    undo(batch)
    assert (batch.state, balance(account.member)) == (ImportState.UNDONE, 100)


def test_who_confirms_a_file_of_receipts_gets_nothing_of_it(owner: User, colleague: User) -> None:
    store = StoreFactory(code="S1")
    ProgramFactory(brand=store.brand)
    mine = MemberFactory(external_id="H0")
    StaffCardFactory(user=colleague, member=mine)
    head = "receipt_no,member_no,store_code,purchased_at,amount"
    content = csv_of("R1,H0,S1,2026-06-01T12:30:00+08:00,70", head=head)
    batch = check(content, kind="purchases", name="receipts.csv", actor=Actor.staff(owner))
    assert batch.counts["new"] == 1
    verbs.confirm(batch_id=batch.pk, actor=Actor.staff(colleague), now=NOON)
    batch.refresh_from_db()
    run(batch)
    assert rows(batch)[2].done == "refused" and balance(mine) == 0


# --- Races ------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_one_who_confirms_and_approves_at_once(together: Together, owner: User, colleague: User) -> None:
    """Whichever comes first, he never says both: too early there is nothing to approve, then it is his."""
    batch = risky(owner)
    results = together([
        partial(verbs.confirm, batch_id=batch.pk, actor=Actor.staff(colleague), now=NOON),
        *[partial(verbs.approve, batch_id=batch.pk, actor=Actor.staff(colleague), now=NOON)] * 3,
    ])  # fmt: skip
    assert all(isinstance(one, (ImportNotThere, ImportOwnApproval)) for one in results[1:])
    batch.refresh_from_db()
    assert (batch.state, batch.confirmer, batch.approver) == (ImportState.WAITING, colleague, None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_two_who_confirm_and_check_at_once(together: Together, owner: User, colleague: User) -> None:
    """Either the colleague's rules are in the file and known, or he came too late."""
    batch = risky(owner)
    results = together([
        partial(verbs.confirm, batch_id=batch.pk, actor=Actor.staff(owner), now=NOON),
        partial(
            verbs.check, batch_id=batch.pk, fields=None, policy=CLEARING, actor=Actor.staff(colleague),
            now=NOON,
        ),
    ])  # fmt: skip
    assert [isinstance(one, ImportNotThere) for one in results].count(True) == 1
    batch.refresh_from_db()
    assert (batch.state == ImportState.WAITING) is (colleague.pk not in batch.deciders)
