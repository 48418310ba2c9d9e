"""Cells of points files. Points are money: nothing is rounded, mended or guessed here."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from backoffice.services.imports.columns import CellFault, ImportWidget, Repaired
from members.import_widgets import DateWidget
from points.choices import ReasonCode
from points.services.imports.fields import NEVER

POINTS = re.compile(r"-?[0-9]{1,7}")
LAST_YEAR = 2999
NEVER_WORDS = frozenset(
    {"never", "none", "永久", "永久有效", "永不到期", "永不過期", "無期限", "無限期", "不到期"}
)
# What people may name; the others are the system's own.
REASONS = (
    ReasonCode.OPENING,
    ReasonCode.MISSING_EARN,
    ReasonCode.WRONG_EARN,
    ReasonCode.WRONG_REDEMPTION,
    ReasonCode.GOODWILL,
    ReasonCode.SYSTEM_FAULT,
    ReasonCode.OTHER,
)
REASON_WORDS = {
    "期初": ReasonCode.OPENING,
    "期初餘額": ReasonCode.OPENING,
    "初始點數": ReasonCode.OPENING,
    "opening balance": ReasonCode.OPENING,
    "漏給點數": ReasonCode.MISSING_EARN,
    "漏點": ReasonCode.MISSING_EARN,
    "多給點數": ReasonCode.WRONG_EARN,
    "誤扣": ReasonCode.WRONG_REDEMPTION,
    "補償": ReasonCode.GOODWILL,
    "善意補償": ReasonCode.GOODWILL,
    "系統異常": ReasonCode.SYSTEM_FAULT,
    "其他": ReasonCode.OTHER,
}


class PointsWidget(ImportWidget):
    """One to seven digits as they stand, with a minus at most. They are matched, because int() takes more."""

    exact = True

    def read(self, text: str) -> str:
        if not POINTS.fullmatch(text):
            raise CellFault
        number = int(text)
        if not number:
            raise CellFault("zero")
        return str(number)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else str(value)


class ReasonWidget(ImportWidget):
    """A reason by its code or its words, in both languages."""

    def __init__(self) -> None:
        super().__init__()
        self._words = {code.value: code.value for code in REASONS}
        self._words |= {word: code.value for word, code in REASON_WORDS.items()}

    def read(self, text: str) -> str:
        word = unicodedata.normalize("NFKC", text).casefold()
        found = self._words.get(word) or next(
            (code.value for code in REASONS if str(code.label).casefold() == word), None
        )
        if found is None:
            raise CellFault
        return found


class ExpiryWidget(DateWidget):
    """The last usable day, or a word for never. A year of the Republic is asked back, not understood."""

    def read(self, text: str) -> str:
        if unicodedata.normalize("NFKC", text).casefold() in NEVER_WORDS:
            return NEVER
        day = super().read(text)
        if isinstance(day, Repaired):
            raise CellFault(hint=str(day))
        if int(day[:4]) > LAST_YEAR:
            raise CellFault
        return day
