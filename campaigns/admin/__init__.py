"""Doors for staff to what campaigns give and take back."""

from campaigns.admin import gifts, returns, till_inbox

__all__ = ["gifts", "returns", "till_inbox"]
