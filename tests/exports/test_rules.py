"""Who may take which rows, which columns are masked, and what a file holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from backoffice.actors import Actor
from backoffice.choices import ExportState, Reach, Role
from backoffice.errors import (
    ExportColumnsWrong,
    ExportFilterUnknown,
    ExportNotReady,
    ExportWholeNeedsReason,
    KeyTaken,
    NotYours,
    OutOfReach,
    Refusal,
)
from backoffice.models import Alarm, AuditEvent, Export, OutboxMessage, User
from backoffice.services.exports import kinds, retention, storage, verbs
from members.models import Member, MemberTag, Tag
from tests.conftest import NOON
from tests.exports.desk import asked, content, dicts, made, sheets, table, work, xml_of
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.members import ConsentFactory, MemberFactory, PurchaseFactory
from tests.factories.points import AccountFactory, give

pytestmark = pytest.mark.django_db


@pytest.fixture
def marketer(db: Any) -> User:
    return UserFactory(role=Role.MARKETER)


@pytest.fixture
def support(db: Any) -> User:
    return UserFactory(role=Role.SUPPORT)


# --- Columns ------------------------------------------------------------------------------------------------
def test_personal_columns_are_masked_and_say_so(marketer: User) -> None:
    MemberFactory(phone="+886912345678", name="王小明", email="wang@example.com", address="市府路 45 號")
    (row,) = dicts(made("members", marketer))
    assert row["mobile phone (masked)"] == "***678"
    assert row["full name (masked)"] == "王○明"
    assert row["e-mail (masked)"] == "w***@example.com"
    assert row["address (masked)"] == "***"
    assert "mobile phone" not in row
    assert "0912" not in content(Export.objects.get()).decode("utf-8-sig")


def test_whole_data_needs_the_right_a_reason_and_raises_an_alarm(
    marketer: User, support: User, settings: Any
) -> None:
    settings.STAFF_SECOND_FACTOR_REQUIRED = False
    MemberFactory(phone="+886912345678", name="王小明")
    with pytest.raises(NotYours):
        asked("members", marketer, whole=True, reason="名單")
    with pytest.raises(ExportWholeNeedsReason):
        asked("members", support, whole=True, reason=" ")
    export = made("members", support, whole=True, reason="市府來函")
    assert dicts(export)[0]["mobile phone"] == "0912-345-678"
    alarm = Alarm.objects.get()
    assert (alarm.kind, alarm.about_id) == ("backoffice.whole_export", support.pk)


def test_whole_data_needs_a_second_factor_where_it_is_asked_for(support: User, settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    with pytest.raises(NotYours):
        asked("members", support, whole=True, reason="市府來函")


def test_only_known_columns_in_the_order_of_the_kind(marketer: User) -> None:
    MemberFactory(card_no="9000000000000001")
    with pytest.raises(ExportColumnsWrong):
        asked("members", marketer, columns=["card_no", "password"])
    head, row = table(made("members", marketer, columns=["status", "card_no"]))
    assert (head, row) == (["card number", "status"], ["9000000000000001", "Active"])


def test_a_fact_of_an_upper_floor_is_a_column_for_whoever_may_see_it(marketer: User) -> None:
    account = AccountFactory(program__is_default=True)
    give(account, 250)
    export = made("members", marketer, columns=["card_no", "fact_points_balance"])
    assert table(export)[1][1] == "250"


def test_answers_and_tags_of_a_member_stand_in_his_row(marketer: User) -> None:
    member = MemberFactory(gender="female")
    ConsentFactory(
        member=member, purpose="marketing_sms", given=True, source="paper", at=NOON - timedelta(days=9)
    )
    ConsentFactory(
        member=member, purpose="marketing_sms", given=False, source="app", at=NOON - timedelta(days=2)
    )
    tag = Tag.objects.create(name="奶茶控", group="喜好", definition="買過", created_at=NOON)
    MemberTag.objects.create(member=member, tag=tag, origin="staff", at=NOON)
    (row,) = dicts(made("members", marketer))
    assert (row["marketing by SMS"], row["marketing by e-mail"]) == ("N", "")
    assert (row["source of the consent"], row["date of the consent"]) == ("App", "2026-06-13")
    assert (row["tags"], row["gender"]) == ("奶茶控", "Female")


# --- Formulas, encodings, sheets ----------------------------------------------------------------------------
NASTY = ["=1+1", "==2", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"]


@pytest.mark.parametrize("name", NASTY)
def test_formulas_are_inert_in_csv(name: str, marketer: User) -> None:
    MemberFactory(county=name)
    cell = table(made("members", marketer, columns=["county"]))[1][0]
    assert cell == f"'{name}"


def test_formulas_are_inert_in_a_workbook(marketer: User) -> None:
    for name in NASTY:
        MemberFactory(county=name)
    export = made("members", marketer, columns=["county"], format="xlsx")
    xml = xml_of(export)
    assert "<f>" not in xml and xml.count('s="2" t="inlineStr"') == len(NASTY)
    (rows,) = sheets(export).values()
    assert [row[0].strip() for row in rows[1:]] == [name.strip() for name in NASTY]


def test_big5_refuses_what_it_lacks_unless_somebody_ticks(marketer: User) -> None:
    MemberFactory(name="王小明", county="臺北市")
    MemberFactory(county="凃村")
    export = made("members", marketer, columns=["county"], format="big5")
    assert export.state_at(NOON) == ExportState.UNFIT
    assert (export.lost, export.lost_texts, export.file) == (1, ["凃村"], "")
    actor = Actor.staff(marketer)
    with pytest.raises(ExportNotReady):
        verbs.take(export_id=export.pk, actor=actor, now=NOON)
    again = verbs.ask_again(
        export_id=export.pk, format="big5", lossy=True, actor=actor, key="again", now=NOON
    )
    assert [row[0] for row in table(work(again))[1:]] == ["臺北市", "?村"]
    utf8 = verbs.ask_again(export_id=export.pk, format="csv", lossy=False, actor=actor, key="utf8", now=NOON)
    assert content(work(utf8)).startswith(b"\xef\xbb\xbf")
    assert table(utf8)[2][0] == "凃村"


def test_a_workbook_goes_on_in_the_next_sheet(marketer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backoffice.services.exports.writing.SHEET_ROWS", 4)
    monkeypatch.setattr("backoffice.services.exports.writing.CHUNK", 3)
    cards = [MemberFactory().card_no for _n in range(9)]
    book = sheets(made("members", marketer, columns=["card_no"], format="xlsx"))
    assert list(book) == ["Members 1", "Members 2", "Members 3"]
    assert [rows[0] for rows in book.values()] == [["card number"]] * 3
    assert [row[0] for rows in book.values() for row in rows[1:]] == cards


@pytest.mark.parametrize("form", ["csv", "big5", "xlsx"])
def test_a_list_of_nobody_is_its_head(form: str, marketer: User) -> None:
    export = made("members", marketer, columns=["card_no"], format=form)
    rows = next(iter(sheets(export).values())) if form == "xlsx" else table(export)
    assert (rows, export.rows) == ([["card number"]], 0)


# --- Filters ------------------------------------------------------------------------------------------------
def test_the_filter_is_asked_again_and_an_unknown_one_is_refused(marketer: User) -> None:
    export = asked("members", marketer, {"status__exact": "frozen", "p": "3", "o": "1"}, columns=["card_no"])
    assert export.query == {"status__exact": "frozen"}
    frozen = MemberFactory(frozen=True)
    MemberFactory()
    assert [row[0] for row in table(work(export))[1:]] == [frozen.card_no]
    with pytest.raises(ExportFilterUnknown):
        asked("members", marketer, {"phone__startswith": "+88691"})
    with pytest.raises(Refusal):
        asked("members", marketer, {"tag": "12345"})


def test_what_somebody_typed_is_in_no_trail_and_goes_with_the_file(marketer: User) -> None:
    member = MemberFactory(name="王小明")
    MemberFactory(name="林大華")
    export = made("members", marketer, {"q": "王小明"}, columns=["card_no"])
    assert [row[0] for row in table(export)[1:]] == [member.card_no]
    assert "王小明" not in str(list(AuditEvent.objects.values_list("changes", "reason")))
    retention.forget_old(now=NOON + timedelta(days=settings.EXPORT_KEPT_DAYS + 1))
    export.refresh_from_db()
    assert export.query == {"q": "***"}


def test_who_carries_which_tag(marketer: User) -> None:
    member = MemberFactory(external_id="H1")
    for name, group in (("奶茶控", "喜好"), ("VIP", "等級")):
        tag = Tag.objects.create(name=name, group=group, definition="定義", created_at=NOON)
        MemberTag.objects.create(member=member, tag=tag, origin="staff", origin_id=5, at=NOON)
    late = Tag.objects.create(name="晚到", group="喜好", definition="定義", created_at=NOON)
    MemberTag.objects.create(member=member, tag=late, origin="staff", at=NOON + timedelta(hours=1))
    export = made("tags", marketer, columns=["external_id", "tags", "group", "origin"])
    assert table(export)[1:] == [["H1", "奶茶控", "喜好", "Staff"], ["H1", "VIP", "等級", "Staff"]]
    only = made("tags", marketer, {"group": "等級"}, columns=["tags"])
    assert table(only)[1:] == [["VIP"]]


# --- Who ----------------------------------------------------------------------------------------------------
ALLOWED = {
    "members": {Role.SUPPORT, Role.MARKETER},
    "tags": {Role.SUPPORT, Role.MARKETER},
    "ledger": {Role.MARKETER, Role.FINANCE, Role.AUDITOR},
    "purchases": {Role.MARKETER, Role.FINANCE, Role.AUDITOR},
}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("kind", ALLOWED)
def test_who_may_export_what(kind: str, role: Role) -> None:
    user = UserFactory(role=role)
    if role in ALLOWED[kind]:
        assert made(kind, user).rows == 0
    else:
        with pytest.raises(NotYours):
            asked(kind, user)


def test_every_kind_keeps_to_the_reach(marketer: User) -> None:
    ours, theirs = BrandFactory(), BrandFactory()
    for brand in (ours, theirs):
        store = StoreFactory(brand=brand)
        member = MemberFactory(brand=brand)
        PurchaseFactory(member=member, store=store, receipt_no=f"R-{brand.code}")
        give(AccountFactory(member=member), 10)
        tag = Tag.objects.create(name=f"T{brand.code}", group="g", definition="d", created_at=NOON)
        MemberTag.objects.create(member=member, tag=tag, origin="staff", at=NOON)
    bound = UserFactory(role=Role.MARKETER, reach=Reach.BRAND, brand=ours)
    at_store = UserFactory(role=Role.MARKETER, stores=[StoreFactory(brand=ours)])
    for kind in ALLOWED:
        assert made(kind, marketer).rows == 2, kind
        assert made(kind, bound).rows == 1, kind
    assert made("members", at_store).rows == 1
    assert made("purchases", at_store).rows == 0


def test_who_loses_the_right_meanwhile_gets_no_file(marketer: User) -> None:
    export = asked("members", marketer)
    marketer.groups.clear()
    job = work(export).job
    assert job is not None and job.state == "failed" and export.file == ""


# --- The link -----------------------------------------------------------------------------------------------
def test_only_the_owner_takes_it_and_each_time_is_written_down(marketer: User) -> None:
    export = made("members", marketer)
    for user in (UserFactory(role=Role.MARKETER), UserFactory(role=Role.AUDITOR)):
        with pytest.raises(OutOfReach):
            verbs.take(export_id=export.pk, actor=Actor.staff(user), now=NOON)
    verbs.take(export_id=export.pk, actor=Actor.staff(marketer), now=NOON)
    administrator = UserFactory(role=Role.ADMINISTRATOR)
    verbs.take(export_id=export.pk, actor=Actor.staff(administrator), now=NOON)
    export.refresh_from_db()
    takes = AuditEvent.objects.filter(action="export.take")
    assert export.downloads == 2
    assert {event.actor_id for event in takes} == {str(marketer.pk), str(administrator.pk)}


def test_nobody_takes_whole_data_without_the_right_to_it(support: User, settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR_REQUIRED = False
    export = made("members", support, whole=True, reason="市府來函")
    with pytest.raises(OutOfReach):
        verbs.take(export_id=export.pk, actor=Actor.staff(UserFactory(role=Role.ADMINISTRATOR)), now=NOON)
    assert verbs.take(export_id=export.pk, actor=Actor.staff(support), now=NOON).pk == export.pk


def test_the_link_ends_and_then_the_file_goes(marketer: User) -> None:
    export = made("members", marketer)
    actor, later = Actor.staff(marketer), NOON + timedelta(hours=settings.EXPORT_LINK_HOURS)
    assert verbs.take(export_id=export.pk, actor=actor, now=later - timedelta(seconds=1))
    with pytest.raises(ExportNotReady):
        verbs.take(export_id=export.pk, actor=actor, now=later)
    gone = NOON + timedelta(days=settings.EXPORT_KEPT_DAYS)
    assert retention.forget_old(now=gone) == 0
    assert retention.forget_old(now=gone + timedelta(seconds=1)) == 1
    assert retention.forget_old(now=gone + timedelta(seconds=1)) == 0
    export.refresh_from_db()
    assert export.state_at(gone) == ExportState.REMOVED


def test_the_trail_says_what_left_the_house(marketer: User) -> None:
    MemberFactory(frozen=True)
    export = made("members", marketer, {"status__exact": "frozen"}, columns=["card_no", "status"])
    ready = AuditEvent.objects.get(action="export.ready")
    assert ready.changes["rows"] == 1 and ready.changes["checksum"] == export.file_hash
    assert ready.changes["filter"] == {"status__exact": "frozen"}
    assert ready.changes["columns"] == ["card_no", "status"]
    assert AuditEvent.objects.filter(action="export.ask", subject_id=str(export.pk)).count() == 1
    assert OutboxMessage.objects.get(topic="export.ready").payload["owner"] == marketer.pk


def test_the_same_key_is_one_export(marketer: User) -> None:
    first = asked("members", marketer, key="twice")
    assert asked("members", marketer, key="twice").pk == first.pk
    with pytest.raises(KeyTaken):
        asked("members", marketer, {"status__exact": "active"}, key="twice")


def test_every_filter_of_a_list_is_a_criterion_of_its_export() -> None:
    """A filter that the export lacks would refuse; one that it misreads would take more home."""
    from django.contrib import admin

    from members.models import Purchase
    from points.models import Entry

    for model, kind in ((Member, "members"), (Tag, "tags"), (Purchase, "purchases"), (Entry, "ledger")):
        offered = set()
        for item in admin.site._registry[model].list_filter:
            plain = model._meta.get_field(item) if isinstance(item, str) else None
            name = item if isinstance(item, str) else item.parameter_name
            offered.add(f"{name}__exact" if plain is not None and plain.choices else name)
        assert offered <= set(kinds.kind_of(kind).criteria), kind


def test_a_file_lies_alone_in_its_folder(marketer: User) -> None:
    from django.core.files.storage import default_storage

    MemberFactory()
    export = made("members", marketer)
    assert default_storage.listdir(f"{storage.ROOT}/{export.folder}")[1] != []
