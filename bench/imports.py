"""G6, G6b, G6c: new members with two tags each, and the same file again, at 10,000 and 100,000 rows.

Ours is the whole way: upload, look, check, confirm, apply, with the preview, the members' history and trail,
and what an undo needs. The anchors do the least that makes the same members and tags.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

from bench import import_files, import_staged, import_stock, import_way
from bench.findings import Finding, Slice, interleave
from bench.scratch import Lab

SMALL, LARGE = 10_000, 100_000
# Some six milliseconds a row, however many there are: a hundred thousand would take ten minutes a round.
STOCK_ROWS, STOCK_ROWS_QUICK = 2_000, 300
MICRO = 1e6
# Numbers of people whom no other yardstick makes: theirs are counted from one.
KNOWN = 40_000_000


def effects() -> tuple[int, int, int, int]:
    """Rows of members, their history, their tags and the trail."""
    from backoffice.models import AuditEvent
    from members.models import Member, MemberTag

    history = Member.pgh_event_models["insert"].objects.count()  # type: ignore[attr-defined]
    trail = AuditEvent.objects.filter(subject_type="members.member").count()
    return Member.objects.count(), history, MemberTag.objects.count(), trail


def ours(folder: Path, people: count[int], rows: int) -> Slice:
    """Microseconds a row, for new people each time."""

    def slice_() -> float:
        first = next(people) * LARGE
        path = import_files.member_file(folder, first, rows)
        before = effects()
        took = import_way.bring(path)
        made = tuple(after - was for after, was in zip(effects(), before, strict=True))
        if made != (rows, rows, 2 * rows, rows):
            raise AssertionError(f"{rows} rows left (members, history, tags, trail) = {made}")
        return took.seconds / rows * MICRO

    return slice_


def ours_again(path: Path, rows: int) -> Slice:
    """The same file once more: nothing may be written."""

    def slice_() -> float:
        before = effects()
        took = import_way.bring(path)
        if took.applied or effects() != before or took.counts.get("same") != rows:
            raise AssertionError(f"an unchanged file wrote: {took.counts}")
        return took.seconds / rows * MICRO

    return slice_


def staged(lab: Lab, folder: Path, people: count[int], rows: int) -> Slice:
    def slice_() -> float:
        path = import_files.member_file(folder, next(people) * LARGE, rows)
        with lab.connect() as connection:
            return import_staged.bring(connection, path) / rows * MICRO

    return slice_


def stock(path_of: Callable[[], Path], rows: int, what: str) -> Slice:
    """`what` is the word of the library for what must have become of every row."""

    def slice_() -> float:
        seconds, totals = import_stock.bring(path_of())
        if totals.get(what) != rows:
            raise AssertionError(f"django-import-export: {totals}")
        return seconds / rows * MICRO

    return slice_


def run(lab: Lab) -> list[Finding]:
    with tempfile.TemporaryDirectory() as name:
        return measure(lab, Path(name))


def measure(lab: Lab, folder: Path) -> list[Finding]:
    import_way.prepare(folder)
    people = count(450)
    few = STOCK_ROWS_QUICK if lab.quick else STOCK_ROWS
    large = SMALL if lab.quick else LARGE
    known = import_files.member_file(folder, KNOWN, large)
    import_way.bring(known)
    known_few = import_files.member_file(folder, KNOWN, few)
    with lab.connect() as connection:
        connection.execute("VACUUM ANALYZE")
    slices = {
        "ours 10k": ours(folder, people, SMALL),
        "stock new": stock(lambda: import_files.member_file(folder, next(people) * LARGE, few), few, "new"),
        "ours 100k": ours(folder, people, large),
        "staged 100k": staged(lab, folder, people, large),
        "again": ours_again(known, large),
        "stock again": stock(lambda: known_few, few, "update"),
    }
    found = interleave(slices, lab.rounds)
    library = f"django-import-export's default, {few:,} rows (linear; compared per row)"
    return [
        Finding("i1", f"{SMALL:,} new members with two tags, a row of the whole way", library, "µs",
                found["ours 10k"], found["stock new"], at_least=30, faster=True),
        Finding("i2", f"{large:,} of them", library, "µs",
                found["ours 100k"], found["stock new"], at_least=30, faster=True),
        Finding("i3", f"{large:,} of them", "bare staged SQL, same tables and history", "µs",
                found["ours 100k"], found["staged 100k"], at_most=3),
        Finding("i4", f"the same {large:,} again: 0 rows written", library, "µs",
                found["again"], found["stock again"], at_least=100, faster=True),
    ]  # fmt: skip
