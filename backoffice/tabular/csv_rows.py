"""CSV as a stream of records that can be taken up again at any of them.

`CsvRows` remembers the byte at which the next record begins: a job reads 5,000 records, commits, and the next
chunk - maybe of another process - seeks there. UTF-16 has no such places; it is turned into UTF-8 first.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from backoffice.tabular.faults import FileRefused
from backoffice.tabular.lines import byte_lines

# A cell may break over lines, a quotation mark that is never closed swallows the rest of the file.
MOST_LINES_A_RECORD = 100
LONGEST_CELL = 1 << 20
# Fed behind the last line: whoever finds it inside a cell stands in an open quotation.
END = "\x00\x1aend\x1a\x00"

csv.field_size_limit(LONGEST_CELL)


@dataclass(frozen=True, slots=True)
class Record:
    """One record as written: `line` is where it begins (the first line of the file is 1).

    `broken` says that some of its characters are not in the encoding; they stand as U+FFFD.
    """

    line: int
    cells: list[str]
    broken: bool = False


@dataclass(slots=True)
class Place:
    """Where the next record begins."""

    offset: int = 0
    line: int = 1


class CsvRows:
    """Iterates over the records from a place on; `place` is always that of the next one. Blank lines are
    left out.

    Raises FileRefused while it is iterated over: a quotation that is never closed, a line too long.
    """

    def __init__(self, file: BinaryIO, encoding: str, delimiter: str, place: Place | None = None) -> None:
        self.place = place or Place()
        self._file = file
        self._encoding = encoding
        self._delimiter = delimiter
        self._broken: set[int] = set()
        self._pulled_line = self.place.line
        self._pulled_end = self.place.offset

    def __iter__(self) -> Iterator[Record]:
        self._file.seek(self.place.offset)
        reader = csv.reader(chain(self._texts(), [END]), delimiter=self._delimiter)
        begins = self.place.line
        try:
            for cells in reader:
                if cells == [END]:
                    return
                if (cells and END in cells[-1]) or self._pulled_line - begins > MOST_LINES_A_RECORD:
                    raise FileRefused("quote_open", line=begins)
                self.place = Place(self._pulled_end, self._pulled_line)
                if any(map(str.strip, cells)):
                    yield Record(begins, cells, bool(self._broken))
                self._broken.clear()
                begins = self._pulled_line
        except csv.Error:
            raise FileRefused("quote_open", line=begins) from None

    def _texts(self) -> Iterator[str]:
        codec = self._encoding.removesuffix("-sig")
        at_start = self.place.offset == 0
        for line, start in byte_lines(self._file, first_line=self.place.line):
            self._pulled_end = start + len(line)
            self._pulled_line += 1
            if at_start:
                line, at_start = line.removeprefix(b"\xef\xbb\xbf"), False
            try:
                text = line.decode(codec)
            except UnicodeDecodeError:
                self._broken.add(self._pulled_line - 1)
                text = line.decode(codec, errors="replace")
            if self._pulled_line - self.place.line > MOST_LINES_A_RECORD + 1:
                raise FileRefused("quote_open", line=self.place.line)
            yield text
