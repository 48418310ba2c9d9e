"""Filters of our own pages: points, money, last days."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django import template
from django.utils.safestring import SafeString

from backoffice.admin import display

register = template.Library()


@register.filter
def points(value: int | None) -> str:
    """1234567 -> 1,234,567."""
    return display.number(value)


@register.filter
def signed(value: int) -> SafeString:
    """+200 in green, -200 in red."""
    return display.signed(value)


@register.filter
def twd(value: Decimal) -> str:
    """NT$1,234."""
    return display.money(value)


@register.filter
def last_day(deadline: datetime) -> str:
    """The last day on which points may be used."""
    return display.last_day(deadline)
