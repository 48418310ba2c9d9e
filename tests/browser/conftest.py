"""Headless Chromium against the live server. Without one the tests are skipped, unless it is required."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.admin.conftest import fresh_cache, shop

__all__ = ["fresh_cache", "shop"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
]


def find_chromium() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    executable = find_chromium()
    if executable is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail("REQUIRE_BROWSER=1, but there is no Chromium on this machine")
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    # Playwright's own loop runs in this thread; the database is used beside it, never inside it.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=QUIET)
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture
def open_page(chromium: Any, live_server: Any) -> Iterator[Callable[..., Any]]:
    """`open_page(language, width)`: a page of a fresh browser profile. Its console must stay silent."""
    contexts = []
    complaints: list[str] = []

    def opened(language: str = "zh-hant", width: int = 1366) -> Any:
        locale = "zh-TW" if language == "zh-hant" else "en-US"
        context = chromium.new_context(
            viewport={"width": width, "height": 860},
            locale=locale,
            timezone_id="Asia/Taipei",
            base_url=live_server.url,
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    # A refusal answers 409, too many tries 429; browsers call both failed resources. All else is our fault.
    assert [line for line in complaints if "409" not in line and "429" not in line] == []


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Where screenshots go: SHOTS, when somebody wants to look at them, else a folder that goes away."""
    folder = Path(os.environ.get("SHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
