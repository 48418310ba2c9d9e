"""A file as the body of a request, or as the part `file` of a form: read in pieces into a temporary file,
never whole into the memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, cast

from django.core.exceptions import (
    RequestDataTooBig,
    SuspiciousMultipartForm,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import UnreadablePostError
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.http import parse_header_parameters
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import BaseParser

from backoffice.api.fields import StrictSerializer
from backoffice.api.parsing import BodyTooLarge
from backoffice.services.imports.storage import MOST_BYTES
from backoffice.tabular.lines import BLOCK

CSV = "text/csv"
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BYTES = "application/octet-stream"
FORM = "multipart/form-data"
PART = "file"
# What a form may hold beside its file: boundaries and heads of parts.
MOST_FRAME = 64 << 10
# Up to this size the file stays in memory.
SMALL = 1 << 20


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that came whole. `name` is what its part calls it, empty where the body is the file."""

    file: BinaryIO
    name: str = ""


class FileParser(BaseParser):
    """The body is the file; what it is called stands in the query. Raises BodyTooLarge, ParseError."""

    media_type = BYTES

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        told = int((parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0)
        target = _place()
        size = 0
        try:
            while block := stream.read(BLOCK):
                size += len(block)
                if size > MOST_BYTES:
                    raise _too_large()
                target.write(block)
        except (UnreadablePostError, OSError):
            raise _torn() from None
        if size < told:
            raise _torn()
        target.seek(0)
        return Sent(target)


class CsvParser(FileParser):
    media_type = CSV


class WorkbookParser(FileParser):
    media_type = WORKBOOK


class FormParser(BaseParser):
    """A form with one part, the file (`curl -F file=@members.csv`). Raises BodyTooLarge, ParseError, and
    ValidationError for every other part, by its name.
    """

    media_type = FORM

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        headers = (parser_context or {})["request"].META
        part, counted = FilePart(), Counted(stream)
        try:
            fields, _files = MultiPartParser(headers, counted, [part], "utf-8").parse()  # type: ignore[arg-type]
            counted.drain()
        except (TooManyFieldsSent, TooManyFilesSent, RequestDataTooBig):
            raise BodyTooLarge(_("The form holds more than its file.")) from None
        except (MultiPartParserError, SuspiciousMultipartForm):
            raise ParseError(_("The body is no form that can be read.")) from None
        except (UnreadablePostError, OSError):
            raise _torn() from None
        _refuse_others({*part.others, *fields})
        if counted.size < int(headers.get("CONTENT_LENGTH") or 0) or not counted.is_closed(media_type or ""):
            raise _torn()
        if part.sent is None:
            raise ValidationError({PART: [_one_file()]})
        return part.sent


class FilePart(FileUploadHandler):
    """Keeps the part `file` on the disk; of other files only the names."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: Sent | None = None
        self.others: list[str] = []
        self._size = 0

    def new_file(self, field_name: str, *args: Any, **kwargs: Any) -> None:
        super().new_file(field_name, *args, **kwargs)
        if field_name != PART or self.sent is not None:
            # A second file would be another import.
            self.others.append(field_name)
            raise SkipFile
        self.sent = Sent(_place(), self.file_name or "")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        assert self.sent is not None
        self._size += len(raw_data)
        if self._size > MOST_BYTES:
            raise _too_large()
        self.sent.file.write(raw_data)

    def file_complete(self, file_size: int) -> None:
        assert self.sent is not None
        self.sent.file.seek(0)


class Counted:
    """A stream that knows how much came through it, and how it ended."""

    TAIL = 512

    def __init__(self, stream: IO[Any]) -> None:
        self._stream = stream
        self.size = 0
        self._tail = b""

    def read(self, size: int = BLOCK) -> bytes:
        block: bytes = self._stream.read(size)
        self.size += len(block)
        if self.size > MOST_BYTES + MOST_FRAME:
            raise _too_large()
        self._tail = (self._tail + block)[-self.TAIL :]
        return block

    def drain(self) -> None:
        while self.read():
            pass

    def is_closed(self, media_type: str) -> bool:
        """Whether the form came to its end: without that, a file that was cut off looks like a short one."""
        boundary = parse_header_parameters(media_type)[1].get("boundary", "")
        return f"--{boundary}--".encode() in self._tail


def _refuse_others(names: set[str]) -> None:
    if names:
        unknown = str(StrictSerializer.unknown_field)
        texts = {n[:100]: [_one_file() if n == PART else unknown] for n in sorted(names)[:20]}
        raise ValidationError(texts, code="unknown")


def _one_file() -> str:
    return str(_("Send exactly one file under this name, with a file name."))


def _place() -> BinaryIO:
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=SMALL))


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(_("The body is larger than %(most)s bytes.") % {"most": MOST_BYTES})


def _torn() -> ParseError:
    return ParseError(_("The body did not arrive whole."))
