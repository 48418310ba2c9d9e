"""Every page in 繁體中文 without a left-over English word, and in English without Chinese outside of data."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.admin.pages import all_pages
from tests.admin.visible import chinese, english_words, visible_texts

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

pytestmark = pytest.mark.contract

# Names, units and codes that are the same in Chinese.
ALLOWED = {
    "QR", "XLSX", "UTF", "MB", "Big", "Shuke", "NT", "LINE", "App", "CSV", "ID", "English", "Asia", "Taipei",
    "UTC", "zh", "hant", "en", "esc", "Google", "Microsoft", "Authenticator", "API", "Webhook",
}  # fmt: skip
# Data of the test's shop, as staff would have typed it.
DATA = re.compile(
    # Machine names, as the trail and the outbox keep them: member.change_profile, points.entry.
    r"[a-z_]+(\.[a-z_]+)+"
    # The beginning of a password's salt and hash.
    r"|\w+\*{3,}"
    r"|TPE01|KHH01|S\d{3}|brand\d+|shuke|main|program-\d+|pos\b|till|test|job-\d+|scheduler|SKU\d+|GROCERY"
    r"|R\d{10}|clerk|manager|support|marketer|finance|auditor|administrator|root|staff\d+|purchase|redemption"
    r"|hold-\d|staff|goodwill|cash|argon2\w*|md5|waiting-1"
    # An address, a device, a key, what a till and a partner told.
    r"|https?://\S+|iPhone|skk_[0-9a-f]+…?|script( \([0-9a-f]+…\))?|partner|hold_no|amount"
    r"|points|program|insufficient_points",
    re.IGNORECASE,
)


def _leftovers(client: Client, pages: list[tuple[str, str]], language: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    for name, address in pages:
        response = client.get(address)
        if response.status_code != 200:
            continue
        for text in visible_texts(response.content.decode()):
            if language == "en":
                if chinese(text):
                    found[text].add(name)
            elif words := english_words(DATA.sub(" ", text)) - ALLOWED:
                found[f"{text[:90]} -> {sorted(words)}"].add(name)
    return found


def test_chinese_pages_hold_no_english(shop: Shop) -> None:
    pages = [("sign-in", reverse("admin:login")), *all_pages(shop)]
    found = _leftovers(Client(), pages[:1], "zh-hant")
    found |= _leftovers(shop.client("root"), pages[1:], "zh-hant")
    found |= _leftovers(shop.client("administrator"), pages[1:], "zh-hant")
    assert not found, "\n".join(f"{text}   [{', '.join(sorted(names)[:3])}]" for text, names in found.items())


# What the shop's rows say in Chinese, whatever the language of the page.
CHINESE_DATA = {
    "名單", "奶茶控", "買過兩次以上", "喜好", "熟客", "熟客百貨", "信義店", "王小明", "林店員", "熟客點",
    "站長",
    "補償", "點", "臺北市",     "繁體中文", "員工", "品牌", "門市", "王明", "王○明", "林○員",
    "請勿於晚上來電", "林員", "站", "員",
}  # fmt: skip


def test_english_pages_hold_no_chinese(shop: Shop) -> None:
    found = _leftovers(shop.client("root"), all_pages(shop), "en")
    left = {}
    for text, names in found.items():
        rest = text
        for known in sorted(CHINESE_DATA, key=len, reverse=True):
            rest = rest.replace(known, "")
        if chinese(rest):
            left[text] = names
    assert not left, "\n".join(f"{text}   [{', '.join(sorted(names)[:3])}]" for text, names in left.items())
