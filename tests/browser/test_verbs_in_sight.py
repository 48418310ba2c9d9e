"""What a clerk is told before he acts, in how many steps he is done, and lists that a finger can use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from backoffice.models import AuditEvent
from members.models import Member, ProfileFieldRule
from points.models import Account, CorrectionLimit
from tests.browser.test_accessibility import PALE, UNNAMED
from tests.browser.test_minute import COUNT
from tests.browser.test_vertical import fits, sign_in

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LANGUAGES = pytest.mark.parametrize("language", ["zh-hant", "en"])
WIDTHS = pytest.mark.parametrize("width", [1366, 390])
MOST_CLICKS = 3
TYPED = """
addEventListener('change', e => {
  if (e.isTrusted && e.target.matches('input:not([type=hidden]):not([type=checkbox]), select, textarea'))
    sessionStorage.fields = 1 + Number(sessionStorage.fields || 0);
}, true);
"""
WORDS = {
    "zh-hant": {"left": "剩 50／60 點", "now": "50 點以內立即入帳", "waits": "第二人核准"},
    "en": {"left": "50 of 60 left", "now": "Up to 50 points", "waits": "needs a second person"},
}
SMALL = """selector => [...document.querySelectorAll(selector)].filter(e => e.checkVisibility())
  .map(e => e.getBoundingClientRect()).filter(box => box.height < 44 || box.width < 44).length"""


@WIDTHS
def test_from_the_overview_to_a_member_in_three_clicks(
    shop: Shop, open_page: Callable[..., Any], width: int
) -> None:
    # What a shop asks for besides is its own rule.
    ProfileFieldRule.objects.all().delete()
    page = open_page("zh-hant", width)
    sign_in(page, "zh-hant")
    page.add_init_script(COUNT)
    page.add_init_script(TYPED)
    page.goto("/")
    page.wait_for_function("document.activeElement && document.activeElement.id === 'sk-find'")
    page.evaluate("sessionStorage.clear()")
    page.keyboard.type("0987654321")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="新增此手機的會員").click()
    # The phone is there already; the terms are a switch that the keyboard sets on the way.
    page.wait_for_function("document.activeElement.name === 'name'")
    page.keyboard.type("陳美麗")
    page.locator("#id_consent_terms").focus()
    page.keyboard.press("Space")
    page.locator("button[value=confirm]").click()
    page.wait_for_selector("#story")
    clicks, fields = page.evaluate("['clicks', 'fields'].map(what => Number(sessionStorage[what] || 0))")
    assert clicks <= MOST_CLICKS
    # The phone in the search box and the name: nothing is asked twice, nothing that need not be known.
    assert 1 <= fields <= 2
    assert Member.objects.get(phone="+886987654321").name == "陳美麗"


@WIDTHS
@LANGUAGES
def test_the_form_says_what_is_left_before_anybody_types(
    shop: Shop, open_page: Callable[..., Any], shots: Path, language: str, width: int
) -> None:
    CorrectionLimit.objects.update_or_create(role="clerk", defaults={"per_receiver_day": 60})
    words = WORDS[language]
    page = open_page(language, width)
    sign_in(page, language)
    address = f"/points/account/{shop.account.pk}/correct/"

    def give(points: str, *, sure: bool = True) -> None:
        page.goto(address)
        page.fill("[name=points]", points)
        page.select_option("[name=reason]", "goodwill")
        page.fill("[name=note]", "久候")
        page.locator("button[value=preview]").click()
        page.wait_for_selector(".sk-preview")
        if sure:
            page.locator("button[value=confirm]").click()
            page.wait_for_selector("#points")

    give("10")
    page.goto(address)
    told = page.locator(".sk-bounds").inner_text()
    assert words["left"] in told
    assert words["now"] in told
    fits(page)
    page.screenshot(path=shots / f"bounds-{language}-{width}.png", full_page=True)
    give("51", sure=False)
    assert words["waits"] in page.locator(".sk-preview").inner_text()
    fits(page)
    assert page.evaluate(UNNAMED) == page.evaluate(PALE) == []
    give("50")
    page.goto(address)
    assert page.locator(".sk-used-up").count() == 1
    assert Account.objects.get(pk=shop.account.pk).balance == 860


@WIDTHS
@LANGUAGES
def test_the_trail_is_told_in_words(
    shop: Shop, open_page: Callable[..., Any], shots: Path, language: str, width: int
) -> None:
    page = open_page(language, width)
    sign_in(page, language, "auditor")
    page.goto("/backoffice/auditevent/")
    codes = set(AuditEvent.objects.values_list("action", flat=True))
    text = page.locator("#result_list").inner_text()
    assert [code for code in codes if code in text] == []
    fits(page)
    event = AuditEvent.objects.get(action="points.correct.request")
    page.goto(f"/backoffice/auditevent/{event.pk}/change/")
    fits(page)
    assert page.evaluate(UNNAMED) == page.evaluate(PALE) == []
    shown = page.locator("#content").inner_text()
    assert {"zh-hant": "已申請點數更正", "en": "Correction asked for"}[language] in shown
    assert {"zh-hant": "善意補償：補償", "en": "Goodwill: 補償"}[language] in shown
    page.screenshot(path=shots / f"trail-{language}-{width}.png", full_page=True)


def test_pages_of_a_list_are_wide_enough_for_a_finger(shop: Shop, open_page: Callable[..., Any]) -> None:
    AuditEvent.objects.bulk_create(
        AuditEvent(
            at=shop.purchase.purchased_at, actor_type="staff", actor_id="1", action="member.enrol",
            subject_type="members.member", subject_id=str(shop.member.pk),
        )
        for _number in range(120)
    )  # fmt: skip
    page = open_page("zh-hant", 390)
    sign_in(page, "zh-hant", "auditor")
    page.goto("/backoffice/auditevent/")
    links = '.pr-4 > a[href*="p="]'
    assert page.locator(links).count() > 0
    assert page.evaluate(SMALL, links) == 0


@pytest.mark.parametrize("report", ["points", "settlement", "manual-grants"])
def test_a_wide_report_keeps_its_first_column_on_a_phone(
    shop: Shop, open_page: Callable[..., Any], report: str
) -> None:
    page = open_page("zh-hant", 390)
    sign_in(page, "zh-hant", "finance")
    page.goto(f"/reports/{report}/")
    fits(page)
    moved = page.evaluate(
        """() => [...document.querySelectorAll('.sk-scroll')].map(box => {
            const cell = box.querySelector('.sk-report tbody td');
            if (!cell) return 0;
            box.scrollLeft = 80;
            const left = e => e.getBoundingClientRect().left;
            return Math.round(Math.max(0, left(box) - left(cell)));
        })"""
    )
    assert [distance for distance in moved if distance > 1] == []


def test_the_search_says_all_that_it_takes_on_a_phone(shop: Shop, open_page: Callable[..., Any]) -> None:
    page = open_page("zh-hant", 390)
    sign_in(page, "zh-hant")
    page.goto("/")
    cut = page.evaluate(
        """() => { const box = document.querySelector('#sk-find');
            const style = getComputedStyle(box, '::placeholder');
            const pen = document.createElement('canvas').getContext('2d');
            pen.font = `${style.fontSize} ${style.fontFamily}`;
            const inner = getComputedStyle(box);
            const room = box.clientWidth - parseFloat(inner.paddingLeft) - parseFloat(inner.paddingRight);
            return pen.measureText(box.placeholder).width - room; }"""
    )
    assert cut <= 0
