"""Doors for staff to what campaigns give and take back."""

from campaigns.admin import claims, gifts, grants, returns, till_inbox

__all__ = ["claims", "gifts", "grants", "returns", "till_inbox"]
