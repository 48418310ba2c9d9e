"""A correction when things happen at once: a double click, the back button, two people at one member."""

from __future__ import annotations

from collections.abc import Callable
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
    page.wait_for_selector("#id_name")
    page.goto("/members/profilefieldrule/")
