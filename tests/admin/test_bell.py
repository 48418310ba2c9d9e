"""The bell on every page, the list behind it, and what reading is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.choices import NoticeKind, NoticeSubject, Reach, Role
from backoffice.models import Alarm, Export, ImportBatch, Notice, User
from backoffice.selectors import unread_notices
from backoffice.services import notices
from tests.admin.pages import all_pages
from tests.factories.backoffice import BrandFactory, JobFactory, UserFactory
from tests.imports.desk import bring, csv_of

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

EN = {"Accept-Language": "en"}
LIST, READ, UNREAD = "admin:notices", "admin:notices_read", "admin:notices_unread"
BELL = 'id="sk-bell"'


def put(
    user: User,
    subject: tuple[NoticeSubject, int],
    kind: NoticeKind = NoticeKind.IMPORT_APPLIED,
    key: str = "k",
    **facts: Any,
) -> None:
    with transaction.atomic():
        notices.put(users=[user.pk], kind=kind, key=key, subject=subject, facts=facts, now=timezone.now())


def about_import(user: User, key: str = "k") -> ImportBatch:
    batch = ImportBatch.objects.get()
    put(user, (NoticeSubject.IMPORT, batch.pk), key=key, brought=1234, wrong=5)
    return batch


def unread(user: User) -> int:
    return unread_notices(user).count()


def html(client: Client, url: str, language: str = "en") -> str:
    page = client.get(url, headers={"Accept-Language": language})
    assert page.status_code == 200, (url, page.status_code)
    return str(page.content.decode())


def test_the_bell_is_on_every_page_with_what_is_unread(shop: Shop) -> None:
    Notice.objects.all().delete()
    client = shop.client("administrator")
    for name, address in all_pages(shop):
        page = client.get(address)
        if page.status_code == 200 and page["Content-Type"].startswith("text/html"):
            assert page.content.decode().count(BELL) == 1, name
    about_import(shop.staff["administrator"])
    page = html(client, reverse("admin:index"))
    assert '<span class="sk-bell-count" aria-hidden="true">1</span>' in page
    assert "Notices: 1 not looked at" in page
    assert "通知：1 則未讀" in html(client, reverse("admin:index"), "zh-hant")
    assert BELL not in Client().get(reverse("admin:login")).content.decode()


def test_many_are_shown_as_many(shop: Shop) -> None:
    batch = ImportBatch.objects.get()
    user = shop.staff["clerk"]
    for number in range(101):
        put(user, (NoticeSubject.IMPORT, batch.pk), key=f"k{number}")
    assert ">99+</span>" in html(shop.client("clerk"), reverse("admin:index"))


def test_the_bell_costs_one_query_by_the_index_of_what_is_unread(shop: Shop) -> None:
    client = shop.client("clerk")
    page = reverse("admin:security")
    client.get(page)
    with CaptureQueriesContext(connection) as queries:
        client.get(page)
    asked = [one["sql"] for one in queries if "backoffice_notice" in one["sql"]]
    assert len(asked) == 1
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + asked[0])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "notice_unread" in plan, plan


def test_opening_the_batch_reads_what_is_about_it(shop: Shop) -> None:
    user, client = shop.root, shop.client("root")
    Notice.objects.all().delete()
    batch = about_import(user)
    put(user, (NoticeSubject.EXPORT, Export.objects.get().pk), NoticeKind.EXPORT_READY, "e")
    assert unread(user) == 2
    address = reverse("admin:backoffice_importbatch_change", args=[batch.pk])
    client.head(address)
    assert unread(user) == 2
    assert "Notices: 1 not looked at" in html(client, address)
    html(client, reverse("admin:backoffice_export_change", args=[Export.objects.get().pk]))
    assert unread(user) == 0


def test_alarms_and_jobs_are_read_on_their_pages(shop: Shop) -> None:
    user, client = shop.root, shop.client("root")
    alarm = Alarm.objects.get()
    assert list(Notice.objects.filter(user=user).values_list("subject_type", "subject_id")) == [
        ("alarm", alarm.pk)
    ]
    html(client, reverse("admin:backoffice_alarm_change", args=[alarm.pk]))
    assert unread(user) == 0
    job = JobFactory(owner=user)
    put(user, (NoticeSubject.JOB, job.pk), NoticeKind.JOB_FAILED, "j", work="imports.apply")
    html(client, reverse("admin:backoffice_job_change", args=[job.pk]))
    assert unread(user) == 0


# --- The list -----------------------------------------------------------------------------------------------
def test_the_list_tells_newest_first_with_links_in_both_languages(shop: Shop) -> None:
    user, client = shop.root, shop.client("root")
    batch, export, job = ImportBatch.objects.get(), Export.objects.get(), JobFactory(owner=shop.root)
    about_import(user)
    put(user, (NoticeSubject.EXPORT, export.pk), NoticeKind.EXPORT_READY, "e")
    put(user, (NoticeSubject.EXPORT, export.pk), NoticeKind.EXPORT_UNFIT, "u")
    put(user, (NoticeSubject.JOB, job.pk), NoticeKind.JOB_FAILED, "j", work="imports.apply")
    page = client.get(reverse(LIST), headers=EN)
    shown = [one.text for one in page.context["notices"]]
    assert shown == [
        f"Given up: Import: bringing the rows in (#{job.pk}). Somebody has to look at it.",
        f"Your export #{export.pk} has no file: Big5 lacks characters (Members).",
        f"Your export #{export.pk} is ready: Members, 1 rows.",
        f"Your import #{batch.pk} is done: 1,234 in, 5 wrong (名單).",
        "Alarm: Far more points issued than redeemed (main).",
    ]
    text = page.content.decode()
    for name, subject in (("importbatch", batch), ("export", export), ("job", job)):
        assert reverse(f"admin:backoffice_{name}_change", args=[subject.pk]) in text
    assert text.count("sk-unread") == 5
    chinese = html(client, reverse(LIST), "zh-hant")
    assert f"您的匯入 #{batch.pk} 已完成：匯入 1,234 筆，5 筆有誤（名單）。" in chinese
    assert unread(user) == 5


def test_every_kind_has_a_sentence_of_its_own(shop: Shop) -> None:
    from backoffice.admin.notices import sentence

    batch, until = ImportBatch.objects.get(), timezone.now().isoformat()
    facts = {"brought": 1, "wrong": 2, "good": 3, "back": 4, "stayed": 5, "until": until}
    kinds = [kind for kind in NoticeKind if kind.value.startswith("import.")]
    said = {sentence(Notice(kind=kind.value, facts=facts), batch) for kind in kinds}
    assert len(said) == len(kinds) and not [one for one in said if "Brought in" in one]


def test_a_page_holds_fifty(shop: Shop) -> None:
    user, client = shop.staff["clerk"], shop.client("clerk")
    batch = ImportBatch.objects.get()
    for number in range(60):
        put(user, (NoticeSubject.IMPORT, batch.pk), key=f"k{number}")
    first = client.get(reverse(LIST), headers=EN)
    assert len(first.context["notices"]) == 50
    older = client.get(reverse(LIST) + f"?before={first.context['older']}", headers=EN)
    assert len(older.context["notices"]) == 10 and older.context["older"] is None
    seen = {one.notice.pk for page in (first, older) for one in page.context["notices"]}
    assert len(seen) == 60
    for nonsense in ("x", "-1", "9" * 30, "²"):
        assert client.get(reverse(LIST), {"before": nonsense}).status_code == 200


def test_the_list_costs_the_same_with_many_rows(shop: Shop) -> None:
    user, client = shop.root, shop.client("root")

    def cost() -> int:
        client.get(reverse(LIST))
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse(LIST))
        return len(queries)

    about_import(user)
    few = cost()
    for number in range(30):
        about_import(user, f"k{number}")
    assert cost() == few


def test_nobody_reads_or_marks_the_notices_of_others(shop: Shop) -> None:
    Notice.objects.all().delete()
    about_import(shop.root)
    client = shop.client("marketer")
    assert not client.get(reverse(LIST)).context["notices"]
    client.post(reverse(READ), {"upto": Notice.objects.get().pk})
    html(client, reverse("admin:backoffice_importbatch_change", args=[ImportBatch.objects.get().pk]))
    assert unread(shop.root) == 1


def test_what_somebody_may_not_see_any_more_has_neither_name_nor_link(shop: Shop) -> None:
    gone = UserFactory(role=Role.MARKETER, reach=Reach.BRAND, brand=BrandFactory())
    batch = about_import(gone)
    client = Client()
    client.force_login(gone)
    page = client.get(reverse(LIST), headers=EN)
    assert [(one.text, one.href) for one in page.context["notices"]] == [
        (f"Import brought in #{batch.pk}", "")
    ]
    assert batch.file_name not in page.content.decode()


def test_all_are_marked_at_once_up_to_the_newest_that_was_shown(shop: Shop) -> None:
    user, client = shop.staff["clerk"], shop.client("clerk")
    about_import(user)
    newest = client.get(reverse(LIST), headers=EN).context["newest"]
    about_import(user, "later")
    assert client.get(reverse(READ)).status_code == 405 and unread(user) == 2
    answer = client.post(reverse(READ), {"upto": newest}, headers=EN, follow=True)
    assert "1 notice is marked as read." in answer.content.decode()
    assert answer.context["notices"][0].notice.key == "later" and unread(user) == 1
    for nonsense in ("", "x", "9" * 30, "²"):
        assert client.post(reverse(READ), {"upto": nonsense}).status_code == 302
    assert unread(user) == 1


def test_marking_needs_the_forms_token(shop: Shop) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(shop.staff["clerk"])
    about_import(shop.staff["clerk"])
    assert client.post(reverse(READ), {"upto": Notice.objects.latest("pk").pk}).status_code == 403
    assert unread(shop.staff["clerk"]) == 1


# --- Asked from an open page --------------------------------------------------------------------------------
def test_an_open_page_asks_for_the_number(shop: Shop) -> None:
    client = shop.client("clerk")
    assert client.get(reverse(UNREAD), headers=EN).json() == {"shown": "", "said": "Notices"}
    about_import(shop.staff["clerk"])
    answer = client.get(reverse(UNREAD), headers=EN)
    assert answer.json() == {"shown": "1", "said": "Notices: 1 not looked at"}
    assert "no-store" in answer["Cache-Control"] and client.post(reverse(UNREAD)).status_code == 405
    assert Client().get(reverse(UNREAD)).status_code == 302


def test_asking_keeps_no_session_alive(shop: Shop, time_machine: Any) -> None:
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    client = shop.client("clerk")
    html(client, reverse("admin:index"))
    for minutes in range(5, settings.STAFF_IDLE_MINUTES + 1, 5):
        time_machine.move_to(start + timedelta(minutes=minutes), tick=False)
        assert client.get(reverse(UNREAD)).status_code == 200
    time_machine.move_to(start + timedelta(minutes=settings.STAFF_IDLE_MINUTES, seconds=1), tick=False)
    assert client.get(reverse(UNREAD)).status_code == 302
    assert client.get(reverse("admin:index")).status_code == 302


def test_who_has_to_show_a_second_factor_first_gets_no_number(shop: Shop, settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    assert shop.client("finance").get(reverse(UNREAD)).status_code == 302


def test_a_file_is_told_from_the_desk_to_the_bell(shop: Shop) -> None:
    user, client = shop.staff["marketer"], shop.client("marketer")
    batch = bring(csv_of("0933444555,陳"), actor=Actor.staff(user), now=timezone.now())
    assert client.get(reverse(UNREAD)).json()["shown"] == "2"
    html(client, reverse("admin:backoffice_importbatch_change", args=[batch.pk]))
    assert client.get(reverse(UNREAD)).json()["shown"] == ""
    page = html(client, reverse(LIST))
    assert "陳" not in page and "0933" not in page
