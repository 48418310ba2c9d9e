"""Doors for staff into the house, and the base classes that every app's admin stands on."""

from backoffice.admin import merchant, staff, traces

__all__ = ["merchant", "staff", "traces"]
