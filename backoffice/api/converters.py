"""What may stand in a path. Anything else leads nowhere: 404, as an unknown id does."""

from __future__ import annotations

LARGEST_ID = 2**63 - 1


class RowId:
    """A positive number that a row can have."""

    regex = "[1-9][0-9]{0,18}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if number > LARGEST_ID:
            raise ValueError(value)
        return number

    def to_url(self, value: int) -> str:
        return str(value)


class Key:
    """An Idempotency-Key: visible ASCII without a slash."""

    regex = r"[\x21-\x2e\x30-\x7e]{1,128}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value
