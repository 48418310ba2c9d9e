"""The minute with the customer waiting: clerk and manager undo the wrong 200 points, an auditor looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from backoffice.choices import Reach
from backoffice.models import AuditEvent, User
from points.models import Account, Entry
from tests.browser.test_vertical import WORDS, fits, sign_in
from tests.factories.backoffice import StoreFactory

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LANGUAGES = pytest.mark.parametrize("language", ["zh-hant", "en"])
WIDTHS = pytest.mark.parametrize("width", [1366, 390])
MOST_CLICKS = 4
REFUSED = {"zh-hant": "您的角色無法使用這個頁面", "en": "Not for your role"}
# Counted by the browser, over all pages of the tab: presses of a pointer, and of Enter as one.
COUNT = """
addEventListener('click', e => { if (e.isTrusted && e.detail) tally('clicks'); }, true);
addEventListener('keydown', e => { if (e.isTrusted && e.key === 'Enter') tally('clicks'); }, true);
addEventListener('change', e => { if (e.isTrusted && e.target.matches('textarea')) tally('notes'); }, true);
addEventListener('change', e => { if (e.isTrusted && e.target.matches('select')) tally('choices'); }, true);
function tally(what) { sessionStorage[what] = 1 + Number(sessionStorage[what] || 0); }
"""
TALLY = "['clicks', 'notes', 'choices'].map(what => Number(sessionStorage[what] || 0))"


@WIDTHS
@LANGUAGES
@pytest.mark.parametrize("role", ["clerk", "manager"])
def test_the_wrong_200_points_are_undone_in_four_clicks_and_one_note(
    shop: Shop, open_page: Callable[..., Any], shots: Path, role: str, language: str, width: int
) -> None:
    page = open_page(language, width)
    sign_in(page, language, role)
    page.add_init_script(COUNT)
    page.goto("/")
    page.wait_for_function("document.activeElement && document.activeElement.id === 'sk-find'")
    fits(page)
    page.evaluate("sessionStorage.clear()")

    page.keyboard.type("0912 345 678")
    page.keyboard.press("Enter")
    page.wait_for_selector("#points")
    fits(page)
    assert page.locator("#points .sk-figure dd").first.inner_text().startswith("800")
    button = page.get_by_label(WORDS[language]["undo"])
    box = button.bounding_box()
    assert box["x"] + box["width"] <= width, "the button is in sight without scrolling sideways"
    button.click()
    page.wait_for_selector(".sk-preview")
    fits(page)
    assert page.locator(".sk-preview .sk-after").first.inner_text() == "1,000"
    page.screenshot(path=shots / f"undo-{role}-{language}-{width}.png", full_page=True)
    page.locator("textarea[name=note]").press_sequentially("客人說按錯")
    page.get_by_role("button", name=WORDS[language]["confirm"]).click()
    page.wait_for_selector("#points")
    fits(page)

    clicks, notes, choices = page.evaluate(TALLY)
    # None at all would mean that nobody has counted.
    assert 0 < clicks <= MOST_CLICKS
    assert (notes, choices) == (1, 0)
    assert WORDS[language]["done"] in page.content()
    assert page.locator("#points .sk-figure dd").first.inner_text().startswith("1,000")
    page.screenshot(path=shots / f"minute-{role}-{language}-{width}.png", full_page=True)
    assert Entry.objects.get(reverses=shop.spent).points == 200
    assert Account.objects.get(pk=shop.account.pk).balance == 1000
    trail = AuditEvent.objects.get(action="points.undo")
    assert (trail.actor_type, trail.actor_id) == ("staff", str(shop.staff[role].pk))


@WIDTHS
@LANGUAGES
def test_the_auditor_sees_everything_and_is_refused_the_verb(
    shop: Shop, open_page: Callable[..., Any], shots: Path, language: str, width: int
) -> None:
    page = open_page(language, width)
    sign_in(page, language, "auditor")
    fits(page)
    page.screenshot(path=shots / f"overview-auditor-{language}-{width}.png", full_page=True)
    page.wait_for_function("document.activeElement && document.activeElement.id === 'sk-find'")
    page.keyboard.type("0912-345-678")
    page.keyboard.press("Enter")
    page.wait_for_selector("#points")
    fits(page)
    assert page.locator("#points .sk-figure dd").first.inner_text().startswith("800")
    # Receipt, earning, redemption, request and hold: all of them are told, none has a button.
    story = page.locator("#story")
    assert story.locator(f"#entry-{shop.earned.pk}, #entry-{shop.spent.pk}").count() == 2
    assert story.locator(f"#asked-{shop.waiting.pk}, #hold-{shop.hold.pk}").count() == 2
    assert story.locator(".sk-timeline .sk-button").count() == 0
    assert page.get_by_label(WORDS[language]["undo"]).count() == 0
    page.locator(f"#entry-{shop.earned.pk} summary").click()
    assert page.locator(f"#entry-{shop.earned.pk} .sk-why li").count() > 1
    fits(page)
    page.screenshot(path=shots / f"minute-auditor-{language}-{width}.png", full_page=True)

    # Typing the address does not help, and the page that says so has a way out.
    for address in (f"/points/entry/{shop.spent.pk}/undo/", f"/points/account/{shop.account.pk}/correct/"):
        answer = page.context.request.get(address, headers={"accept-language": language})
        assert answer.status == 403
        assert REFUSED[language] in answer.text()
        assert 'href="/"' in answer.text()
    assert not Entry.objects.filter(reverses=shop.spent).exists()


def test_a_clerk_has_no_button_for_what_another_store_has_to_undo(
    shop: Shop, open_page: Callable[..., Any]
) -> None:
    """Otherwise he learns only after a click, with the customer waiting, that he is refused."""
    clerk = shop.staff["clerk"]
    User.objects.filter(pk=clerk.pk).update(reach=Reach.STORES)
    clerk.stores.set([StoreFactory(brand=shop.brand, code="TPE02")])
    page = open_page("en")
    sign_in(page, "en")
    page.goto(f"/members/member/{shop.member.pk}/change/")
    assert page.locator(f"#entry-{shop.spent.pk}").count() == 1
    assert page.get_by_label("Undo redemption").count() == 0
    assert page.get_by_label("Take goods back").count() == 0
    page.locator(f"#entry-{shop.spent.pk} summary").click()
    assert "Of another store: undone there" in page.locator(f"#entry-{shop.spent.pk}").inner_text()
    page.goto(f"/points/account/{shop.account.pk}/change/")
    assert page.get_by_label("Undo redemption").count() == 0
