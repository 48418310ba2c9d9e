"""The first vertical as a clerk walks it: sign in, find by phone, look, undo, see the points back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from points.models import Account, Entry
from tests.factories.backoffice import PASSWORD

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WORDS = {
    "zh-hant": {"undo": "撤銷兌換", "confirm": "確認撤銷", "done": "兌換已撤銷：退回 200 點。"},
    "en": {
        "undo": "Undo redemption",
        "confirm": "Confirm undo",
        "done": "The redemption was undone: 200 points came back.",
    },
}


def sign_in(page: Any, language: str, username: str = "clerk") -> None:
    page.goto("/login/")
    if page.locator("html").get_attribute("lang") != language:
        page.locator(f'button[lang="{language}"]').click()
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.locator("#login-form button[type=submit]").click()
    page.wait_for_selector("#sk-find")


def fits(page: Any) -> None:
    """Nothing sticks out to the right: the page itself never scrolls sideways."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("language", ["zh-hant", "en"])
def test_a_clerk_undoes_a_wrong_redemption(
    shop: Shop, open_page: Callable[..., Any], shots: Path, language: str, width: int
) -> None:
    words = WORDS[language]
    page = open_page(language, width)
    sign_in(page, language)
    assert page.locator("html").get_attribute("lang") == language
    fits(page)
    page.screenshot(path=shots / f"overview-{language}-{width}.png")

    # The box has the focus: the clerk types at once, as the customer says it.
    page.wait_for_function("document.activeElement && document.activeElement.id === 'sk-find'")
    page.keyboard.type("0912-345-678")
    page.keyboard.press("Enter")
    page.wait_for_selector("#points")
    fits(page)
    assert page.locator("#points .sk-figure dd").first.inner_text().startswith("800")
    page.locator(f"#entry-{shop.earned.pk} summary").click()
    page.screenshot(path=shots / f"member-{language}-{width}.png", full_page=True)

    button = page.get_by_label(words["undo"])
    box = button.bounding_box()
    assert box["x"] + box["width"] <= width, "the button is in sight without scrolling sideways"
    button.click()
    page.wait_for_selector(".sk-preview")
    fits(page)
    assert page.locator(".sk-preview .sk-after").first.inner_text() == "1,000"
    page.fill("textarea[name=note]", "客人說按錯")
    page.screenshot(path=shots / f"undo-{language}-{width}.png", full_page=True)
    page.get_by_role("button", name=words["confirm"]).click()

    page.wait_for_selector("#points")
    assert words["done"] in page.content()
    fits(page)
    assert page.locator("#points .sk-figure dd").first.inner_text().startswith("1,000")
    page.screenshot(path=shots / f"undone-{language}-{width}.png", full_page=True)
    assert Entry.objects.get(reverses=shop.spent).points == 200
    assert Account.objects.get(pk=shop.account.pk).balance == 1000


def test_a_nervous_double_click_undoes_once(shop: Shop, open_page: Callable[..., Any]) -> None:
    page = open_page()
    sign_in(page, "zh-hant")
    page.goto(f"/points/entry/{shop.spent.pk}/undo/")
    page.fill("textarea[name=note]", "按兩次")
    page.get_by_role("button", name=WORDS["zh-hant"]["confirm"]).dblclick()
    page.wait_for_selector("#points")
    assert Entry.objects.filter(reverses=shop.spent).count() == 1
    # The back button shows the old form; sending it again has no second effect.
    page.go_back()
    page.wait_for_selector("#verb-form, .sk-note-bad")
    if page.locator("textarea[name=note]").count():
        page.fill("textarea[name=note]", "按兩次")
        page.get_by_role("button", name=WORDS["zh-hant"]["confirm"]).click()
        page.wait_for_load_state()
    assert Entry.objects.filter(reverses=shop.spent).count() == 1


def test_two_clerks_at_one_member(shop: Shop, open_page: Callable[..., Any]) -> None:
    first, second = open_page(), open_page("en")
    sign_in(first, "zh-hant")
    sign_in(second, "en", "manager")
    address = f"/points/account/{shop.account.pk}/correct/"
    for page in (first, second):
        page.goto(address)
        page.fill("[name=points]", "50")
        page.select_option("[name=reason]", "goodwill")
        page.fill("textarea[name=note]", "補償")
        page.locator("button[value=preview]").click()
        page.wait_for_selector(".sk-preview")
    first.locator("button[value=confirm]").click()
    first.wait_for_selector("#points")
    second.locator("button[value=confirm]").click()
    second.wait_for_selector(".sk-note-bad")
    assert "The account changed meanwhile" in second.locator(".sk-note-bad").inner_text()
    assert Account.objects.get(pk=shop.account.pk).balance == 850


def test_the_theme_works_under_the_content_policy(shop: Shop, open_page: Callable[..., Any]) -> None:
    """Drawers, date pickers, charts and pop-ups of the theme, with the console silent (see `open_page`)."""
    page = open_page()
    sign_in(page, "zh-hant", "administrator")
    page.wait_for_selector("canvas.chart")
    page.goto("/points/entry/")
    page.get_by_text("篩選").first.click()
    page.wait_for_selector("#changelist-filter, .filter, [x-show='filterOpen']", state="attached")
    page.goto(f"/points/program/{shop.program.pk}/change/")
    page.goto("/backoffice/user/add/")
    page.goto(f"/backoffice/user/{shop.staff['clerk'].pk}/change/")
    page.wait_for_selector("#id_username")
    page.goto("/members/profilefieldrule/")
