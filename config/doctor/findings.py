"""What an examination says."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "PROBLEM"]


@dataclass(frozen=True)
class Finding:
    """One line of the report; `mend` says what to do about it."""

    level: Level
    name: str
    text: str
    mend: str = ""
