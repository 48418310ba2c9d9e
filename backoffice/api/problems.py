"""Errors as `application/problem+json` (RFC 9457), one shape for all of them, in the caller's language.

`detail` and `message` hold the same sentence: the first is the standard's word, the second the one that most
clients look for. `code` never changes and is what programs decide by.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response

from backoffice.api.requests import request_id
from backoffice.api.statuses import status_of
from backoffice.errors import Refusal

CONTENT_TYPE = "application/problem+json"
TYPE = "urn:shuke:problem:"
# Of PostgreSQL: somebody else holds what we need, and will let go of it soon.
BUSY = {"55P03": 1, "40P01": 1, "40001": 1, "57014": 2}
DOWN_RETRY_SECONDS = 5
LONGEST_FIELD_LIST = 50

log = structlog.get_logger(__name__)


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """What DRF calls for whatever a view raises. Never answers with a stack, a statement or a path."""
    request = context["request"]
    exc = _translated(exc)
    if isinstance(exc, Refusal):
        return _refused(exc, request)
    if isinstance(exc, OperationalError | InterfaceError):
        return _database(exc, request)
    if isinstance(exc, exceptions.ValidationError):
        fields = _flat(exc.detail)
        return problem(request, 400, "invalid", _("Check the fields that are named."), fields=fields)
    if isinstance(exc, exceptions.APIException):
        return _library(exc, request)
    log.exception("unhandled exception in the API", exc_info=exc)
    got_request_exception.send(sender=None, request=getattr(request, "_request", request))
    return problem(request, 500, "internal", _("Something went wrong here. It has been written down."))


def problem(
    request: Any,
    status: int,
    code: str,
    detail: str,
    *,
    fields: Mapping[str, list[str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error answer. `fields` maps a field ("lines.0.amount") to sentences."""
    asked = request_id(getattr(request, "_request", request))
    body = problem_body(status, code, detail, fields=fields, request_id=asked)
    response = Response(body, status=status, content_type=CONTENT_TYPE)
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def problem_body(
    status: int, code: str, detail: str, *, request_id: str, fields: Mapping[str, list[str]] | None = None
) -> dict[str, Any]:
    return {
        "type": f"{TYPE}{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "message": detail,
        "fields": dict(fields or {}),
        "request_id": request_id,
    }


class HostUnknown(exceptions.APIException):
    """The Host header names nobody here (P38)."""

    status_code = 400
    default_code = "host_unknown"


def _translated(exc: Exception) -> Exception:
    if isinstance(exc, Http404):
        return exceptions.NotFound()
    if isinstance(exc, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(exc, RequestDataTooBig):
        from backoffice.api.parsing import BodyTooLarge

        return BodyTooLarge(_("The body is too large."))
    if isinstance(exc, DisallowedHost):
        return HostUnknown(_("There is no such host here."))
    if isinstance(exc, SuspiciousOperation | BadRequest):
        # Their texts quote what was sent.
        return exceptions.ParseError()
    return exc


def _refused(refusal: Refusal, request: Any) -> Response:
    status = status_of(refusal)
    by_field = getattr(refusal, "errors", None)
    fields = {name: list(texts) for name, texts in by_field.items()} if isinstance(by_field, Mapping) else {}
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    retry_after = getattr(refusal, "retry_after", None) or (1 if refusal.code == "key_in_use" else None)
    if retry_after:
        headers["Retry-After"] = str(retry_after)
    return problem(request, status, refusal.code, str(refusal), fields=fields, headers=headers)


def _database(error: Exception, request: Any) -> Response:
    state = getattr(error.__cause__, "sqlstate", None)
    wait = BUSY.get(state or "", DOWN_RETRY_SECONDS)
    code = "busy" if state in BUSY else "unavailable"
    log.warning("database did not answer", sqlstate=state, error=type(error).__name__)
    detail = _("This is not possible right now. Try again in a moment with the same Idempotency-Key.")
    return problem(request, 503, code, detail, headers={"Retry-After": str(wait)})


def _library(exc: exceptions.APIException, request: Any) -> Response:
    # The one sentence for what is not there: an id of somebody else must answer like an unknown one.
    code, detail = str(exc.default_code), str(exc.detail)
    if isinstance(exc, exceptions.NotFound):
        code, detail = "not_found", _("There is no such record.")
    if isinstance(exc, exceptions.UnsupportedMediaType):
        # The library's sentence quotes the header, and is not translated.
        detail = _("A body of this type, character set or packing is not taken here.")
    headers = {}
    if auth_header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    return problem(request, exc.status_code, code, detail, headers=headers)


def _flat(detail: Any, path: str = "") -> dict[str, list[str]]:
    """DRF's nested errors as "lines.0.amount" -> sentences."""
    found: dict[str, list[str]] = {}
    if isinstance(detail, Mapping):
        for name, part in detail.items():
            inner = path if name == "non_field_errors" else f"{path}.{name}" if path else str(name)
            found |= _flat(part, inner)
    elif isinstance(detail, list) and any(isinstance(part, Mapping | list) for part in detail):
        for number, part in enumerate(detail):
            found |= _flat(part, f"{path}.{number}" if path else str(number))
    elif detail:
        parts = detail if isinstance(detail, list) else [detail]
        found[path or "body"] = [str(part) for part in parts]
    return dict(list(found.items())[:LONGEST_FIELD_LIST])
