"""Signing in as a manager walks it: the second factor, its codes, the next sign-in, and the lock-out."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from backoffice.models import LoginEvent
from backoffice.services import tries
from tests.browser.test_vertical import fits
from tests.factories.backoffice import PASSWORD

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WORDS = {
    "zh-hant": {
        "needed": "您的角色必須使用雙重驗證。請現在設定",
        "wrong": "驗證碼錯誤或已使用過",
        "locked": "嘗試次數過多，請在 15 分鐘後再試",
        "kept": "我已妥善保存",
    },
    "en": {
        "needed": "Your role needs a second factor. Set it up now",
        "wrong": "This code is wrong or was used already",
        "locked": "Too many tries. Wait 15 minutes",
        "kept": "I have kept them",
    },
}


def open_login(page: Any, language: str) -> None:
    page.goto("/login/?next=/security/")
    if page.locator("html").get_attribute("lang") != language:
        page.locator(f'button[lang="{language}"]').click()


def give(page: Any, username: str, password: str) -> None:
    page.fill("[name=username]", username)
    page.fill("[name=password]", password)
    page.locator("#login-form button[type=submit]").click()


def code_now(secret: str, steps: int = 0) -> str:
    code: str = format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))
    return code


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("language", ["zh-hant", "en"])
def test_a_manager_sets_up_his_second_factor_and_signs_in_with_it(
    shop: Shop, open_page: Callable[..., Any], shots: Path, settings: Any, language: str, width: int
) -> None:
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    words = WORDS[language]
    page = open_page(language, width)
    open_login(page, language)
    fits(page)
    page.screenshot(path=shots / f"login-{language}-{width}.png")
    give(page, "manager", PASSWORD)

    # Whatever he opens, he is led here first.
    page.wait_for_selector("#set-up-form")
    page.goto("/members/member/")
    page.wait_for_selector("#set-up-form")
    assert words["needed"] in page.content()
    fits(page)
    page.screenshot(path=shots / f"set-up-{language}-{width}.png", full_page=True)
    page.fill("[name=code]", "000000")
    page.locator("#set-up-form button[type=submit]").click()
    page.wait_for_selector(".sk-note-bad")
    assert words["wrong"] in page.content()
    secret = page.locator("#secret").inner_text().replace(" ", "")
    page.fill("[name=code]", code_now(secret))
    page.locator("#set-up-form button[type=submit]").click()

    page.wait_for_selector("#codes")
    codes = [code.replace(" ", "") for code in page.locator("#codes li").all_inner_texts()]
    assert len(codes) == 10
    fits(page)
    page.screenshot(path=shots / f"codes-{language}-{width}.png", full_page=True)
    page.get_by_role("link", name=words["kept"]).click()
    page.goto("/security/")
    fits(page)
    page.screenshot(path=shots / f"security-{language}-{width}.png", full_page=True)

    with page.expect_navigation():
        page.evaluate("document.querySelector('#logout-form').submit()")
    open_login(page, language)
    give(page, "manager", PASSWORD)
    page.wait_for_selector("#code-form")
    fits(page)
    page.screenshot(path=shots / f"second-step-{language}-{width}.png")
    # The code of now was used up by setting up; the app's next one is half a minute ahead.
    page.fill("[name=code]", code_now(secret, 1))
    page.locator("#code-form button[type=submit]").click()
    page.wait_for_selector("#events-head")
    events = LoginEvent.objects.filter(user=shop.staff["manager"], kind="signed_in").order_by("id")
    assert [(event.method, event.address) for event in events] == [
        ("password", "127.0.0.1"),
        ("totp", "127.0.0.1"),
    ]
    assert Authenticator.objects.filter(user=shop.staff["manager"]).count() == 2


@pytest.mark.parametrize("language", ["zh-hant", "en"])
def test_too_many_wrong_passwords_say_how_long_to_wait(
    shop: Shop, open_page: Callable[..., Any], shots: Path, language: str
) -> None:
    page = open_page(language, 390)
    open_login(page, language)
    for _try in range(tries.PER_NAME + 1):
        give(page, "clerk", "wrong password")
        page.wait_for_load_state()
    assert WORDS[language]["locked"] in page.content()
    fits(page)
    page.screenshot(path=shots / f"locked-{language}.png")


def test_dangerous_verbs_ask_again_and_go_on_afterwards(
    shop: Shop, open_page: Callable[..., Any], shots: Path, settings: Any
) -> None:
    page = open_page("zh-hant", 390)
    open_login(page, "zh-hant")
    give(page, "administrator", PASSWORD)
    page.wait_for_selector("#events-head")
    settings.STAFF_REAUTHENTICATE_MINUTES = -1  # every proof is too old
    clerk = shop.staff["clerk"]
    page.goto(f"/backoffice/user/{clerk.pk}/change/")
    fits(page)
    page.screenshot(path=shots / "colleague.png", full_page=True)
    page.locator(".sk-verbs a").first.click()
    page.wait_for_selector("#prove-form")
    fits(page)
    page.screenshot(path=shots / "prove.png")
    settings.STAFF_REAUTHENTICATE_MINUTES = 15
    page.fill("[name=password]", PASSWORD)
    page.locator("#prove-form button[type=submit]").click()
    page.wait_for_selector("#verb-form")
    fits(page)
    page.screenshot(path=shots / "assign.png", full_page=True)
    page.goto("/backoffice/user/add/")
    fits(page)
    page.screenshot(path=shots / "new-colleague.png", full_page=True)
    page.goto("/backoffice/loginevent/")
    fits(page)
    page.screenshot(path=shots / "events.png", full_page=True)
