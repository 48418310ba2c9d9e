"""A marketer brings points in, finance approves them, and they go back, in both languages and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from backoffice.services import jobs
from points.models import Account
from tests.browser.test_imports import signed_in, work
from tests.browser.test_vertical import fits
from tests.factories.members import MemberFactory

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WORDS = {
    "zh-hant": {"upload": "上傳", "check": "檢查資料", "confirm": "匯入這些資料", "yes": "匯入",
                "approve": "核准這次匯入", "ok": "核准", "undo": "復原這次匯入", "sure": "確認撤銷",
                "told": "須由第二人核准"},
    "en": {"upload": "Upload", "check": "Check the rows", "confirm": "Bring these rows in", "yes": "Bring in",
           "approve": "Approve this import", "ok": "Approve", "undo": "Undo this import",
           "sure": "Confirm undo", "told": "second person"},
}  # fmt: skip
FILE = "手機,點數,到期日,參考編號,備註\r\n" + "\r\n".join(
    ["0912345678,1200,2027-12-31,A-001,周年慶補點", "0922000001,300,,A-002,", "922000002,150,,A-003,",
     "0922000003,10.5,,A-004,", '0922000003,"1,000",,A-005,', "0922000001,50,,A-002,",
     "0922000009,80,,A-007,"]
)  # fmt: skip


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("language", ["zh-hant", "en"])
def test_points_come_in_by_two_people_and_go_back(
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
    monkeypatch.setattr(jobs, "_wakers", [])
    for number in (1, 2, 3):
        MemberFactory(phone=f"+88692200000{number}")
    page = open_page(language, width)
    file = tmp_path / "贈點.csv"
    file.write_text(FILE, encoding="utf-8")
    before = Account.objects.get(pk=shop.account.pk).balance

    def shot(name: str) -> None:
        fits(page)
        page.screenshot(path=shots / f"points-{name}-{language}-{width}.png", full_page=True)

    signed_in(page, shop.staff["marketer"], language, live_server.url)
    page.goto("/backoffice/importbatch/upload/?kind=points")
    page.set_input_files("[name=file]", file)
    shot("upload")
    page.get_by_role("button", name=words["upload"], exact=True).click()
    page.wait_for_selector("#import-progress")
    work()
    page.get_by_role("button", name=words["check"]).wait_for()
    page.select_option("[name=policy_reason]", "goodwill")
    shot("understood")
    page.get_by_role("button", name=words["check"]).click()
    page.wait_for_selector("#import-progress")
    work()
    page.wait_for_selector("#rows")
    assert "+1,500" in page.inner_text(".sk-facts")
    shot("preview")
    page.get_by_role("link", name=words["confirm"]).click()
    page.wait_for_selector(".sk-preview")
    assert words["told"] in page.inner_text("main, #main, body")
    shot("confirm")
    page.get_by_role("button", name=words["yes"], exact=True).click()
    page.wait_for_selector("#rows")
    batch = page.url
    assert page.get_by_role("link", name=words["approve"]).count() == 0
    signed_in(page, shop.staff["finance"], language, live_server.url)
    page.goto(batch)
    shot("waiting")
    page.get_by_role("link", name=words["approve"]).click()
    shot("approve")
    page.get_by_role("button", name=words["ok"], exact=True).click()
    page.wait_for_selector("#import-progress")
    work()
    page.wait_for_selector(".sk-chip-done-applied")
    # Who says yes to points does not bring them in, and does not take them back.
    assert page.get_by_role("link", name=words["undo"]).count() == 0
    shot("applied")
    assert Account.objects.get(pk=shop.account.pk).balance == before + 1200
    signed_in(page, shop.staff["marketer"], language, live_server.url)
    page.goto(batch)
    page.get_by_role("link", name=words["undo"]).click()
    shot("undo")
    page.get_by_role("button", name=words["sure"]).click()
    page.wait_for_selector("#import-progress")
    work()
    page.wait_for_selector(".sk-chip-done-undone")
    shot("undone")
    assert Account.objects.get(pk=shop.account.pk).balance == before
