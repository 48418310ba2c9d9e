"""Doors for staff into the house, and the base classes that every app's admin stands on."""

from backoffice.admin import (
    alarms,
    api_keys,
    bell,
    exports,
    imports,
    merchant,
    notices,
    security,
    staff,
    traces,
    trail,
    webhooks,
)

__all__ = [
    "alarms",
    "api_keys",
    "bell",
    "exports",
    "imports",
    "merchant",
    "notices",
    "security",
    "staff",
    "traces",
    "trail",
    "webhooks",
]
