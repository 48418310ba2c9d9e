"""A file of points that left some in when it was undone, brought in again on purpose, by three people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from backoffice.choices import Role
from backoffice.models import ImportBatch
from backoffice.services import jobs
from backoffice.services.roles import group_of
from points.choices import DebtPolicy
from points.models import Account, Program
from tests.browser.test_imports import signed_in, work
from tests.browser.test_vertical import fits
from tests.factories.backoffice import UserFactory
from tests.factories.members import MemberFactory
from tests.factories.points import take

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WORDS = {
    "zh-hant": {"upload": "上傳", "check": "檢查資料", "confirm": "匯入這些資料", "yes": "匯入",
                "approve": "核准這次匯入", "ok": "核准", "undo": "復原這次匯入", "sure": "確認撤銷",
                "stayed": "已復原，但仍有 1 列、共 40 點未能收回"},
    "en": {"upload": "Upload", "check": "Check the rows", "confirm": "Bring these rows in", "yes": "Bring in",
           "approve": "Approve this import", "ok": "Approve", "undo": "Undo this import",
           "sure": "Confirm undo", "stayed": "was undone, but 1 of its rows with 40 points stayed"},
}  # fmt: skip
FILE = "手機,點數\r\n0922000001,100\r\n0922000002,100\r\n"


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("language", ["zh-hant", "en"])
def test_what_stayed_is_told_and_who_had_a_hand_does_not_approve(
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
    Program.objects.update(debt_policy=DebtPolicy.CLAMP)
    members = [MemberFactory(phone=f"+88692200000{number}") for number in (1, 2)]
    both = UserFactory(role=Role.FINANCE, name="陳雙職")
    both.groups.add(group_of(Role.MARKETER))
    page = open_page(language, width)
    file = tmp_path / "贈點.csv"
    file.write_text(FILE, encoding="utf-8")

    def shot(name: str) -> None:
        fits(page)
        page.screenshot(path=shots / f"again-{name}-{language}-{width}.png", full_page=True)

    def brought() -> str:
        page.goto("/backoffice/importbatch/upload/?kind=points")
        page.set_input_files("[name=file]", file)
        page.get_by_role("button", name=words["upload"], exact=True).click()
        page.wait_for_selector("#import-progress")
        work()
        page.get_by_role("button", name=words["check"]).wait_for()
        return str(page.url)

    def checked() -> None:
        page.select_option("[name=policy_reason]", "goodwill")
        page.get_by_role("button", name=words["check"]).click()
        page.wait_for_selector("#import-progress")
        work()
        page.wait_for_selector("#rows")

    signed_in(page, shop.staff["marketer"], language, live_server.url)
    brought()
    checked()
    page.get_by_role("link", name=words["confirm"]).click()
    page.wait_for_selector(".sk-preview")
    page.get_by_role("button", name=words["yes"], exact=True).click()
    page.wait_for_selector("#import-progress")
    work()
    page.wait_for_selector(".sk-chip-done-applied")
    take(Account.objects.get(member=members[0]), 40)
    page.get_by_role("link", name=words["undo"]).click()
    page.get_by_role("button", name=words["sure"]).click()
    page.wait_for_selector("#import-progress")
    work()
    page.wait_for_selector(".sk-chip-done-undone")
    shot("undone")
    address = brought()
    assert words["stayed"] in page.inner_text("body")
    shot("uploaded")
    # A colleague chooses the rules once more and confirms.
    signed_in(page, both, language, live_server.url)
    page.goto(address)
    checked()
    shot("checked")
    page.get_by_role("link", name=words["confirm"]).click()
    page.wait_for_selector(".sk-preview")
    assert words["stayed"] in page.inner_text(".sk-preview")
    shot("confirm")
    page.get_by_role("button", name=words["yes"], exact=True).click()
    page.wait_for_selector("[role=alert]")
    shot("refused")
    assert ImportBatch.objects.latest("pk").state == "checked"
    page.check("[name=again]")
    page.get_by_role("button").filter(has_text=words["yes"]).first.wait_for()
    shot("again")
    _go_on(page, words)
    page.goto(address)
    assert ImportBatch.objects.latest("pk").state == "waiting"
    assert page.get_by_role("link", name=words["approve"]).count() == 0
    assert page.inner_text(".sk-facts").count("陳雙職") == 2
    shot("waiting")
    signed_in(page, shop.staff["finance"], language, live_server.url)
    page.goto(address)
    page.get_by_role("link", name=words["approve"]).click()
    assert "陳雙職" in page.inner_text("body") and words["stayed"] in page.inner_text("body")
    shot("approve")
    page.get_by_role("button", name=words["ok"], exact=True).click()
    page.wait_for_selector("#import-progress")
    work()
    page.wait_for_selector(".sk-chip-done-applied")
    shot("applied")


def _go_on(page: Any, words: dict[str, str]) -> None:
    """Confirm; where the tick changed the effect, the page shows it first and asks again."""
    for _step in range(2):
        page.locator("form button[type=submit], form button:not([type])").last.click()
        page.wait_for_load_state()
        if not page.locator("[name=again]").count():
            return
