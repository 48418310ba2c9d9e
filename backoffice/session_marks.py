"""What a staff session remembers: when it began and was last used, when and how its owner proved himself.

Marks are whole seconds since 1970, because sessions store JSON. A session without marks was begun by another
way than the sign-in page; its time runs from the first request that sees it, and it has proved nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings

BEGAN, SEEN, PROVED, FACTOR = "staff.began", "staff.seen", "staff.proved", "staff.factor"
AWAITED = "staff.awaited"
NEW_SECRET = "staff.new_secret"
SHOW_CODES = "staff.show_codes"
# Written at most once a minute: a page must not cost an UPDATE.
SEEN_EVERY = 60
# Between the password and the code.
PATIENCE = 5 * 60


def begin(session: Any, now: datetime, *, factor: bool) -> None:
    """Somebody has just signed in, with a second factor or without."""
    at = int(now.timestamp())
    session.update({BEGAN: at, SEEN: at, PROVED: at, FACTOR: factor})
    session.pop(AWAITED, None)


def prove(session: Any, now: datetime, *, factor: bool) -> None:
    """The owner has proved himself again. A second factor, once shown, stays shown."""
    session[PROVED] = int(now.timestamp())
    session[FACTOR] = factor or session.get(FACTOR, False)


def touch(session: Any, now: datetime) -> None:
    """The session is in use."""
    at = int(now.timestamp())
    if BEGAN not in session:
        session[BEGAN] = at
    if at - session.get(SEEN, 0) >= SEEN_EVERY:
        session[SEEN] = at


def is_over(session: Any, now: datetime) -> bool:
    """Unused for STAFF_IDLE_MINUTES, or older than STAFF_SESSION_HOURS."""
    at = int(now.timestamp())
    idle = at - session.get(SEEN, at) > settings.STAFF_IDLE_MINUTES * 60
    return idle or at - session.get(BEGAN, at) > settings.STAFF_SESSION_HOURS * 3600


def proved_recently(session: Any, now: datetime) -> bool:
    """Whether the owner proved himself within STAFF_REAUTHENTICATE_MINUTES; always when that is 0."""
    minutes: int = settings.STAFF_REAUTHENTICATE_MINUTES
    return not minutes or int(now.timestamp()) - session.get(PROVED, 0) <= minutes * 60


def await_code(session: Any, now: datetime, *, user_id: int, auth_hash: str) -> None:
    """The password was right; until the code is too, nobody is signed in."""
    session.cycle_key()
    session[AWAITED] = {"user": user_id, "hash": auth_hash, "at": int(now.timestamp())}


def awaited(session: Any, now: datetime) -> dict[str, Any] | None:
    """Whose code is awaited: `user` (id) and `hash` (of his sessions, as it was); None after PATIENCE."""
    waiting: dict[str, Any] | None = session.get(AWAITED)
    if waiting and int(now.timestamp()) - waiting["at"] <= PATIENCE:
        return waiting
    return None
