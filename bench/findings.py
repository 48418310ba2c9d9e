"""What a yardstick found, and the table that shows it."""

from __future__ import annotations

import statistics
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Slice = Callable[[], float]


def interleave(slices: Mapping[str, Slice], rounds: int) -> dict[str, list[float]]:
    """Run every slice once a round, in turn, so that a drifting machine drifts under all of them.

    Every other round goes backwards: nobody is always the one who runs after the checkpoint.
    """
    values: dict[str, list[float]] = {name: [] for name in slices}
    for turn in range(rounds):
        names = list(slices) if turn % 2 == 0 else list(reversed(slices))
        for name in names:
            values[name].append(slices[name]())
    return values


@dataclass(frozen=True)
class Finding:
    """One line of the table: our values against the anchor's, round by round.

    `at_least`/`at_most` bound `ratio`, the median of ours / anchor in the same round; with neither the line
    is only told. `unit` names the values; `faster` turns the ratio round (anchor / ours) for durations of
    which ours should be the smaller. A line without values says why in `note`.
    """

    code: str
    what: str
    anchor_name: str
    unit: str
    ours: Sequence[float]
    anchor: Sequence[float]
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""
    faster: bool = False

    @property
    def ratios(self) -> list[float]:
        """Round by round; empty when one side has no values."""
        pairs = zip(self.ours, self.anchor, strict=True) if self.ours and self.anchor else ()
        return [anchor / ours if self.faster else ours / anchor for ours, anchor in pairs]

    @property
    def ratio(self) -> float | None:
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def verdict(self) -> str:
        ratio = self.ratio
        if ratio is None:
            return "not measured"
        if self.at_least is not None:
            return "ok" if ratio >= self.at_least else f"MISSED by {1 - ratio / self.at_least:.0%}"
        if self.at_most is not None:
            return "ok" if ratio <= self.at_most else f"MISSED by {ratio / self.at_most - 1:.0%}"
        return "-"

    def cells(self) -> tuple[str, ...]:
        goal = "-"
        if self.at_least is not None:
            goal = f">= {self.at_least:g}"
        elif self.at_most is not None:
            goal = f"<= {self.at_most:g}"
        ratio = self.ratio
        spread = self.ratios
        return (
            self.code,
            self.what,
            _figure(self.ours, self.unit),
            self.anchor_name,
            _figure(self.anchor, self.unit),
            "-" if ratio is None else f"{ratio:.2f} ({min(spread):.2f}-{max(spread):.2f})",
            goal,
            self.verdict + (f"; {self.note}" if self.note else ""),
        )


HEADINGS = ("line", "ours", "median", "anchor", "median", "ratio (range)", "goal", "verdict")


def _figure(values: Sequence[float], unit: str) -> str:
    if not values:
        return "-"
    middle = statistics.median(values)
    return f"{middle:,.0f} {unit}" if middle >= 100 else f"{middle:.3g} {unit}"


def table(findings: Sequence[Finding]) -> str:
    """All findings as a Markdown table, aligned for the terminal too."""
    rows = [HEADINGS, *(finding.cells() for finding in findings)]
    widths = [max(_width(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [
        "| " + " | ".join(_padded(c, w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
