"""Gzipped uploads: unpacked into a file of its own, and never further than a file may be large."""

from __future__ import annotations

import gzip
import tempfile
import zlib
from typing import BinaryIO, cast

from backoffice.tabular.faults import FileRefused
from backoffice.tabular.lines import BLOCK

MAGIC = b"\x1f\x8b"
SUFFIX = ".gz"


def is_gzipped(file: BinaryIO) -> bool:
    """By its first bytes, whatever its name says. Rewinds the file."""
    head = file.read(len(MAGIC))
    file.seek(0)
    return head == MAGIC


def unpack(file: BinaryIO, most: int) -> BinaryIO:
    """What the file holds, as a temporary file at its beginning.

    Raises FileRefused as soon as more than `most` bytes come out, and for a damaged or cut file.
    """
    target = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - the caller reads it
    size = 0
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as packed:
            while block := packed.read(BLOCK):
                size += len(block)
                if size > most:
                    raise FileRefused("too_big", most=most >> 20)
                target.write(block)
    except (OSError, EOFError, zlib.error):
        target.close()
        raise FileRefused("gzip_broken") from None
    except FileRefused:
        target.close()
        raise
    target.seek(0)
    return target
