"""Doors for staff to members and to what they bought."""

from members.admin import enrolment, find, member, panels, purchases, reports, sessions, settings, story, tags

__all__ = [
    "enrolment",
    "find",
    "member",
    "panels",
    "purchases",
    "reports",
    "sessions",
    "settings",
    "story",
    "tags",
]
