"""The short way of API requests: what a page of the back office needs around it, they do not.

No session, no cookie, no message and no form is theirs: who asks is said by a header, and answers are JSON.
So they
pass `settings.API_MIDDLEWARE` instead of what stands behind this middleware, which is the first of all. A
staff
session in the browser that sends such a request is not looked at and changes nothing.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, get_resolver
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.module_loading import import_string

from backoffice.api.outside_views import Next, answer_to, answering
from backoffice.api.requests import request_id, wished_language
from backoffice.visits import client_address

PREFIX = "/api/"
# The pages for people who read about the API.
PAGES = "/api/docs/"
# JSON shows nothing and may do nothing, also where somebody makes a browser show it.
POLICY = "default-src 'none'; frame-ancestors 'none'"

# The address of whatever is none; there is no end of those.
NOTHING = "api_nothing_here"

log = logging.getLogger("backoffice.api")


class _Lane(BaseHandler):
    """Django's handler with a list of its own; the one around it has done what is done once a request."""

    def __init__(self) -> None:
        super().__init__()
        self._matches: dict[tuple[int, str], ResolverMatch] = {}

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """Addresses without a number in them are looked for once: there are few, and a hundred patterns."""
        resolver = get_resolver()
        key = (id(resolver), request.path_info)
        match = self._matches.get(key)
        if match is None:
            match = resolver.resolve(request.path_info)
            if not match.kwargs and match.url_name != NOTHING:
                self._matches[key] = match
        request.resolver_match = match
        return match

    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        handler: Any = answering(self._get_response)  # type: ignore[attr-defined]
        for path in reversed(settings.API_MIDDLEWARE):
            made = import_string(path)(handler)
            if hasattr(made, "process_view"):
                self._view_middleware.insert(0, made.process_view)
            if hasattr(made, "process_exception"):
                self._exception_middleware.append(made.process_exception)
            handler = answering(made)
        self.answer: Next = handler


class ApiLane:
    """Leads requests of the API past everything that is there for pages."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        self.lane = _Lane()
        self.lane.load_middleware()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path.startswith(PREFIX) and not path.startswith(PAGES):
            return self.lane.answer(request)
        return self.get_response(request)


class ApiLanguage:
    """The language of `Accept-Language`, and of nothing else: no cookie and no session is asked."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = wished_language(request)
        translation.activate(language)
        request.LANGUAGE_CODE = language
        response = self.get_response(request)
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", language)
        return response


class ApiRequests:
    """Judges the host, logs one line a request, and adds what every answer carries."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        address = client_address(request)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(ip=address)
        known = request_id(request)
        try:
            try:
                # Raises for a host that is not ours.
                request.get_host()
                response = self.get_response(request)
            except DisallowedHost as error:
                response = answer_to(error, request)
            self._log(request, response, began, address, known)
        finally:
            structlog.contextvars.clear_contextvars()
        response.headers.setdefault("X-Request-ID", known)
        response.headers["X-Frame-Options"] = settings.X_FRAME_OPTIONS
        response.headers["Content-Security-Policy"] = POLICY
        if not response.streaming and "Content-Length" not in response.headers:
            response.headers["Content-Length"] = str(len(response.content))
        return response

    @staticmethod
    def _log(
        request: HttpRequest, response: HttpResponse, began: float, address: str | None, known: str
    ) -> None:
        """One event whose every key is named here: the formatter need not look for it (`config.logs`)."""
        status = response.status_code
        level = logging.INFO if status < 400 else logging.WARNING if status < 500 else logging.ERROR
        if not log.isEnabledFor(level):
            return
        event = {
            "code": status,
            "request": f"{request.method} {request.get_full_path()}",
            "milliseconds": round((time.perf_counter() - began) * 1000, 1),
            "event": "request_finished",
            "request_id": known,
            "ip": address,
        }
        log.log(level, "request_finished", extra={"event": event})
