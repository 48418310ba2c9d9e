"""Tables and charts as values: reports and the overview build them, one template shows, CSV takes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.utils import formats
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _

from backoffice.admin.display import moment, money, number, signed

Text = str | Promise
COLOURS = ("#0f766e", "#d97706", "#9ca3af", "#2563eb")
NOTHING = "-"


class Show(StrEnum):
    """How a column's values look. Money is NT$, percent a share of 100."""

    TEXT = "text"
    NUMBER = "number"
    SIGNED = "signed"
    MONEY = "money"
    PERCENT = "percent"
    DAY = "day"
    MONTH = "month"
    MOMENT = "moment"


TO_THE_RIGHT = {Show.NUMBER, Show.SIGNED, Show.MONEY, Show.PERCENT}


@dataclass(frozen=True, slots=True)
class Column:
    title: Text
    show: Show = Show.TEXT


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that leads to where the number or the name comes from. `value` is shown as its column says."""

    value: Any
    href: str


@dataclass(frozen=True, slots=True)
class Cell:
    """What the template needs: `css` class, `text` (escaped or safe), `href` or nothing."""

    css: str
    text: Any
    href: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars or lines over `labels`; the table beside it holds the same figures."""

    labels: Sequence[str]
    series: Sequence[tuple[Text, Sequence[int]]]
    kind: str = "bar"

    @property
    def data(self) -> str:
        style: dict[str, Any] = (
            {"borderRadius": 2, "maxBarThickness": 48}
            if self.kind == "bar"
            else {"borderWidth": 2, "pointRadius": 2}
        )
        datasets = [
            {
                "label": str(label),
                "data": list(values),
                "backgroundColor": colour,
                "borderColor": colour,
                **style,
            }
            for (label, values), colour in zip(self.series, COLOURS, strict=False)
        ]
        return json.dumps({"labels": list(self.labels), "datasets": datasets})

    @property
    def options(self) -> str:
        return json.dumps(
            {
                "maintainAspectRatio": False,
                "responsive": True,
                "animation": False,
                "plugins": {"legend": {"display": len(self.series) > 1, "position": "bottom"}},
                "scales": {
                    "x": {"display": True, "grid": {"display": False}},
                    "y": {"display": True, "beginAtZero": True, "ticks": {"precision": 0}},
                },
            }
        )


@dataclass(frozen=True, slots=True)
class Section:
    """One table with its title; `rows` hold plain values (or Links of them), in the order of `columns`.

    `note` says how the figures are counted, `empty` what it means that there is no row, `href` leads to all
    of it. `warning` must not be overlooked.
    """

    title: Text
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    chart: Chart | None = None
    note: Text = ""
    warning: Text = ""
    empty: Text = ""
    href: str = ""
    totals: Sequence[Any] = ()

    @property
    def is_wide(self) -> bool:
        """Too many columns to stand beside the chart: the table goes below it."""
        return len(self.columns) > 5

    def shown_heads(self) -> list[Cell]:
        return [Cell(_css(column, first=n == 0), column.title, "") for n, column in enumerate(self.columns)]

    def shown_rows(self) -> list[list[Cell]]:
        return [self._shown(row) for row in self.rows]

    def shown_totals(self) -> list[Cell]:
        return self._shown(self.totals) if self.totals else []

    def _shown(self, row: Sequence[Any]) -> list[Cell]:
        cells = []
        for place, (column, given) in enumerate(zip(self.columns, row, strict=True)):
            value, href = (given.value, given.href) if isinstance(given, Link) else (given, "")
            cells.append(Cell(_css(column, first=place == 0), shown(value, column.show), href))
        return cells

    def texts(self) -> Iterator[list[str]]:
        """The table as a file holds it: heads, rows and totals, values without thousands and colours."""
        yield [str(column.title) for column in self.columns]
        for row in (*self.rows, self.totals) if self.totals else self.rows:
            plain = [given.value if isinstance(given, Link) else given for given in row]
            yield [_written(value, column.show) for column, value in zip(self.columns, plain, strict=True)]


def shown(value: Any, show: Show) -> Any:
    """A value as people read it. A text in a column of figures ("together") stays a text."""
    if value is None or value == "":
        return NOTHING
    match show:
        case _ if isinstance(value, str):
            return value
        case Show.NUMBER:
            return number(value)
        case Show.SIGNED:
            return signed(value)
        case Show.MONEY:
            return money(value)
        case Show.PERCENT:
            return f"{value:.1f} %"
        case Show.DAY:
            return formats.date_format(value, "DATE_FORMAT")
        case Show.MONTH:
            return f"{value:%Y-%m}"
        case Show.MOMENT:
            return format_html('<span class="sk-time">{}</span>', moment(value))
    return value


def _written(value: Any, show: Show) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat()
        case date():
            return f"{value:%Y-%m}" if show == Show.MONTH else value.isoformat()
        case bool():
            return _("Yes") if value else _("No")
        case Decimal() if show == Show.PERCENT:
            return f"{value:.1f}"
    return str(value)


def _css(column: Column, *, first: bool) -> str:
    if column.show in TO_THE_RIGHT:
        return "sk-num"
    if column.show in (Show.DAY, Show.MONTH, Show.MOMENT):
        return "sk-time"
    return "sk-first" if first else ""
