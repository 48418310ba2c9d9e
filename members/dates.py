"""Dates as they stand in Taiwanese files: 1990-05-05, 1990/5/5, 19900505, 79/05/05, 0790505, 民國79年."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

# A year below this counts from the founding of the Republic (民國元年 = 1912).
FIRST_GREGORIAN = 1000
ROC_OFFSET = 1911
PARTED = re.compile(r"(?:民國)?\s*([0-9]{2,4})\s*[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})\s*日?")
RUN = re.compile(r"([0-9]{2,4})([0-9]{2})([0-9]{2})")


def parse_date(text: str) -> date:
    """The date that `text` means; a time behind it is cut off when it is midnight. Raises ValueError.

    Day before month is never guessed: 05/06/1990 is refused.
    """
    bare = unicodedata.normalize("NFKC", text).strip().removesuffix(" 00:00:00").removesuffix("T00:00:00")
    match = PARTED.fullmatch(bare) or RUN.fullmatch(bare)
    if match is None:
        raise ValueError(f"no date: {text!r}")
    year, month, day = (int(part) for part in match.groups())
    return date(year if year >= FIRST_GREGORIAN else year + ROC_OFFSET, month, day)
