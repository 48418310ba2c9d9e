"""S25: everything leaves, and fills an empty house with equal balances, lots and deadlines."""

from __future__ import annotations

import csv
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backoffice.actors import Actor
from backoffice.errors import ArchiveBroken, HouseNotEmpty
from backoffice.models import AuditEvent, Brand, Export, Job, Store
from backoffice.services.exports import archive
from members.models import Consent, Member, MemberTag, RetiredCard, Tag, TagName
from points.choices import DebtPolicy, OverRatio
from points.errors import WaitingLeftBehind
from points.models import Account, Entry, Lot, Program
from points.services import ledger
from points.services.proofs import prove
from tests.conftest import NOON
from tests.factories.backoffice import BrandFactory, StoreFactory
from tests.factories.members import ConsentFactory, MemberFactory
from tests.factories.points import AccountFactory, ProgramFactory, context, fresh, give, take

pytestmark = [pytest.mark.django_db(transaction=True)]
ROBOT = Actor.job("tests")
Books = dict[tuple[str, str], Any]


def balances() -> Books:
    """(card, program) -> (balance, debt, blocked, [(deadline, issuer, points)...])"""
    found = {}
    served = Account.objects.exclude(member__status="erased")
    for account in served.select_related("member", "program"):
        lots = Lot.objects.filter(account=account, remaining__gt=0).order_by("expires_at", "entry_id")
        found[account.member.card_no, account.program.code] = (
            account.balance,
            account.debt,
            account.spend_blocked,
            [(lot.expires_at, lot.brand and lot.brand.code, lot.remaining) for lot in lots],
        )
    return found


def people() -> list[Any]:
    return list(
        Member.objects.order_by("card_no").values_list(
            "card_no", "external_id", "phone", "phone_verified_at", "name", "status", "merged_into__card_no",
            "erased_at", "brand__code", "source", "joined_at", "joined_store__code",
            "referring_store__brand__code", "referring_store_locked", "gender", "birthday", "email", "county",
            "district", "address",
        )
    )  # fmt: skip


def tags() -> list[Any]:
    registry = ("name", "group", "definition", "expires_on", "merged_into__name")
    carried = ("member__card_no", "tag__name", "origin", "at")
    return [
        list(Tag.objects.order_by("name").values_list(*registry)),
        list(TagName.objects.order_by("slug").values_list("slug", "name", "tag__name")),
        list(MemberTag.objects.order_by("member__card_no", "tag__name").values_list(*carried)),
    ]


def rules() -> list[Any]:
    names = (
        "code", "version", "spendable", "spend_needs_verified_phone", "max_issue_ratio", "over_ratio",
        "cash_amount", "expiry_policy",
    )  # fmt: skip
    return list(Program.objects.order_by("code").values_list(*names))


def answers() -> list[Any]:
    rows = Consent.objects.order_by("at", "id")
    return list(rows.values_list("member__card_no", "purpose", "given", "source", "at"))


def owing(account: Account, points: int) -> None:
    given = give(account, points)
    take(account, points)
    ledger.reverse_credit(
        entry_id=given.entry_id or 0, points=points, policy=DebtPolicy.DEBT, source=fresh(), context=context()
    )


@pytest.fixture
def house() -> None:
    """Everything that an archive has to carry, each case at least once."""
    ours, theirs = BrandFactory(code="ours", name="=我們"), BrandFactory(code="theirs")
    # One code in two brands.
    stores = [StoreFactory(brand=brand, code="S1") for brand in (ours, theirs)]
    main = ProgramFactory(
        code="main", is_default=True, spend_needs_verified_phone=True, max_issue_ratio="3.00",
        over_ratio=OverRatio.STOP, version=7,
    )  # fmt: skip
    growth = ProgramFactory(code="growth", brand=ours, spendable=True)
    wang = MemberFactory(
        name="'王=小明", county="+臺北", phone_verified_at=NOON, brand=ours, referring_store=stores[1],
        joined_store=stores[0], birthday=date(1990, 5, 5), external_id="H1", referring_store_locked=True,
    )  # fmt: skip
    account = AccountFactory(member=wang, program=main)
    for days, points in ((30, 100), (30, 50), (365, 7), (3650, 1)):
        give(account, points, expires_at=NOON + timedelta(days=days, hours=5))
    give(account, 20, brand_id=theirs.pk)
    take(account, 120)
    ledger.hold(
        account_id=account.pk, points=10, source=fresh(), context=context(),
        expires_at=NOON + timedelta(hours=1),
    )  # fmt: skip
    owing(AccountFactory(member=wang, program=growth), 30)
    # Somebody who may not spend owes as well, and one who owes has lots again.
    unproven = AccountFactory(member=MemberFactory(phone=""), program=growth)
    owing(unproven, 40)
    frozen = MemberFactory()
    give(AccountFactory(member=frozen, program=main), 500, expires_at=NOON + timedelta(days=9))
    Member.objects.filter(pk=frozen.pk).update(status="frozen")
    Account.objects.filter(member=frozen).update(spend_blocked=True)
    gone = MemberFactory()
    give(AccountFactory(member=gone, program=main), 3)
    Member.objects.filter(pk=gone.pk).update(status="erased", phone="", name="", erased_at=NOON)
    # The phone of a merged member is the survivor's.
    MemberFactory(merged=True, merged_into=wang, phone=wang.phone)
    RetiredCard.objects.create(card_no="9999000011112222", member=wang, retired_at=NOON, reason="遺失")
    ConsentFactory(member=wang, purpose="marketing_sms", given=True, source="paper")
    ConsentFactory(member=wang, purpose="marketing_sms", given=False, source="app", at=NOON)
    tea = Tag.objects.create(name="奶茶控", group="喜好", definition="買過\n兩次", created_at=NOON)
    old = Tag.objects.create(
        name="老客",
        group="喜好",
        definition="-",
        created_at=NOON,
        merged_into=tea,
        expires_on=date(2027, 1, 1),
    )
    for slug, name, tag in (("奶茶控", "奶茶控", tea), ("奶茶", "奶茶", tea), ("老客", "老客", old)):
        TagName.objects.create(slug=slug, name=name, tag=tag)
    MemberTag.objects.create(member=wang, tag=tea, origin="import", origin_id=3, at=NOON)
    Program.objects.filter(pk=growth.pk).update(spendable=False)


def empty_house() -> None:
    call_command("flush", interactive=False, verbosity=0)
    assert not Member.objects.exists() and not Entry.objects.exists() and not Brand.objects.exists()


def test_everything_comes_back_equal(house: None, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    before = (balances(), people(), tags(), rules(), answers())
    counts = archive.export_everything(folder=folder, actor=ROBOT, reason="搬家", now=NOON)
    # What an erased member had stays in the evidence.
    assert counts["lots.csv"] == Lot.objects.filter(remaining__gt=0).count() - 1
    assert counts["ledger.csv"] == Entry.objects.count()
    assert AuditEvent.objects.get(action="export.everything").reason == "搬家"
    empty_house()
    archive.import_everything(folder=folder, actor=ROBOT, now=NOON + timedelta(minutes=3))
    assert (balances(), people(), tags(), rules(), answers()) == before
    stores = Store.objects.order_by("pk").values_list("brand__code", "code")
    assert list(stores) == [("ours", "S1"), ("theirs", "S1")]
    assert RetiredCard.objects.get().card_no == "9999000011112222"
    assert Job.objects.get(kind="exports.restore").result["members.csv"] == len(before[1])
    report = prove(now=NOON + timedelta(hours=1))
    assert [(check.id, check.offenders) for check in report.checks if check.faults] == []


def test_a_house_with_anything_in_it_is_left_alone(house: None, tmp_path: Path) -> None:
    archive.export_everything(folder=tmp_path, actor=ROBOT, reason="r", now=NOON)
    with pytest.raises(HouseNotEmpty):
        archive.import_everything(folder=tmp_path, actor=ROBOT, now=NOON)


@pytest.mark.parametrize("name", ["lots.csv", "members.csv", "manifest.json"])
def test_a_file_that_somebody_touched_brings_nothing_in(name: str, house: None, tmp_path: Path) -> None:
    archive.export_everything(folder=tmp_path, actor=ROBOT, reason="r", now=NOON)
    empty_house()
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-20])
    with pytest.raises(ArchiveBroken):
        archive.import_everything(folder=tmp_path, actor=ROBOT, now=NOON)
    assert not Brand.objects.exists()


def test_a_fall_in_the_middle_leaves_the_house_empty(
    house: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.export_everything(folder=tmp_path, actor=ROBOT, reason="r", now=NOON)
    empty_house()

    def falls(*args: Any, **more: Any) -> Any:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "reverse_credit", falls)
        with pytest.raises(ConnectionError):
            archive.import_everything(folder=tmp_path, actor=ROBOT, now=NOON)
    assert not Member.objects.exists() and not Entry.objects.exists()
    archive.import_everything(folder=tmp_path, actor=ROBOT, now=NOON)
    assert Member.objects.exists()


def test_points_that_wait_are_not_lost_without_a_word(house: None, tmp_path: Path) -> None:
    account = Account.objects.filter(program__code="main", member__status="active").first()
    assert account is not None
    ledger.add_pending(
        account_id=account.pk, kind="earn", points=25, source=fresh(), context=context(),
        confirm_at=NOON + timedelta(days=7),
    )  # fmt: skip
    archive.export_everything(folder=tmp_path, actor=ROBOT, reason="r", now=NOON)
    empty_house()
    with pytest.raises(WaitingLeftBehind):
        archive.import_everything(folder=tmp_path, actor=ROBOT, now=NOON)
    archive.import_everything(folder=tmp_path, actor=ROBOT, now=NOON, leave_waiting=True)


def test_the_commands(house: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "a")
    call_command("export_everything", folder, reason="搬家")
    with pytest.raises(CommandError, match="there already"):
        call_command("export_everything", folder, reason="搬家")
    assert Export.objects.get().kind == "everything"
    with pytest.raises(CommandError, match="empty house"):
        call_command("import_everything", folder)
    empty_house()
    call_command("import_everything", folder)
    assert "members.csv" in capsys.readouterr().out


def test_the_file_of_lots_is_a_points_file(house: None, tmp_path: Path) -> None:
    """Its heads are those of the import kind, the deadline the last day on which the points may be used."""
    from backoffice.services.imports.kinds import kind_of
    from backoffice.services.imports.layouts import guess

    archive.export_everything(folder=tmp_path, actor=ROBOT, reason="r", now=NOON)
    with (tmp_path / "lots.csv").open(encoding="utf-8-sig", newline="") as file:
        head, *rows = list(csv.reader(file))
    fields = guess(head, kind_of("points"), {})
    assert fields[:7] == ["phone", "card_no", "external_id", "points", "expires", "program", "reference"]
    days = {row[4] for row in rows}
    assert "never" in days and (NOON + timedelta(days=30)).date().isoformat() in days


def test_what_a_member_is_made_of() -> None:
    """A new field of the row has to be carried, or to be left behind on purpose."""
    from members.services import archive as members

    behind = {"id", "enrol_key", "created_at", "updated_at"}
    assert {field.name for field in Member._meta.concrete_fields} == set(members.MEMBER_HEADS) | behind


def test_the_manifest_names_every_file(house: None, tmp_path: Path) -> None:
    archive.export_everything(folder=tmp_path, actor=ROBOT, reason="r", now=NOON)
    told = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert set(told["files"]) | {"manifest.json"} == {path.name for path in tmp_path.iterdir()}
    assert datetime.fromisoformat(told["made_at"]) == NOON
