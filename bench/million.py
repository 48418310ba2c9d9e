"""G6b, G6d: a million rows by a fresh worker process beside staged SQL, its memory, the line, a million tags.

One round of a million, between two of ten thousand: three would take most of an hour. Quick: a tenth.
"""

from __future__ import annotations

import tempfile
from itertools import count
from pathlib import Path

from bench import import_files, import_process, import_staged, import_way
from bench.findings import Finding
from bench.imports import LARGE, MICRO, SMALL
from bench.scratch import Lab

MOST_EXTRA_MB = 64.0


def run(lab: Lab) -> list[Finding]:
    with tempfile.TemporaryDirectory() as name:
        return measure(lab, Path(name), 100_000 if lab.quick else 1_000_000)


def measure(lab: Lab, folder: Path, rows: int) -> list[Finding]:
    import_way.prepare(folder)
    # Far from the people of the other groups.
    people = count(300)
    first = next(people) * LARGE

    def worker(path: Path, kind: str = "members") -> import_process.Worker:
        return import_process.finish(import_process.start(lab.url, folder, path, kind))

    def small() -> import_process.Worker:
        return worker(import_files.member_file(folder, next(people) * LARGE, SMALL))

    small()
    before = small()
    large = worker(import_files.member_file(folder, first + 20_000_000, rows))
    with lab.connect() as connection:
        path = import_files.member_file(folder, first + 30_000_000, rows)
        staged = import_staged.bring(connection, path) / rows * MICRO
    after = small()
    tags = worker(import_files.tag_file(folder, first + 20_000_000, rows), "tags").seconds / rows * MICRO
    with lab.connect() as connection:
        path = import_files.tag_file(folder, first + 30_000_000, rows)
        bare_tags = import_staged.bring(connection, path, tags=True) / rows * MICRO
    a_row = large.seconds / rows * MICRO
    around = (before.seconds + after.seconds) / 2 / SMALL * MICRO
    extras = [before.extra, after.extra]
    return [
        Finding("m1", f"{rows:,} new members with two tags, a row of the whole way",
                "bare staged SQL, same tables and history", "µs", [a_row], [staged], at_most=3),
        Finding("m2", f"{rows:,} rows, a row", f"{SMALL:,} before and after, a row", "µs",
                [a_row], [around], at_most=1.3),
        Finding("m3", f"memory of a fresh worker over idle, {rows:,} rows", "64 MB", "MB",
                [large.extra], [MOST_EXTRA_MB], at_most=1, note=f"idle {large.idle:.0f} MB"),
        Finding("m4", f"its highest, {rows:,} rows", f"{SMALL:,} rows", "MB",
                [large.highest] * 2, [before.highest, after.highest], at_most=1.1,
                note=f"extra at {SMALL:,}: {max(extras):.0f} MB"),
        Finding("m5", f"one tag for each of {rows:,} members, a row of the whole way",
                "staged SQL into the lean link table", "µs", [tags], [bare_tags], at_most=3),
    ]  # fmt: skip
