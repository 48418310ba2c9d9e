"""A marketer brings a file in and takes it back, in both languages, with the mouse only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from backoffice.models import ImportBatch
from backoffice.services import job_runner, jobs
from members.models import Member
from tests.browser.test_vertical import fits

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WORDS = {
    "zh-hant": {"upload": "上傳", "check": "檢查資料", "confirm": "匯入這些資料", "yes": "匯入",
                "undo": "復原這次匯入", "sure": "確認撤銷", "errors": "下載未匯入的列",
                "everybody": "為清單中的會員貼標", "show": "預覽會改變什麼"},
    "en": {"upload": "Upload", "check": "Check the rows", "confirm": "Bring these rows in", "yes": "Bring in",
           "undo": "Undo this import", "sure": "Confirm undo", "errors": "Take the rows that stay out",
           "everybody": "Tag everybody in this list", "show": "Show what would change"},
}  # fmt: skip
MISTAKES = [
    "912x,王,女,1990-01-01",
    "0912345671,王小明,女,30/02/1990",
    "0912345672,林,貓,1990-01-01",
    "0912345673,陳,男,2990-01-01",
    "9.12E+08,李,男,",
    "0912345674,張,男,79/05/05",
    "912345675,吳,女,",
    "0912345674,張二,男,",
    "0912345676,,,",
    "短",
    "0912345677,黃,男,1990-1-1,多",
    '0912345678,"=1+1",,',
    "0912345679,許功蓋,女,民國80年1月2日",
    "09,x,,",
    "+886912345680,周,,1990/5/5",
    "０９１２３４５６８１,全形,,",
    "0912-345-682,連字號,,",
    "0912345683,林,女,1990-02-30",
    "0912345684,王,X,",
    "0212345678,市話,,",
]
GOOD_ROWS = 8
BIG5 = ("手機,姓名,性別,生日\r\n" + "\r\n".join(MISTAKES) + "\r\n").encode("cp950")


def signed_in(page: Any, user: Any, language: str, url: str) -> None:
    client = Client()
    client.force_login(user)
    cookies = {
        settings.SESSION_COOKIE_NAME: client.cookies["sessionid"].value,
        settings.LANGUAGE_COOKIE_NAME: language,
    }
    page.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])


def work() -> ImportBatch:
    """The worker's part."""
    job_runner.run_due(clock=timezone.now, worker="t")
    return ImportBatch.objects.latest("pk")


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("language", ["zh-hant", "en"])
def test_a_marketer_brings_a_big5_file_with_mistakes_in_and_takes_it_back(
    shop: Shop,
    open_page: Callable[..., Any],
    shots: Path,
    live_server: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    width: int,
) -> None:
    words = WORDS[language]
    # The test is the worker, so that each step of the way can be looked at.
    monkeypatch.setattr(jobs, "_wakers", [])
    page = open_page(language, width)
    signed_in(page, shop.staff["marketer"], language, live_server.url)
    before = Member.objects.count()
    file = tmp_path / "名單.csv"
    file.write_bytes(BIG5)

    def shot(name: str) -> None:
        fits(page)
        page.screenshot(path=shots / f"import-{name}-{language}-{width}.png", full_page=True)

    page.goto("/backoffice/importbatch/")
    shot("list")
    page.goto("/backoffice/importbatch/upload/")
    page.set_input_files("[name=file]", file)
    shot("upload")
    page.get_by_role("button", name=words["upload"], exact=True).click()
    page.wait_for_selector("#import-progress")
    work()
    page.get_by_role("button", name=words["check"]).wait_for()
    assert page.locator("[name=encoding]").input_value() == "cp950"
    assert page.locator(".sk-sample tbody tr").count() == 5
    shot("understood")
    page.get_by_role("button", name=words["check"]).click()
    page.wait_for_selector("#import-progress")
    work()
    page.wait_for_selector("#rows")
    shot("preview")
    page.get_by_role("link", name=words["confirm"]).click()
    page.wait_for_selector(".sk-preview")
    shot("confirm")
    page.get_by_role("button", name=words["yes"], exact=True).click()
    page.wait_for_selector("#import-progress")
    shot("progress")
    work()
    page.get_by_role("link", name=words["undo"]).wait_for()
    shot("applied")
    # One of the good rows names a member of the shop.
    assert Member.objects.count() == before + GOOD_ROWS - 1
    with page.expect_download() as taken:
        page.get_by_role("link", name=words["errors"]).click()
    bad = Path(taken.value.path()).read_bytes().decode("cp950").splitlines()
    assert len(bad) == 1 + len(MISTAKES) - GOOD_ROWS
    assert "1990-05-05" in next(line for line in bad if line.startswith("0912345674"))
    page.get_by_role("link", name=words["undo"]).click()
    page.get_by_role("button", name=words["sure"]).click()
    page.wait_for_selector("#import-progress")
    work()
    page.wait_for_selector(".sk-chip-done-undone")
    shot("undone")
    assert Member.objects.count() == before


NAMES = ("許功蓋", "陳碁", "林恒", "王裏", "黃小明")


@pytest.mark.parametrize("language", ["zh-hant", "en"])
def test_a_clean_big5_file_needs_four_clicks_and_leaves_nothing_behind(
    shop: Shop,
    open_page: Callable[..., Any],
    live_server: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    language: str,
) -> None:
    words = WORDS[language]
    monkeypatch.setattr(jobs, "_wakers", [])
    page = open_page(language, 1366)
    signed_in(page, shop.staff["marketer"], language, live_server.url)
    before = set(Member.objects.values_list("pk", "name"))
    lines = [f"09880000{number:02},{NAMES[number % 5]}" for number in range(30)]
    file = tmp_path / "big5.csv"
    file.write_bytes(("手機,姓名\r\n" + "\r\n".join(lines) + "\r\n").encode("cp950"))
    page.goto("/backoffice/importbatch/upload/")
    page.set_input_files("[name=file]", file)
    page.get_by_role("button", name=words["upload"], exact=True).click()
    page.wait_for_selector("#import-progress")
    work()
    page.get_by_role("button", name=words["check"]).click()
    page.wait_for_selector("#import-progress")
    work()
    page.wait_for_selector(".sk-chip-new")
    assert page.locator(".sk-chip-new strong").inner_text() == "30"
    page.get_by_role("link", name=words["confirm"]).click()
    page.get_by_role("button", name=words["yes"], exact=True).click()
    page.wait_for_selector("#import-progress")
    work()
    page.get_by_role("link", name=words["undo"]).wait_for()
    assert set(Member.objects.filter(phone__startswith="+88698800").values_list("name", flat=True)) == set(
        NAMES
    )
    page.get_by_role("link", name=words["undo"]).click()
    page.get_by_role("button", name=words["sure"]).click()
    page.wait_for_selector("#import-progress")
    work()
    page.wait_for_selector(".sk-chip-done-undone")
    assert set(Member.objects.values_list("pk", "name")) == before


@pytest.mark.parametrize(("language", "width"), [("zh-hant", 390), ("en", 1366)])
def test_everybody_in_a_list_gets_a_tag_and_loses_it_again(
    shop: Shop,
    open_page: Callable[..., Any],
    shots: Path,
    live_server: Any,
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    width: int,
) -> None:
    from backoffice.actors import Actor
    from members.models import MemberTag
    from members.services.tags import define_tag

    words = WORDS[language]
    monkeypatch.setattr(jobs, "_wakers", [])
    define_tag(
        name="露營",
        group="喜好",
        definition="買過帳篷",
        owner=None,
        actor=Actor.job("tests"),
        now=timezone.now(),
    )
    page = open_page(language, width)
    signed_in(page, shop.staff["marketer"], language, live_server.url)
    page.goto("/members/member/?status__exact=active")
    page.get_by_role("link", name=words["everybody"]).click()
    page.select_option("[name=tag]", label="露營")
    fits(page)
    page.get_by_role("button", name=words["show"]).click()
    page.wait_for_selector("#import-progress")
    work()
    page.wait_for_selector(".sk-chip-changed")
    fits(page)
    page.screenshot(path=shots / f"listed-{language}-{width}.png", full_page=True)
    page.get_by_role("link", name=words["confirm"]).click()
    page.get_by_role("button", name=words["yes"], exact=True).click()
    page.wait_for_selector("#import-progress")
    work()
    page.get_by_role("link", name=words["undo"]).wait_for()
    carriers = MemberTag.objects.filter(tag__name="露營")
    assert carriers.count() == Member.objects.filter(status="active").count() > 0
    page.get_by_role("link", name=words["undo"]).click()
    page.get_by_role("button", name=words["sure"]).click()
    page.wait_for_selector("#import-progress")
    work()
    page.wait_for_selector(".sk-chip-done-undone")
    assert not carriers.exists()
