"""A block of records at once, where no cell is quoted: what machines write, read in a fraction of the time.

What is not plain - quotation marks, lone CRs, broken characters, blank lines - is left to `CsvRows`, which
reads the same records from the same place.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import BinaryIO

from backoffice.tabular.csv_rows import Place
from backoffice.tabular.lines import LONGEST_LINE

BLOCK = 1 << 18
# So many bytes without enough lines are no table of a machine.
MOST_BYTES = 16 * BLOCK


@dataclass(frozen=True, slots=True)
class PlainBlock:
    """Records of one line each, the first of them in line `first`; `place` is that of the next one."""

    first: int
    rows: list[list[str]]
    place: Place


def plain_block(file: BinaryIO, encoding: str, delimiter: str, place: Place, most: int) -> PlainBlock | None:
    """At most `most` records from `place` on; None when they are not plain."""
    if not place.offset:
        return None
    data = _lines(file, place.offset, most)
    if data is None or b'"' in data:
        return None
    plain = data.replace(b"\r\n", b"\n")
    if b"\r" in plain:
        return None
    try:
        lines = plain.decode(encoding.removesuffix("-sig")).split("\n")
        if not lines[-1]:
            lines.pop()
        rows = list(csv.reader(lines, delimiter=delimiter))
    except (UnicodeDecodeError, csv.Error):
        return None
    full = all(row and (row[0].strip() or any(map(str.strip, row))) for row in rows)
    if not full or len(rows) != len(lines):
        return None
    if lines and max(map(len, lines)) > LONGEST_LINE:
        return None
    return PlainBlock(place.line, rows, Place(place.offset + len(data), place.line + len(rows)))


def _lines(file: BinaryIO, offset: int, most: int) -> bytes | None:
    """`most` lines with their ends, or what is left of the file. None when they are too long for a table."""
    file.seek(offset)
    blocks, found = [], 0
    while found < most and (block := file.read(BLOCK)):
        blocks.append(block)
        found += block.count(b"\n")
        if len(blocks) * BLOCK > MOST_BYTES:
            return None
    data = b"".join(blocks)
    if found < most:
        return data
    rest = data.split(b"\n", most)[most]
    return data[: len(data) - len(rest)]
