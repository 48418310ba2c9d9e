"""CSV files as merchants have them: UTF-8 with or without BOM, UTF-16, or Big5 out of an old till.

The encoding is the first of BOM, strict UTF-8, CP950 that fits. CP950 is read line by line, and a line that
is not in it is marked, never guessed at: under HKSCS a user-defined character would turn into a wrong one.
"""

from __future__ import annotations

import codecs
import csv
import io
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from django.utils.translation import gettext as _

from members.errors import UnreadableFile

BLOCK = 1 << 16
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# More bad lines than this are counted, not listed: nobody reads on, and the list is kept in memory.
MOST_LISTED = 1000


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One record: `line` is where it ends (the head is line 1), `values` are trimmed texts by column.

    `problem` says why the record cannot be used at all; empty when it can.
    """

    line: int
    values: dict[str, str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong with a line, in words for the person who corrects the file."""

    line: int
    column: str
    value: str
    expected: str


@dataclass(slots=True)
class LoadReport:
    """Counts of lines. `repaired` ones are among the others: a value was understood, not read as written."""

    created: int = 0
    changed: int = 0
    same: int = 0
    repaired: int = 0
    bad: int = 0
    errors: list[LineError] = field(default_factory=list)

    @property
    def lines(self) -> int:
        return self.created + self.changed + self.same + self.bad

    def refuse(self, line: int, column: str, value: str, expected: str) -> None:
        """Count a bad line, once for the first thing that is wrong with it."""
        self.bad += 1
        if len(self.errors) < MOST_LISTED:
            self.errors.append(LineError(line, column, value, str(expected)))


def detect_encoding(file: BinaryIO) -> str:
    """`utf-8-sig`, `utf-16`, `utf-8` or `cp950`; reads the file through and rewinds it."""
    head = file.read(4)
    file.seek(0)
    for bom, encoding in BOMS:
        if head.startswith(bom):
            return encoding
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := file.read(BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp950"
    else:
        return "utf-8"
    finally:
        file.seek(0)


def read_csv(file: BinaryIO, *, required: Collection[str], encoding: str = "") -> Iterator[CsvRow]:
    """The records of a seekable file, one at a time; blank ones are left out.

    Raises UnreadableFile, when the first record is asked for, without a head that has all `required` columns,
    and later when quotes do not close.
    """
    bad_lines: set[int] = set()
    lines = _decoded(file, encoding or detect_encoding(file), bad_lines)
    reader = csv.reader(lines)
    try:
        head = [unicodedata.normalize("NFKC", cell).strip() for cell in next(reader, [])]
        missing = [column for column in required if column not in head]
        if missing:
            raise UnreadableFile(problem=_("missing columns %(columns)s") % {"columns": ", ".join(missing)})
        before = reader.line_num
        for cells in reader:
            here = range(before + 1, reader.line_num + 1)
            before = reader.line_num
            row = _row(head, cells, before, bad_lines.intersection(here))
            bad_lines.clear()
            if row:
                yield row
    except (csv.Error, UnicodeError) as error:
        raise UnreadableFile(problem=f"{reader.line_num + 1}: {error}") from error


def _row(head: list[str], cells: list[str], line: int, bad_lines: set[int]) -> CsvRow | None:
    texts = [cell.strip() for cell in cells]
    if not any(texts):
        return None
    values = dict(zip(head, texts, strict=False)) | dict.fromkeys(head[len(texts) :], "")
    if bad_lines:
        return CsvRow(line, values, _("characters of Big5 or UTF-8 only"))
    if any(texts[len(head) :]):
        return CsvRow(line, values, _("%(count)s columns") % {"count": len(head)})
    return CsvRow(line, values)


def _decoded(file: BinaryIO, encoding: str, bad_lines: set[int]) -> Iterator[str]:
    if encoding.startswith("utf-16"):
        yield from io.TextIOWrapper(file, encoding=encoding, newline="")
        return
    # No byte of a UTF-8 or CP950 character is a line feed: lines may be cut before they are decoded.
    for number, line in enumerate(file, start=1):
        codec = encoding if number == 1 else encoding.removesuffix("-sig")
        try:
            yield line.decode(codec)
        except UnicodeDecodeError:
            bad_lines.add(number)
            yield line.decode(codec, errors="replace")
