"""For everybody: names on every control, text that can be read, and the whole minute without a mouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from points.models import Entry
from tests.browser.test_desk import FOCUS_SHOWS
from tests.browser.test_vertical import fits, sign_in
from tests.factories.backoffice import PASSWORD

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

UNNAMED = """() => [...document.querySelectorAll(
    'input:not([type=hidden]), select, textarea, button, a[href]')]
  .filter(e => e.checkVisibility())
  .filter(e => !(e.labels && e.labels.length) && !e.getAttribute('aria-label') && !e.title
               && !e.textContent.trim() && !e.querySelector('img[alt]') && !e.getAttribute('aria-labelledby'))
  .map(e => e.outerHTML.slice(0, 140))"""

# WCAG 2: 4.5 : 1, and 3 : 1 for large text. A canvas reads the colours, whatever their notation.
PALE = """() => {
  const pen = Object.assign(document.createElement('canvas'), {width: 1, height: 1})
    .getContext('2d', {willReadFrequently: true});
  const known = {};
  const drawn = css => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = css;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const rgba = css => known[css] ??= drawn(css);
  const over = (top, below) => below.map((v, i) => (top[i] * top[3] + v * (255 - top[3])) / 255);
  const ground = e => {
    const layers = [];
    for (; e; e = e.parentElement) layers.unshift(rgba(getComputedStyle(e).backgroundColor));
    return layers.reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const light = rgb => rgb.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + .05) / (y + .05);
  };
  const found = {};
  const judge = (e, style, text) => {
    const below = ground(e), size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
    const seen = ratio(over(rgba(style.color), below), below);
    if (seen < (size >= 24 || bold && size >= 18.66 ? 3 : 4.5))
      found[`${text.trim().slice(0, 40)} ${seen.toFixed(3)}`] = 1;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    const said = walker.currentNode.textContent.trim();
    if (!said || !e.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    if (e.closest('script, style, .material-symbols-outlined, .sk-hidden, [disabled]')) continue;
    judge(e, getComputedStyle(e), said);
  }
  for (const e of document.querySelectorAll('input[placeholder]'))
    if (e.checkVisibility()) judge(e, getComputedStyle(e, '::placeholder'), `placeholder ${e.name}`);
  return Object.keys(found);
}"""


def main_pages(shop: Shop) -> list[str]:
    member, account, spent = shop.member.pk, shop.account.pk, shop.spent.pk
    return [
        "/",
        "/find/?q=0987654321",
        "/find/?q=王",
        "/enrol/",
        f"/members/member/{member}/change/",
        f"/members/member/{member}/note/",
        f"/members/member/{member}/card/",
        f"/points/account/{account}/correct/",
        f"/points/account/{account}/change/",
        f"/points/entry/{spent}/undo/",
        f"/points/adjustment/{shop.waiting.pk}/change/",
        f"/points/adjustment/{shop.waiting.pk}/approve/",
        "/members/member/",
        "/points/entry/",
        "/points/adjustment/",
        "/backoffice/alarm/?state=open",
        "/reports/manual-grants/",
        "/reports/cards-at-cashiers/",
        "/security/",
        f"/points/entry/{spent}/change/",
        f"/points/hold/{shop.hold.pk}/release/",
        f"/members/member/{member}/reveal/",
        f"/members/member/{member}/phone/",
        "/campaigns/tillitem/",
    ]


OFFICE_PAGES = [
    "/",
    "/backoffice/auditevent/",
    "/backoffice/job/",
    "/backoffice/importbatch/",
    "/backoffice/webhooksubscription/",
    "/backoffice/webhookdelivery/",
    "/backoffice/apikey/",
    "/points/correctionlimit/",
    "/reports/points/",
    "/reports/settlement/",
]


@pytest.mark.parametrize("width", [1366, 390])
def test_every_control_has_a_name_and_every_text_can_be_read(
    shop: Shop, open_page: Callable[..., Any], width: int
) -> None:
    language = "zh-hant" if width == 390 else "en"
    page = open_page(language, width)
    page.goto("/login/")
    faults = {"/login/": (page.evaluate(UNNAMED), page.evaluate(PALE))}
    for role, addresses in (("manager", main_pages(shop)), ("administrator", OFFICE_PAGES)):
        page = open_page(language, width)
        sign_in(page, language, role)
        for address in addresses:
            page.goto(address)
            fits(page)
            faults[f"{role} {address}"] = (page.evaluate(UNNAMED), page.evaluate(PALE))
    assert {address: found for address, found in faults.items() if any(found)} == {}


def walk_to(page: Any, selector: str) -> None:
    """Tab until the wanted control has the focus; wherever the focus was on the way, it could be seen."""
    for _tab in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#content, #login-form') !== null"):
            assert page.evaluate(FOCUS_SHOWS) == ""
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"the keyboard never gets to {selector} on {page.url}")


def test_the_minute_without_a_mouse(shop: Shop, open_page: Callable[..., Any]) -> None:
    page = open_page("zh-hant")
    page.goto("/login/")
    page.locator("[name=username]").focus()
    page.keyboard.type("clerk")
    walk_to(page, "[name=password]")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement && document.activeElement.id === 'sk-find'")
    page.keyboard.type("345678")
    page.keyboard.press("Enter")
    page.wait_for_selector("#points")
    walk_to(page, f'#entry-{shop.spent.pk} a[href*="/undo/"]')
    page.keyboard.press("Enter")
    page.wait_for_selector(".sk-preview")
    if not page.evaluate("document.activeElement.matches('textarea[name=note]')"):
        walk_to(page, "textarea[name=note]")
    page.keyboard.type("按錯")
    walk_to(page, "button[value=confirm]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#points")
    assert Entry.objects.get(reverses=shop.spent).points == 200
