"""The sign in the header, for the template of every page."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest

from backoffice.admin import bell

register = template.Library()


@register.simple_tag
def bell_sign(request: HttpRequest) -> dict[str, Any]:
    """What the bell shows (`shown`, empty for nothing) and says (`said`)."""
    return bell.sign(bell.unread(request))
