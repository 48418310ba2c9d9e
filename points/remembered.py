"""Programs as this process remembers them: a row is read again when it has another version.

Rules are read with each receipt and change once a month. Whoever asks for an account gets the version of its
program's row along: the transaction that wrote it and its place, `concat(xmin, ctid)`, which
no change of the row leaves as they are. So nobody is ever judged by a rule that is no longer the one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backoffice import prepared
from points.models import Program

_rows: dict[int, tuple[str, tuple[Any, ...]]] = {}


def programs(versions: Mapping[int, str]) -> dict[int, Program]:
    """The programs of these ids, in the version that was named or in a later one, as the caller's own."""
    known = {pk: _rows.get(pk) for pk in versions}
    missing = [pk for pk, row in known.items() if row is None or row[0] != versions[pk]]
    if missing:
        columns = prepared.columns(Program, "p")
        sql = f"SELECT concat(p.xmin, p.ctid), {columns} FROM points_program p WHERE p.id = ANY(%s)"
        for row in prepared.rows(sql, [missing]):
            _rows[row[1]] = known[row[1]] = (row[0], row[1:])
    return {pk: prepared.made(Program, row[1]) for pk, row in known.items() if row is not None}
