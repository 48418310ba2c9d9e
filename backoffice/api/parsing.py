"""JSON as it must be: one value for a key, no NaN, no depth, no bytes that PostgreSQL could not keep.

The library's parser takes the last of two keys, lets NaN and lone surrogates through and follows any depth.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import UnreadablePostError
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

DEEPEST = 20
UNFIT = re.compile("[\x00\ud800-\udfff]")


class BodyTooLarge(APIException):
    status_code = 413
    default_code = "body_too_large"


class LengthMissing(APIException):
    status_code = 400
    default_code = "length_missing"


def refuse_pieces(headers: Mapping[str, Any]) -> None:
    """A body without a length never reaches the application, which would act on an empty one instead.

    Raises LengthMissing.
    """
    if "HTTP_TRANSFER_ENCODING" in headers and not headers.get("CONTENT_LENGTH"):
        raise LengthMissing(_("Send the body with its Content-Length, not in pieces."))


class StrictJSONParser(BaseParser):
    """`application/json` in UTF-8, an object, at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes, DEEPEST levels."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Raises ParseError (400), BodyTooLarge (413) or UnsupportedMediaType (415)."""
        headers = (parser_context or {})["request"].META
        if headers.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() != "identity":
            raise UnsupportedMediaType(headers["HTTP_CONTENT_ENCODING"])
        _refuse_other_charset(media_type or "")
        return strict_object(_read(stream, headers))


def strict_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`. Numbers with a point are Decimals. Raises ParseError."""
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_without_doubles,
            parse_constant=_refuse_constant,
            parse_float=Decimal,
        )
    except RecursionError:
        raise ParseError(_("The JSON is nested too deeply.")) from None
    except ValueError:
        # Also UnicodeDecodeError, and numbers of thousands of digits. The library's text would quote the
        # body.
        raise ParseError(_("The body is no valid JSON in UTF-8.")) from None
    if not isinstance(value, dict):
        raise ParseError(_("The body must be a JSON object."))
    # Without an escape no text can hold what is refused, and with few brackets nothing can be deep (what
    # stands in the innermost is a level more): most bodies need no walk through their values.
    if b"\\u" in raw or raw.count(b"{") + raw.count(b"[") >= DEEPEST:
        _refuse_unfit(value)
    return value


def _read(stream: IO[Any], headers: Mapping[str, Any]) -> bytes:
    most = int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)
    try:
        told = int(headers.get("CONTENT_LENGTH") or 0)
        if told > most:
            raise BodyTooLarge(_("The body is larger than %(most)s bytes.") % {"most": most})
        raw = stream.read()
    except RequestDataTooBig:
        raise BodyTooLarge(_("The body is larger than %(most)s bytes.") % {"most": most}) from None
    except (UnreadablePostError, ValueError):
        raise ParseError(_("The body did not arrive whole.")) from None
    if len(raw) < told:
        raise ParseError(_("The body did not arrive whole."))
    return bytes(raw)


def _refuse_other_charset(media_type: str) -> None:
    for parameter in media_type.split(";")[1:]:
        name, _equals, value = parameter.strip().partition("=")
        if name.lower() == "charset" and value.strip("\"' ").lower() not in ("utf-8", "utf8"):
            raise UnsupportedMediaType(media_type)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ParseError(_("The JSON names a key twice."))
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ParseError(_("%(name)s is no JSON number.") % {"name": name})


def _refuse_unfit(root: Any) -> None:
    """Walks without recursion, so that depth is counted and not suffered."""
    waiting: list[tuple[Any, int]] = [(root, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > DEEPEST:
            raise ParseError(_("The JSON is nested too deeply."))
        if isinstance(value, dict):
            waiting += [(part, depth + 1) for pair in value.items() for part in pair]
        elif isinstance(value, list):
            waiting += [(part, depth + 1) for part in value]
        elif isinstance(value, str) and not is_storable(value):
            raise ParseError(_("Texts must not hold NUL or half of a surrogate pair."))


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can keep `text`: no NUL, and nothing that UTF-8 cannot say."""
    return UNFIT.search(text) is None
