"""The next rows of a file, read and checked in Python: many at once where they are usual, else one by one.

The same records come out of both ways, and the same checksum of what they say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from backoffice.services.imports.cells import RowReader
from backoffice.services.imports.staging import Row
from backoffice.tabular.csv_rows import CsvRows, Place, Record
from backoffice.tabular.plain_rows import plain_block

if TYPE_CHECKING:
    from hashlib import _Hash

# One odd row sends so many through the long way.
SLICE = 250


@dataclass(slots=True)
class Read:
    """`rows` are to be staged one by one; `lines` and `columns` the usual ones of a short way."""

    place: Place
    count: int = 0
    mark: str = ""
    rows: list[Row] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    columns: dict[str, list[str]] = field(default_factory=dict)


def next_rows(
    file: BinaryIO,
    layout: Mapping[str, Any],
    place: Place,
    most: int,
    reader: RowReader,
    digest: _Hash,
    *,
    short: bool,
) -> Read:
    """At most `most` records from `place` on. `short`: the kind takes usual rows by columns. `digest` goes
    on with what the records say. Raises FileRefused.
    """
    block = plain_block(file, layout["read_as"], layout["delimiter"], place, most)
    if block is None:
        records = CsvRows(file, layout["read_as"], layout["delimiter"], place)
        read = Read(place)
        for record in islice(records, most):
            read.count += 1
            digest.update(("\x1f".join(record.cells) + "\x1e").encode("utf-8", "surrogatepass"))
            read.rows.append((record.line, *reader.read(record)))
        read.place = records.place
    else:
        read = Read(block.place, len(block.rows))
        digest.update("".join(["\x1f".join(cells) + "\x1e" for cells in block.rows]).encode())
        for first, rows in _slices(block.rows):
            columns = reader.read_many(rows) if short else None
            line = block.first + first
            if columns is None:
                numbered = enumerate(rows, line)
                read.rows += [(number, *reader.read(Record(number, cells))) for number, cells in numbered]
                continue
            read.lines += range(line, line + len(rows))
            for name, values in columns.items():
                read.columns.setdefault(name, []).extend(values)
    read.mark = digest.hexdigest()
    return read


def _slices(rows: list[list[str]]) -> Iterator[tuple[int, list[list[str]]]]:
    for first in range(0, len(rows), SLICE):
        yield first, rows[first : first + SLICE]
