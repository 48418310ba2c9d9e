"""Names of tags: how they are written, split and compared. No database."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from backoffice.services.imports.columns import CellFault, ImportWidget

LONGEST = 40
MOST_A_CELL = 50
SEPARATORS = re.compile(r"[、，,;；|｜]")
_NOISE = re.compile(r"[\s_\-‐-―－·・.:：/]+")
# What looks the same to whoever chooses from a list.
_ALIKE = str.maketrans({"臺": "台", "裏": "裡", "峯": "峰", "群": "羣"})
# Between the tags of one cell in the staging table; it separates tags in files too, so no name holds it.
BETWEEN = "|"


@lru_cache(maxsize=20_000)
def slug_of(name: str) -> str:
    """`name` as look-alikes share it: without case, width, blanks, marks and variants of characters.

    >>> [slug_of(name) for name in ("收入:35-49K", "收入：35－49k", " 台 北", "臺北")]
    ['收入3549k', '收入3549k', '台北', '台北']
    """
    return _NOISE.sub("", unicodedata.normalize("NFKC", name).casefold()).translate(_ALIKE)[:80]


def tidy(name: str) -> str:
    """A tag's name as it is stored: composed, trimmed, single blanks."""
    return " ".join(unicodedata.normalize("NFC", name).split())


class TagsWidget(ImportWidget):
    """A cell with tags; answers their names with BETWEEN, each once. Whether they exist is the reader's
    question.
    """

    def read(self, text: str) -> str:
        parts = SEPARATORS.split(text) if SEPARATORS.search(text) else [text]
        names = {slug_of(name): name for part in parts if (name := tidy(part))}
        if len(names) > MOST_A_CELL or "" in names or any(len(name) > LONGEST for name in names.values()):
            raise CellFault
        return BETWEEN.join(names.values())

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "、".join(value or ())
