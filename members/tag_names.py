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
# What people write before the name of a tag in the head of a column.
HEAD_PREFIX = re.compile(r"^\s*(?:標籤|tag)\s*[:：]\s*", re.IGNORECASE)
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


def fit(name: str) -> bool:
    """Whether a tag may be called that."""
    return bool(slug_of(name)) and len(name) <= LONGEST and BETWEEN not in name


def bare_head(head: str) -> str:
    """The tag that the head of a column names.

    >>> [bare_head(head) for head in ("標籤：奶茶", "tag: VIP", "常客")]
    ['奶茶', 'VIP', '常客']
    """
    return tidy(HEAD_PREFIX.sub("", head))


def group_in(name: str) -> str:
    """The group that a name of the form `group:value` brings along.

    >>> [group_in(name) for name in ("收入:35-49K", "住家：租屋", "常客")]
    ['收入', '住家', '']
    """
    part, colon, _rest = name.replace("：", ":").partition(":")
    return tidy(part) if colon else ""


class TagsWidget(ImportWidget):
    """A cell with tags; answers their names with BETWEEN, each once. Whether they exist is the reader's
    question.
    """

    repeats = True

    def read(self, text: str) -> str:
        parts = SEPARATORS.split(text) if SEPARATORS.search(text) else [text]
        names = {slug_of(name): name for part in parts if (name := tidy(part))}
        if len(names) > MOST_A_CELL or not all(map(fit, names.values())):
            raise CellFault
        return BETWEEN.join(names.values())

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "、".join(value or ())
