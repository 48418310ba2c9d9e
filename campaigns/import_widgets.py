"""Cells of receipt files: what each may hold. Money is taken as it is written or not at all.

A widget answers the text that is staged and that `Decimal`, `int` and `datetime.fromisoformat` read back, or
raises CellFault. Both doors for files of receipts, the import desk and the command, read with these.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import Any

from backoffice.services.imports.columns import CellFault, ImportWidget, Repaired

AMOUNT = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,2})?")
NEGATIVE = re.compile(r"[-−－(（][0-9]{1,10}(?:\.[0-9]{1,2})?[)）]?")
COUNT = re.compile(r"[0-9]{1,9}")
QUANTITY = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,3})?")
MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
DAY_LENGTH = 10
# Older receipts are a clock that was never set.
OLDEST = datetime(1990, 1, 1, tzinfo=UTC)


class CodeWidget(ImportWidget):
    """A number or a word that means something to another system: `least` to `most` characters, untouched."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def read(self, text: str) -> str:
        if len(text) > self.most:
            raise CellFault("too_long", most=self.most, found=len(text))
        return text


class MoneyWidget(ImportWidget):
    """NT$ with at most two places, below ten thousand million. `signed`: a discount's line may be below 0."""

    def __init__(self, *, signed: bool = False) -> None:
        super().__init__()
        self.signed = signed

    def read(self, text: str) -> str:
        bare = text[1:] if self.signed and text.startswith("-") else text
        if AMOUNT.fullmatch(bare):
            return text
        raise CellFault("negative" if NEGATIVE.fullmatch(text) else "")


class CountWidget(ImportWidget):
    """A whole number from 0 (`least`) on."""

    def __init__(self, least: int = 0, most: int = 999_999_999) -> None:
        super().__init__()
        self.least, self.most = least, most

    def read(self, text: str) -> str:
        if not COUNT.fullmatch(text) or not self.least <= int(text) <= self.most:
            raise CellFault
        return str(int(text))


class QuantityWidget(ImportWidget):
    """Pieces or weight above 0, at most three places."""

    def read(self, text: str) -> str:
        if not QUANTITY.fullmatch(text) or not text.strip("0."):
            raise CellFault
        return text


class MomentWidget(ImportWidget):
    """ISO 8601, with or without an offset; a day alone is its midnight, and marked as understood."""

    def read(self, text: str) -> str:
        if not MOMENT.fullmatch(text):
            raise CellFault
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise CellFault from None
        return Repaired(moment.isoformat()) if len(text) == DAY_LENGTH else moment.isoformat()

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return value.isoformat() if value else ""


def placed(text: str, zone: tzinfo, now: datetime | None = None, column: str = "purchased_at") -> datetime:
    """What MomentWidget read, as an instant in UTC; without an offset it is a local time of `zone`.

    Raises CellFault for a local time that the clock showed twice or never, and for one before 1990, or after
    `now` where that is given.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = _local(moment, zone, column)
    try:
        instant = moment.astimezone(UTC)
    except OverflowError:
        raise CellFault("out_of_range", column=column) from None
    if instant < OLDEST:
        raise CellFault("out_of_range", column=column)
    if now is not None and instant > now:
        raise CellFault("future", column=column)
    return instant


def _local(moment: datetime, zone: tzinfo, column: str) -> datetime:
    try:
        early, late = (moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if early.astimezone(zone).replace(tzinfo=None) != moment:
            raise CellFault("no_such_time", column=column)
    except OverflowError:
        raise CellFault("out_of_range", column=column) from None
    if early != late:
        raise CellFault("ambiguous", column=column)
    return early
