"""The pages of the import desk: who may open them, and a file that goes its whole way by them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backoffice.choices import ImportState, Role
from backoffice.models import ImportBatch, Job
from backoffice.services import job_runner
from members.models import Member
from tests.factories.backoffice import StoreFactory, UserFactory
from tests.factories.members import MemberFactory
from tests.imports.desk import csv_of

pytestmark = pytest.mark.django_db
UPLOAD = "admin:backoffice_importbatch_upload"
EN = {"Accept-Language": "en"}


def client_of(role: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(role=role))
    return client


def page(batch: ImportBatch, name: str = "change") -> str:
    return reverse(f"admin:backoffice_importbatch_{name}", args=[batch.pk])


def uploaded(client: Client, content: bytes, name: str = "members.csv", kind: str = "members") -> ImportBatch:
    answer = client.post(reverse(UPLOAD), {"kind": kind, "file": SimpleUploadedFile(name, content)})
    assert answer.status_code == 302, answer.content.decode()[:3000]
    return work(ImportBatch.objects.latest("pk"))


def work(batch: ImportBatch) -> ImportBatch:
    batch.refresh_from_db()
    job_runner.run(job_id=batch.job_id or 0, clock=timezone.now, worker="t")
    batch.refresh_from_db()
    return batch


def checked(client: Client, batch: ImportBatch, **more: Any) -> ImportBatch:
    asked = {f"column_{n}": field for n, field in enumerate(batch.layout["fields"])} | more
    answer = client.post(page(batch, "check"), asked)
    assert answer.status_code == 302, answer.content.decode()[:3000]
    return work(batch)


def confirm(client: Client, batch: ImportBatch, verb: str = "confirm", **more: Any) -> Any:
    key = client.get(page(batch, verb)).context["form"]["key"].value()
    shown = client.post(page(batch, verb), {"key": key, "step": "preview", **more})
    previewed = shown.context["form"]["previewed"].value() or ""
    return client.post(page(batch, verb), {"key": key, "step": "confirm", "previewed": previewed, **more})


@pytest.mark.parametrize("lines", [("x,壞", "y,壞"), ("0912345678,王",)])
def test_a_file_that_would_change_nothing_says_so_and_is_not_offered(lines: tuple[str, ...]) -> None:
    """Neither one of wrong rows nor one that is in already; with a good row the button is there."""
    client, nothing = client_of(Role.MARKETER), "No row of this file would change anything."
    MemberFactory(phone="+886912345678", name="王")
    batch = checked(client, uploaded(client, csv_of(*lines)))
    shown = client.get(page(batch), headers=EN).content.decode()
    assert nothing in shown and page(batch, "confirm") not in shown
    assert confirm(client, batch).status_code == 409
    batch = checked(client, uploaded(client, csv_of(*lines, "0922333444,林")))
    shown = client.get(page(batch), headers=EN).content.decode()
    assert nothing not in shown and page(batch, "confirm") in shown


def test_a_file_goes_from_upload_to_undo_by_the_pages() -> None:
    client = client_of(Role.MARKETER)
    MemberFactory(phone="+886912345678", name="舊名")
    batch = uploaded(client, csv_of("0912345678,新名", "922333444,林美", "x,壞", encoding="cp950"))
    understood = client.get(page(batch)).content.decode()
    assert "新名" in understood and "cp950" in understood
    checked(client, batch)
    preview = client.get(page(batch)).content.decode()
    assert "林美" in preview and "0922-333-444" in preview and "<mark>" in preview
    # What the file does not say stays masked for whoever may not see members whole.
    assert "舊名" not in preview
    assert client.get(page(batch) + "?show=error").content.decode().count("<tr>") >= 2
    assert confirm(client, batch).status_code == 302
    assert client.get(page(batch, "progress")).json()["state"] == ImportState.APPLYING
    work(batch)
    assert set(Member.objects.values_list("name", flat=True)) == {"新名", "林美"}
    errors = client.get(page(batch, "errors"))
    assert "x,壞" in b"".join(errors.streaming_content).decode("cp950")
    assert confirm(client, batch, "undo", reason="錯的名單").status_code == 302
    work(batch)
    assert set(Member.objects.values_list("name", flat=True)) == {"舊名"}


@pytest.mark.parametrize("role", [Role.CLERK, Role.MANAGER, Role.SUPPORT, Role.FINANCE, Role.AUDITOR])
def test_other_roles_bring_nothing_in(role: Role) -> None:
    owner = client_of(Role.MARKETER)
    batch = checked(owner, uploaded(owner, csv_of("0912345678,王")))
    client = client_of(role)
    assert client.get(reverse(UPLOAD)).status_code == 403
    assert client.post(reverse(UPLOAD), {"kind": "members"}).status_code == 403
    for name in ("confirm", "undo", "stop", "pause", "check", "errors"):
        assert client.post(page(batch, name)).status_code == 403, name
    batch.refresh_from_db()
    assert batch.state == ImportState.CHECKED and not Member.objects.exists()


def test_a_second_person_approves_and_the_uploader_cannot() -> None:
    owner = client_of(Role.ADMINISTRATOR)
    MemberFactory(phone="+886912345678", name="王")
    batch = checked(owner, uploaded(owner, csv_of("0912345678,")), policy_empty="clear")
    assert confirm(owner, batch).status_code == 302
    batch.refresh_from_db()
    assert batch.state == ImportState.WAITING
    assert confirm(owner, batch, "approve").status_code == 409
    assert page(batch, "approve") not in owner.get(page(batch)).content.decode()
    assert confirm(client_of(Role.FINANCE), batch, "approve").status_code == 302
    assert work(batch).state == ImportState.APPLIED


def test_a_refused_file_says_why_on_the_form_or_on_its_page() -> None:
    client = client_of(Role.MARKETER)
    answer = client.post(
        reverse(UPLOAD), {"kind": "members", "file": SimpleUploadedFile("a.csv", b"PK\x03\x04zip")}
    )
    assert answer.status_code == 400 and not ImportBatch.objects.exists()
    batch = uploaded(client, csv_of())
    assert batch.state == ImportState.FAILED
    assert "0" in client.get(page(batch)).content.decode()


def test_no_more_than_a_hundred_rows_are_shown() -> None:
    client = client_of(Role.MARKETER)
    batch = uploaded(client, csv_of(*(f"09123{n:05},王{n}" for n in range(250))))
    checked(client, batch)
    body = client.get(page(batch)).content.decode()
    assert body.count("sk-outcome-new") == 101 - 1
    assert "after=101" in body


def test_templates_have_text_phones_and_drop_downs() -> None:
    import io
    import zipfile

    client = client_of(Role.MARKETER)
    answer = client.get(reverse("admin:backoffice_importbatch_template", args=["members", "xlsx"]))
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "dataValidation" in sheet
    csv_file = client.get(reverse("admin:backoffice_importbatch_template", args=["tags", "csv"]))
    assert b"".join(csv_file.streaming_content).startswith(b"\xef\xbb\xbf")


def test_an_own_template_is_understood_again() -> None:
    client = client_of(Role.MARKETER)
    answer = client.get(reverse("admin:backoffice_importbatch_template", args=["members", "xlsx"]))
    batch = uploaded(client, b"".join(answer.streaming_content), "template.xlsx")
    assert batch.state == ImportState.UNDERSTOOD
    assert "" not in batch.layout["fields"]


def test_how_a_person_named_a_column_is_remembered() -> None:
    client = client_of(Role.MARKETER)
    content = csv_of("0912345678,王", head="聯絡方式甲,手機").replace("手機".encode(), "暱稱".encode())
    batch = uploaded(client, content.replace("聯絡方式甲".encode(), "姓名".encode()))
    assert batch.layout["fields"] == ["name", ""]
    checked(client, batch, column_0="phone", column_1="name")
    other = uploaded(
        client, content.replace("聯絡方式甲".encode(), "姓名".encode()).replace(b"0912", b"0913")
    )
    assert other.layout["fields"] == ["phone", "name"]


# --- When something went wrong --------------------------------------------------------------------------
def cancelled(batch: ImportBatch) -> ImportBatch:
    """As the list of jobs does it."""
    from backoffice.actors import Actor
    from backoffice.services import jobs

    batch.refresh_from_db()
    jobs.cancel(job_id=batch.job_id or 0, actor=Actor.job("tests"), reason="", now=timezone.now())
    return ImportBatch.objects.get(pk=batch.pk)


@pytest.mark.parametrize("end", ["cancelled", "failed"])
@pytest.mark.parametrize("state", [ImportState.UPLOADED, ImportState.CHECKING])
def test_a_file_whose_work_was_cancelled_or_given_up_can_be_put_away(state: str, end: str) -> None:
    client = client_of(Role.MARKETER)
    client.post(
        reverse(UPLOAD), {"kind": "members", "file": SimpleUploadedFile("a.csv", csv_of("0912345678,王"))}
    )
    batch = ImportBatch.objects.get()
    if state == ImportState.CHECKING:
        work(batch)
        client.post(page(batch, "check"), {"column_0": "phone", "column_1": "name"})
    batch = cancelled(batch)
    if end == "failed":
        Job.objects.update(state="failed")
    assert batch.state == state
    body = client.get(page(batch)).content.decode()
    assert page(batch, "drop") in body and "import-progress" not in body
    assert confirm(client, batch, "drop", reason="").status_code == 302
    batch.refresh_from_db()
    assert batch.state == ImportState.DROPPED


def test_an_undo_that_was_cancelled_is_taken_up_again() -> None:
    client = client_of(Role.MARKETER)
    batch = checked(client, uploaded(client, csv_of("0912345678,王")))
    confirm(client, batch)
    confirm(client, work(batch), "undo", reason="")
    batch = cancelled(batch)
    assert (
        batch.state == ImportState.UNDOING and page(batch, "undo") in client.get(page(batch)).content.decode()
    )
    assert confirm(client, batch, "undo", reason="").status_code == 302
    assert confirm(client, batch, "undo", reason="").status_code == 409
    assert work(batch).state == ImportState.UNDONE and not Member.objects.exists()


def test_a_file_without_a_head_shows_its_lines_and_asks_where_the_names_stand() -> None:
    client = client_of(Role.MARKETER)
    batch = uploaded(client, csv_of("王,0912345678", head="甲欄,乙欄"))
    assert (batch.state, batch.problem["fault"]) == (ImportState.FAILED, "no_head")
    assert "甲欄" in client.get(page(batch)).content.decode()
    client.post(page(batch, "reading"), {"head": "1"})
    batch = work(batch)
    assert (batch.state, batch.layout["heads"]) == (ImportState.UNDERSTOOD, ["甲欄", "乙欄"])
    checked(client, batch, column_0="name", column_1="phone")
    confirm(client, batch)
    work(batch)
    assert Member.objects.get().name == "王"


def test_a_wrong_guess_of_the_encoding_is_put_right_with_the_switch() -> None:
    client = client_of(Role.MARKETER)
    batch = uploaded(client, csv_of("0912345678,王小明", encoding="utf-8"))
    client.post(page(batch, "reading"), {"encoding": "cp950", "delimiter": ","})
    assert work(batch).state == ImportState.FAILED
    client.post(page(batch, "reading"), {"encoding": "utf-8-sig"})
    assert work(batch).layout["sample"] == [["0912345678", "王小明"]]


# --- What a person sees before he says yes --------------------------------------------------------------
def test_before_the_yes_stand_ignored_columns_the_same_file_and_how_long_it_takes() -> None:
    client = client_of(Role.MARKETER)
    content = csv_of("0912345678,王,x", head="手機,姓名,備用欄")
    first = checked(client, uploaded(client, content))
    confirm(client, first)
    work(first)
    Job.objects.filter(kind="imports.apply").update(busy_ms=500)
    Member.objects.update(name="改")
    again = checked(client, uploaded(client, content, name="renamed.csv"))
    assert page(first) in client.get(page(again)).content.decode()
    shown = client.get(page(again, "confirm")).content.decode()
    assert "備用欄" in shown and f"#{first.pk}" in shown and "1 分鐘" in shown
    assert confirm(client, again).status_code == 409
    assert confirm(client, again, again="on").status_code == 302


def test_the_overview_says_what_waits_for_whom() -> None:
    owner, other = client_of(Role.MARKETER), client_of(Role.FINANCE)
    MemberFactory(phone="+886912345678", name="王")
    batch = checked(owner, uploaded(owner, csv_of("0912345678,")), policy_empty="clear")
    waits = reverse("admin:backoffice_importbatch_changelist") + "?waits=1"
    assert waits in owner.get(reverse("admin:index")).content.decode()
    assert page(batch) in owner.get(waits).content.decode()
    assert page(batch) not in other.get(waits).content.decode()
    confirm(owner, batch)
    assert page(batch) not in owner.get(waits).content.decode()
    assert page(batch) in other.get(waits).content.decode()


def test_who_works_for_single_stores_is_told_who_brings_files_in() -> None:
    client = Client()
    client.force_login(UserFactory(role=Role.MARKETER, reach="stores", stores=[StoreFactory()]))
    body = client.get(reverse(UPLOAD)).content.decode()
    assert "整個品牌或集團" in body and 'name="file"' not in body
    answer = client.post(
        reverse(UPLOAD), {"kind": "members", "file": SimpleUploadedFile("a.csv", csv_of("0912345678,王"))}
    )
    assert answer.status_code == 400 and not ImportBatch.objects.exists()
