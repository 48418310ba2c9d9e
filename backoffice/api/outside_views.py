"""Errors that no view has raised: a host that is not ours, a fault in a middleware, bytes that are no HTTP.
They look like all others.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.utils import translation

from backoffice.api.problems import CONTENT_TYPE, exception_handler
from backoffice.api.rendering import OneOrderJSONRenderer
from backoffice.api.requests import request_id, wished_language

Next = Callable[[HttpRequest], HttpResponse]


def answering(get_response: Next) -> Next:
    """`get_response`, with a problem for whatever it raises; Django's own wrapper answers with pages."""

    @wraps(get_response)
    def answered(request: HttpRequest) -> HttpResponse:
        try:
            return get_response(request)
        except Exception as error:  # noqa: BLE001 - the last one that can answer
            return answer_to(error, request)

    return answered


def answer_to(error: Exception, request: HttpRequest) -> HttpResponse:
    """What an error answers before anybody knows the caller's language: his header is asked for it here."""
    with translation.override(wished_language(request)):
        told = exception_handler(error, {"request": request})
        body = OneOrderJSONRenderer().render(told.data)
        language = translation.get_language()
    response = HttpResponse(body, status=told.status_code, content_type=CONTENT_TYPE)
    for name in ("Retry-After", "WWW-Authenticate"):
        if name in told.headers:
            response.headers[name] = told.headers[name]
    response.headers["Content-Language"] = language
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Request-ID"] = request_id(request)
    return response
