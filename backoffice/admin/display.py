"""How values look in lists and pages: signed points, money, times. Passes on the theme's decorator."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

__all__ = ["display", "last_day", "moment", "money", "number", "pretty", "signed", "signed_text"]

MINUS = "\N{MINUS SIGN}"


def number(value: int | None) -> str:
    """1234567 -> "1,234,567"; None -> "-"."""
    return "-" if value is None else f"{value:,}".replace("-", MINUS)


def signed(value: int) -> SafeString:
    """Points with their sign and colour; 0 has neither. Colour only repeats the sign."""
    if value == 0:
        return format_html('<span class="sk-points">{}</span>', "0")
    kind, sign = ("sk-plus", "+") if value > 0 else ("sk-minus", MINUS)
    return format_html('<span class="sk-points {}">{}{}</span>', kind, sign, f"{abs(value):,}")


def signed_text(value: int) -> str:
    """Points with their sign inside a sentence: +200, −200, 0."""
    return number(value) if value <= 0 else f"+{value:,}"


def moment(value: datetime | None) -> str:
    """A time as lists show it: 2026-04-26 07:42, in the installation's zone."""
    return "-" if value is None else formats.date_format(timezone.localtime(value), "DATETIME_FORMAT")


def last_day(deadline: datetime) -> str:
    """The last day on which points may be used: a deadline is the first instant that is too late."""
    return formats.date_format(timezone.localtime(deadline - timedelta(microseconds=1)), "DATE_FORMAT")


def money(value: Decimal) -> str:
    """Decimal("1234.00") -> "NT$1,234"; cents only where there are some."""
    whole = value == value.to_integral_value()
    return f"NT${value:,.0f}" if whole else f"NT${value:,.2f}"


def pretty(value: Any) -> SafeString:
    """JSON for eyes, escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
    return format_html('<pre class="sk-json">{}</pre>', text)
