"""Doors for staff to members and to what they bought."""

from members.admin import find, member, panels, purchases, settings

__all__ = ["find", "member", "panels", "purchases", "settings"]
