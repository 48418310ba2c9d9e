"""Lines of bytes with the place where they begin, whatever ends them: LF, CRLF, CR, or all of them mixed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from backoffice.tabular.faults import FileRefused

BLOCK = 1 << 16
LONGEST_LINE = 1 << 20


def byte_lines(file: BinaryIO, *, first_line: int = 1) -> Iterator[tuple[bytes, int]]:
    """(line with its end, offset of its first byte) from where the file stands.

    In UTF-8 and CP950 no character holds a byte of a line end, so lines may be cut before they are decoded.
    `first_line` is the number of the first line, for the refusal. Raises FileRefused for a line that is no
    line of a table, before it has filled the memory.
    """
    start = file.tell()
    rest = b""
    number = first_line
    while block := file.read(BLOCK):
        pieces = (rest + block).splitlines(keepends=True)
        # A CR at the end may be half of a CRLF.
        rest = pieces.pop() if not pieces[-1].endswith(b"\n") else b""
        for piece in pieces:
            yield piece, start
            start += len(piece)
            number += 1
        if len(rest) > LONGEST_LINE:
            raise FileRefused("long_line", line=number, most=f"{LONGEST_LINE:,}")
    for piece in rest.splitlines(keepends=True):
        yield piece, start
        start += len(piece)
