"""A file as the body of a request: read in pieces into a temporary file, never whole into the memory."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import IO, Any

from django.http import UnreadablePostError
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from backoffice.api.parsing import BodyTooLarge
from backoffice.services.imports.storage import MOST_BYTES
from backoffice.tabular.lines import BLOCK

CSV = "text/csv"
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BYTES = "application/octet-stream"
# Up to this size the file stays in memory.
SMALL = 1 << 20


class FileParser(BaseParser):
    """The body is the file; what it is called stands in the query. Raises BodyTooLarge, ParseError."""

    media_type = BYTES

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        told = int((parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0)
        target: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=SMALL)  # noqa: SIM115 - the view reads it
        size = 0
        try:
            while block := stream.read(BLOCK):
                size += len(block)
                if size > MOST_BYTES:
                    raise BodyTooLarge(_("The body is larger than %(most)s bytes.") % {"most": MOST_BYTES})
                target.write(block)
        except (UnreadablePostError, OSError):
            raise ParseError(_("The body did not arrive whole.")) from None
        if size < told:
            raise ParseError(_("The body did not arrive whole."))
        target.seek(0)
        return target


class CsvParser(FileParser):
    media_type = CSV


class WorkbookParser(FileParser):
    media_type = WORKBOOK
