"""Files that cannot be read from the middle - workbooks, UTF-16 - turned into UTF-8 CSV, in pieces."""

from __future__ import annotations

import codecs
from typing import BinaryIO

from backoffice.tabular.faults import FileRefused
from backoffice.tabular.lines import BLOCK


def utf16_to_utf8(file: BinaryIO, target: BinaryIO, encoding: str) -> None:
    """Raises FileRefused for half a character at the end and for halves of pairs."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while block := file.read(BLOCK):
            target.write(decoder.decode(block).encode("utf-8"))
        target.write(decoder.decode(b"", final=True).encode("utf-8"))
    except UnicodeError:
        raise FileRefused("broken_text", encoding="UTF-16") from None
