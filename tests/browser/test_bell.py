"""The bell: it counts while its page is in sight, its list leads on, and reading empties it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.db import transaction
from django.utils import timezone

from backoffice.choices import NoticeKind, NoticeSubject
from backoffice.models import ImportBatch, User
from backoffice.services import notices
from tests.browser.test_imports import signed_in
from tests.browser.test_vertical import fits

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SIGHTS = [("zh-hant", 1366), ("zh-hant", 390), ("en", 1366), ("en", 390)]
WORDS = {
    "zh-hant": ("全部標為已讀", "已將 2 則通知標為已讀。"),
    "en": ("Mark all as read", "2 notices are marked as read."),
}
COUNT = "#sk-bell .sk-bell-count"


def tell(user: User, kind: NoticeKind, key: str) -> None:
    subject = (NoticeSubject.IMPORT, ImportBatch.objects.get().pk)
    facts = {"brought": 9_998, "wrong": 2, "good": 9_998, "back": 0, "stayed": 0}
    with transaction.atomic():
        notices.put(users=[user.pk], kind=kind, key=key, subject=subject, facts=facts, now=timezone.now())


@pytest.mark.parametrize(("language", "width"), SIGHTS)
def test_what_happens_meanwhile_shows_on_another_page(
    shop: Shop, open_page: Callable[..., Any], shots: Path, live_server: Any, language: str, width: int
) -> None:
    user, (every, marked) = shop.staff["marketer"], WORDS[language]
    page = open_page(language, width)
    signed_in(page, user, language, live_server.url)
    page.clock.install(time=timezone.now())
    page.goto("/security/")
    assert page.locator(COUNT).inner_text() == "" and not page.locator(COUNT).is_visible()
    tell(user, NoticeKind.IMPORT_CHECKED, "one")
    tell(user, NoticeKind.IMPORT_APPLIED, "two")
    page.clock.run_for(61_000)
    page.wait_for_function(f"document.querySelector('{COUNT}').textContent === '2'")
    fits(page)
    page.screenshot(path=shots / f"bell-{language}-{width}.png")
    page.locator("#sk-bell").click()
    page.wait_for_url(re.compile("/notices/$"))
    assert page.locator(".sk-unread").count() == 2
    fits(page)
    page.screenshot(path=shots / f"notices-{language}-{width}.png", full_page=True)
    page.get_by_role("button", name=every).click()
    page.get_by_text(marked).wait_for()
    assert page.locator(".sk-unread").count() == 0 and not page.locator(COUNT).is_visible()
    tell(user, NoticeKind.IMPORT_UNDONE, "three")
    page.goto("/notices/")
    page.locator(".sk-unread a").click()
    page.wait_for_selector(".sk-page")
    assert not page.locator(COUNT).is_visible()


def test_nobody_is_asked_for_while_the_page_is_out_of_sight_or_signed_out(
    shop: Shop, open_page: Callable[..., Any], live_server: Any
) -> None:
    user = shop.staff["marketer"]
    page = open_page("en", 1366)
    signed_in(page, user, "en", live_server.url)
    page.clock.install(time=timezone.now())
    page.goto("/security/")
    asked: list[str] = []

    def noted(answer: Any) -> None:
        # The page's own pictures may still be on their way.
        path = urlsplit(answer.url).path
        if not path.startswith("/static/"):
            asked.append(f"{answer.status} {path}")

    page.on("response", noted)
    page.evaluate("Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true})")
    page.clock.run_for(300_000)
    assert asked == []
    page.evaluate(
        "Object.defineProperty(document, 'visibilityState', {value: 'visible', configurable: true})"
    )
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(300)
    assert asked == ["200 /notices/unread/"]
    page.context.clear_cookies()
    page.clock.run_for(61_000)
    page.wait_for_timeout(300)
    page.clock.run_for(180_000)
    page.wait_for_timeout(300)
    # Sent to the sign-in page it does not go there, and asks no more.
    assert asked == ["200 /notices/unread/", "302 /notices/unread/"]
