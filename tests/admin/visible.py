"""What a person sees of a page: its text and the attributes that are read out, without icons and code."""

from __future__ import annotations

import re
from html.parser import HTMLParser

SILENT = {"script", "style", "template", "pre", "code"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SPOKEN = ("placeholder", "title", "aria-label", "alt", "data-label")
ICON = "material-symbols-outlined"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if self._hidden or tag in SILENT or ICON in (values.get("class") or ""):
            if tag not in VOID:
                self._hidden.append(tag)
            return
        self.texts += [values[name] or "" for name in SPOKEN if values.get(name)]
        if tag == "input" and values.get("type") in ("submit", "button"):
            self.texts.append(values.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if self._hidden and tag in self._hidden:
            while self._hidden and self._hidden.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.texts.append(data.strip())


def visible_texts(html: str) -> list[str]:
    reader = _Reader()
    reader.feed(html)
    return [text for text in reader.texts if text.strip()]


def english_words(text: str) -> set[str]:
    """Runs of two and more ASCII letters."""
    return set(re.findall(r"[A-Za-z]{2,}", text))


def chinese(text: str) -> str:
    """All CJK characters of a text."""
    return "".join(re.findall(r"[\u3400-\u9fff]", text))
