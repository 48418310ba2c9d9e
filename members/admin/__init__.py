"""Doors for staff to members and to what they bought."""

from members.admin import (
    blank_cards,
    enrolment,
    find,
    member,
    panels,
    purchases,
    reports,
    sessions,
    settings,
    story,
    tags,
)

__all__ = [
    "blank_cards",
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
