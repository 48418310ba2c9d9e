"""The pages: the button on a list, the question, the file - and who is turned away."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backoffice.choices import Role
from backoffice.models import AuditEvent, Export, User
from backoffice.services import job_runner
from members.models import MemberTag, Tag
from tests.conftest import NOON
from tests.exports.desk import made, table
from tests.factories.backoffice import UserFactory
from tests.factories.members import MemberFactory
from tests.imports import desk

pytestmark = pytest.mark.django_db
LISTS = {
    "members": "admin:members_member_changelist",
    "tags": "admin:members_tag_changelist",
    "purchases": "admin:members_purchase_changelist",
    "ledger": "admin:points_entry_changelist",
}


def client_of(user: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


def page(export: Export, name: str = "change") -> str:
    return reverse(f"admin:backoffice_export_{name}", args=[export.pk])


def worked(export: Export) -> Export:
    job_runner.run(job_id=export.job_id or 0, clock=timezone.now, worker="t")
    export.refresh_from_db()
    return export


@pytest.mark.parametrize("kind", LISTS)
def test_the_button_of_a_list_leads_to_its_export(kind: str) -> None:
    marketer, clerk = UserFactory(role=Role.MARKETER), UserFactory(role=Role.CLERK)
    ask = reverse("admin:backoffice_export_ask", args=[kind])
    assert f'href="{ask}' in client_of(marketer).get(reverse(LISTS[kind])).content.decode()
    assert ask not in client_of(clerk).get(reverse(LISTS[kind])).content.decode()
    assert client_of(clerk).get(ask).status_code == 403
    assert client_of(marketer).get(ask).status_code == 200


def test_from_the_list_to_the_file() -> None:
    client = client_of(UserFactory(role=Role.MARKETER))
    frozen = MemberFactory(frozen=True)
    MemberFactory()
    listed = client.get(reverse(LISTS["members"]), {"status__exact": "frozen", "p": 1}).content.decode()
    found = re.search(r'href="(/[^"]*export/ask/members/[^"]*)"', listed)
    assert found
    ask = found[1].replace("&amp;", "&")
    asked = client.get(ask)
    assert "You export 1 rows of: Members" in asked.content.decode() and "Frozen" in asked.content.decode()
    key = asked.context["form"]["key"].value()
    given = {"key": key, "format": "csv", "columns": ["card_no", "phone"]}
    answer = client.post(ask, given)
    again = client.post(ask, given)
    export = Export.objects.get()
    assert answer.url == again.url == page(export)
    waiting = client.get(page(export))
    assert "import-progress" in waiting.content.decode()
    assert client.get(page(export, "progress")).json()["state"] == "working"
    assert client.get(page(export, "download")).status_code == 410
    worked(export)
    assert client.get(page(export, "progress")).json()["state"] == "ready"
    taken = client.get(page(export, "download"))
    assert taken["Content-Disposition"].startswith("attachment;") and "no-store" in taken["Cache-Control"]
    assert frozen.card_no.encode() in b"".join(taken.streaming_content)
    export.refresh_from_db()
    assert export.downloads == 1
    assert client.get(reverse("admin:backoffice_export_changelist")).status_code == 200


def test_others_do_not_find_it_and_an_auditor_only_looks() -> None:
    export = made("members", UserFactory(role=Role.MARKETER), now=timezone.now())
    other, auditor = UserFactory(role=Role.MARKETER), UserFactory(role=Role.AUDITOR)
    for name in ("change", "download", "progress", "stop"):
        assert client_of(other).get(page(export, name)).status_code == 404, name
    assert client_of(auditor).get(page(export)).status_code == 200
    assert client_of(auditor).get(page(export, "download")).status_code == 404
    rows = client_of(auditor).get(reverse("admin:backoffice_export_changelist"))
    assert f"#{export.pk}" in rows.content.decode()
    mine = client_of(other).get(reverse("admin:backoffice_export_changelist"))
    assert f"#{export.pk}" not in mine.content.decode()


def test_a_link_that_is_over_is_gone() -> None:
    user = UserFactory(role=Role.MARKETER)
    export = made("members", user, now=timezone.now() - timedelta(hours=73))
    answer = client_of(user).get(page(export, "download"))
    assert answer.status_code == 410 and "Link is over" in answer.content.decode()


def test_whole_data_asks_who_is_there(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR_REQUIRED = False
    settings.STAFF_REAUTHENTICATE_MINUTES = 15
    user = UserFactory(role=Role.SUPPORT)
    client = client_of(user)
    ask = reverse("admin:backoffice_export_ask", args=["members"])
    assert "_whole=1" in client.get(ask).content.decode()
    assert reverse("admin:prove") in client.get(ask + "?_whole=1").url
    export = made("members", user, whole=True, reason="市府來函", now=timezone.now())
    assert reverse("admin:prove") in client.get(page(export, "download")).url
    settings.STAFF_REAUTHENTICATE_MINUTES = 0
    assert client.get(page(export, "download")).status_code == 200
    form = client.get(ask + "?_whole=1").context["form"]
    given = {"key": form["key"].value(), "format": "csv", "columns": ["phone"], "reason": ""}
    assert client.post(ask + "?_whole=1", given).status_code == 400
    marketer = client_of(UserFactory(role=Role.MARKETER))
    assert "_whole=1" not in marketer.get(ask).content.decode()
    assert marketer.get(ask + "?_whole=1").status_code == 403


def test_a_filter_that_no_list_has_is_refused() -> None:
    client = client_of(UserFactory(role=Role.MARKETER))
    ask = reverse("admin:backoffice_export_ask", args=["members"])
    for query in ("phone__startswith=%2B88691", "tag=99999", "status__exact=x%00"):
        assert client.get(f"{ask}?{query}").status_code == 409, query
    assert client.get(reverse("admin:backoffice_export_ask", args=["nothing"])).status_code == 404


def test_what_big5_lacks_is_listed_and_exported_in_another_way() -> None:
    user = UserFactory(role=Role.MARKETER)
    client = client_of(user)
    MemberFactory(county="凃村")
    export = made("members", user, columns=["county"], format="big5", now=timezone.now())
    shown = client.get(page(export)).content.decode()
    assert "<li>凃村</li>" in shown and "Download" not in shown
    again = page(export, "again")
    key = client.get(again).context["form"]["key"].value()
    answer = client.post(again, {"key": key, "step": "confirm", "way": "csv"})
    made_again = Export.objects.latest("pk")
    assert answer.url == page(made_again)
    assert table(worked(made_again))[1] == ["凃村"]


def test_the_owner_stops_it_by_the_page() -> None:
    user = UserFactory(role=Role.MARKETER)
    client = client_of(user)
    ask = reverse("admin:backoffice_export_ask", args=["tags"])
    key = client.get(ask).context["form"]["key"].value()
    client.post(ask, {"key": key, "format": "xlsx", "columns": ["tags"]})
    export = Export.objects.get()
    key = client.get(page(export, "stop")).context["form"]["key"].value()
    assert client.post(page(export, "stop"), {"key": key, "step": "confirm"}).status_code == 302
    assert "Stopped" in client.get(page(export)).content.decode()


def test_the_rows_of_an_import_with_what_became_of_them() -> None:
    user = UserFactory(role=Role.MARKETER)
    member = MemberFactory(phone="+886912345678", name="舊名")
    tag = Tag.objects.create(name="奶茶控", group="喜好", definition="買過", created_at=NOON)
    MemberTag.objects.create(member=member, tag=tag, origin="staff", at=NOON)
    from backoffice.actors import Actor

    batch = desk.bring(desk.csv_of("0912345678,新名", "0922333444,林大美", "x,壞"), actor=Actor.staff(user))
    export = made("import_rows", user, {"batch": str(batch.pk)})
    head, *rows = table(export)
    cell = {name: n for n, name in enumerate(head)}
    assert [row[cell["outcome"]] for row in rows] == ["Changed", "New", "Error"]
    assert [row[cell["result"]] for row in rows] == ["Brought in", "Brought in", "Not yet"]
    assert rows[1][cell["full name (masked)"]] == "林○美"
    assert rows[1][cell["mobile phone (masked)"]] == "***444"
    assert "mobile phone" in rows[2][cell["Field with the error"]]
    assert made("import_rows", user, {"batch": str(batch.pk), "outcome": "error"}).rows == 1
    shown = client_of(user).get(reverse("admin:backoffice_importbatch_change", args=[batch.pk]))
    assert f"ask/import_rows/?batch={batch.pk}" in shown.content.decode()
    stranger = UserFactory(role=Role.MARKETER, reach="stores", stores=[])
    assert made("import_rows", stranger, {"batch": str(batch.pk)}).rows == 0


def test_the_command(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    frozen = MemberFactory(frozen=True)
    MemberFactory(county="凃村")
    path = tmp_path / "members.csv"
    call_command(
        "run_export", kind="members", output=path, filter=["status__exact=frozen"], column=["card_no"],
        language="en",
    )  # fmt: skip
    assert path.read_text(encoding="utf-8-sig").splitlines() == ["card number", frozen.card_no]
    with pytest.raises(CommandError, match="Big5"):
        call_command("run_export", kind="members", output=path, column=["county"], format="big5")
    clerk = UserFactory(role=Role.CLERK)
    with pytest.raises(CommandError):
        call_command("run_export", kind="members", output=path, user=clerk.username)
    assert AuditEvent.objects.filter(action="export.take", actor_type="job").count() == 1
