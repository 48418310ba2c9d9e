"""Doors for staff to the books: looking, and the verbs that correct them."""

from points.admin import adjustments, ledger, panels, programs

__all__ = ["adjustments", "ledger", "panels", "programs"]
