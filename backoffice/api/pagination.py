"""Pages of books: from where the last one ended, never by counting from the beginning.

A cursor is opaque and sealed: it belongs to one list of one caller, and a made-up one is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core import signing
from rest_framework import serializers

from backoffice.api.fields import StrictSerializer
from backoffice.errors import CursorInvalid

PAGE = 20
LARGEST_PAGE = 100
LONGEST_CURSOR = 300
Row = TypeVar("Row")


class PageQuery(StrictSerializer):
    """`limit` is the size of a page, `cursor` the `next` of the page before."""

    limit = serializers.RegexField(r"^[1-9][0-9]{0,9}$", required=False)
    cursor = serializers.CharField(required=False, max_length=LONGEST_CURSOR)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a page; `next` is the cursor of the one behind it, None at the end."""

    rows: Sequence[Any]
    next: str | None


def page_of(
    query: dict[str, Any],
    *,
    list_name: str,
    fetch: Callable[[Any, int], Sequence[Row]],
    place: Callable[[Row], Any],
) -> Page:
    """A page of what `fetch(after, limit)` gives; `place(row)` is the JSON value behind which the next
    begins.

    `list_name` says whose list it is ("entries:12"): a cursor of another list is no cursor here. A size above
    LARGEST_PAGE is cut to it. Raises CursorInvalid.
    """
    size = min(int(query.get("limit") or PAGE), LARGEST_PAGE)
    after = _opened(query["cursor"], list_name) if query.get("cursor") else None
    rows = list(fetch(after, size + 1))
    more = len(rows) > size
    shown = rows[:size]
    return Page(
        shown, signing.dumps(place(shown[-1]), salt=_salt(list_name), compress=False) if more else None
    )


def _opened(cursor: str, list_name: str) -> Any:
    try:
        return signing.loads(cursor, salt=_salt(list_name))
    except (signing.BadSignature, ValueError, UnicodeError):
        raise CursorInvalid from None


def _salt(list_name: str) -> str:
    return f"backoffice.api.cursor:{list_name}"
