"""Doors for staff to what campaigns give and take back."""

from campaigns.admin import returns, till_inbox

__all__ = ["returns", "till_inbox"]
