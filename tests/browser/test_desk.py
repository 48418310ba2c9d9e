"""The desk as a clerk walks it: scan, find nobody, enrol, lost card, story; by keyboard, at 390 px."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from members.models import Member, MemberNote, RetiredCard
from points.models import Account
from tests.browser.test_vertical import fits, sign_in

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WIDTHS = pytest.mark.parametrize("width", [1366, 390])
# Every control that a person operates has a name, and none is smaller than a finger where fingers are used.
NAMELESS = """() => [...document.querySelectorAll(
    '#content :is(input:not([type=hidden]), select, textarea, button, a), #sk-find')]
  .filter(e => e.checkVisibility())
  .filter(e => !(e.labels && e.labels.length) && !e.getAttribute('aria-label') && !e.textContent.trim()
               && !e.querySelector('img[alt]'))
  .map(e => e.outerHTML.slice(0, 120))"""
SMALL = """() => [...document.querySelectorAll(
    '#content .sk-page .sk-button, #content .sk-verb .sk-button, #content .sk-choice, #sk-find')]
  .filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 42)
  .map(e => e.outerHTML.slice(0, 120))"""
FOCUS_SHOWS = """() => { const e = document.activeElement, s = getComputedStyle(e);
  const around = getComputedStyle(e.closest('.sk-header-find, .sk-find > div, .sk-choice') || e);
  const seen = s => (s.outlineStyle !== 'none' && s.outlineWidth !== '0px') || s.boxShadow !== 'none';
  return seen(s) || seen(around) ? '' : e.outerHTML.slice(0, 120); }"""


def usable(page: Any, width: int) -> None:
    fits(page)
    assert page.evaluate(NAMELESS) == [], page.url
    if width < 640:
        assert page.evaluate(SMALL) == [], page.url


def scan(page: Any, digits: str) -> None:
    """A scanner types faster than anybody and ends with Enter."""
    page.evaluate(
        """digits => { for (const key of [...digits, 'Enter'])
            (document.activeElement || document.body).dispatchEvent(
                new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true})); }""",
        digits,
    )


@WIDTHS
def test_from_nobody_to_a_member_with_a_new_card(
    shop: Shop, open_page: Callable[..., Any], shots: Path, width: int
) -> None:
    page = open_page("zh-hant", width)
    sign_in(page, "zh-hant")
    page.keyboard.type("0987 654 321")
    page.keyboard.press("Enter")
    page.wait_for_selector(".sk-note-warn")
    assert "0987-654-321" in page.locator(".sk-note-warn").inner_text()
    usable(page, width)
    page.screenshot(path=shots / f"nobody-{width}.png", full_page=True)
    page.get_by_role("link", name="新增此手機的會員").click()

    page.wait_for_selector("#verb-form")
    assert page.input_value("[name=phone]") == "0987-654-321"
    page.wait_for_function("document.activeElement.name === 'name'")
    usable(page, width)
    page.keyboard.type("陳美麗")
    page.fill("[name=birthday]", "79/02/03")
    page.fill("[name=address]", "中山路 1 號")
    page.locator("label[for=id_consent_terms]").click()
    page.screenshot(path=shots / f"enrol-{width}.png", full_page=True)
    page.locator("button[value=confirm]").dblclick()
    page.wait_for_selector("#story")
    member = Member.objects.get(phone="+886987654321")
    assert page.url.endswith(f"/members/member/{member.pk}/change/")
    assert "未驗證" in page.locator(".sk-badges").inner_text()
    usable(page, width)

    page.get_by_role("link", name="補發會員卡").click()
    page.fill("textarea[name=reason]", "遺失")
    usable(page, width)
    page.screenshot(path=shots / f"replace-{width}.png", full_page=True)
    page.locator("button[value=confirm]").dblclick()
    page.wait_for_selector(".sk-card-qr")
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    usable(page, width)
    page.screenshot(path=shots / f"card-{width}.png", full_page=True)
    assert RetiredCard.objects.get().card_no == member.card_no

    # Nothing has the focus: a scan still finds its member.
    page.evaluate("document.activeElement.blur()")
    new = Member.objects.get(pk=member.pk).card_no
    scan(page, new)
    page.wait_for_url(f"**/members/member/{member.pk}/change/")


@WIDTHS
def test_note_story_and_the_past(shop: Shop, open_page: Callable[..., Any], shots: Path, width: int) -> None:
    page = open_page("zh-hant", width)
    sign_in(page, "zh-hant", "manager")
    page.goto(f"/members/member/{shop.member.pk}/note/")
    page.select_option("[name=kind]", "care")
    page.fill("textarea[name=text]", "請打 0912-345-678")
    usable(page, width)
    page.locator("button[value=confirm]").click()
    page.wait_for_selector("#story")
    assert "請打 ***678" in page.locator("#story").inner_text()
    usable(page, width)
    page.screenshot(path=shots / f"story-{width}.png", full_page=True)

    page.locator(".sk-story-form summary").click()
    page.locator(".sk-choice", has_text="員工備註").click()
    page.get_by_role("button", name="顯示", exact=True).click()
    page.wait_for_url("**kind=note**")
    rows = page.locator(".sk-timeline tbody tr")
    assert rows.count() == MemberNote.objects.filter(member=shop.member).count() == 2
    usable(page, width)

    page.goto(f"/members/member/{shop.member.pk}/change/")
    page.locator(".sk-story-form summary").click()
    page.fill("[name=as_of]", timezone.localtime().strftime("%Y-%m-%dT%H:%M:%S"))
    page.get_by_role("button", name="顯示", exact=True).click()
    page.wait_for_selector("#past")
    balance = Account.objects.get(pk=shop.account.pk).balance
    assert page.locator("#past dd").first.inner_text().startswith(f"{balance:,}")
    usable(page, width)
    page.screenshot(path=shots / f"past-{width}.png", full_page=True)

    page.goto(f"/members/member/{shop.member.pk}/reveal/")
    page.select_option("[name=purpose]", "contact")
    page.fill("textarea[name=reason]", "回電")
    page.locator("button[value=confirm]").click()
    page.wait_for_selector("#story")
    assert page.locator(".sk-person h2").inner_text() == "王小明"
    usable(page, width)
    page.screenshot(path=shots / f"unmasked-{width}.png", full_page=True)
    page.locator("main a, .sk-person a", has_text="恢復遮罩").click()
    page.wait_for_function("document.querySelector('.sk-person h2').innerText === '王○明'")


def test_the_keyboard_alone_is_enough(shop: Shop, open_page: Callable[..., Any]) -> None:
    page = open_page("en")
    sign_in(page, "en")
    page.goto("/points/entry/")
    for keys in ("/", "Control+k"):
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press(keys)
        assert page.evaluate("document.activeElement.id") == "sk-find", keys
        assert page.input_value("#sk-find") == ""
    assert not page.locator("#search-input-command").is_visible()
    page.keyboard.type("345678")
    page.keyboard.press("Enter")
    page.wait_for_selector("#story")
    hidden = set()
    for _tab in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#content, .sk-header-find') !== null"):
            hidden |= {page.evaluate(FOCUS_SHOWS)} - {""}
    assert hidden == set()
    # A slash inside a note is a slash.
    page.goto(f"/members/member/{shop.member.pk}/note/")
    page.locator("textarea[name=text]").click()
    page.keyboard.type("1/2")
    assert page.input_value("textarea[name=text]") == "1/2"


def test_the_next_scan_replaces_the_last(shop: Shop, open_page: Callable[..., Any]) -> None:
    page = open_page()
    sign_in(page, "zh-hant")
    page.keyboard.type("9999999999999999")
    page.keyboard.press("Enter")
    page.wait_for_selector(".sk-note-warn")
    page.wait_for_function("document.activeElement.id === 'sk-find'")
    page.keyboard.type(shop.member.card_no)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/members/member/{shop.member.pk}/change/")
