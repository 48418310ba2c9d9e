"""What `/metrics` tells of API requests: django-prometheus' own counters, under their names.

Its two middlewares look a dozen counters up by their labels at each request; here that is done once for each
kind of
answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django_prometheus.middleware import Metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


@dataclass(frozen=True, slots=True)
class _Kind:
    """The counters of one kind of answer, with their labels."""

    counters: tuple[Any, ...]
    latencies: tuple[Any, ...]


class ApiMetrics:
    """Counts a request and its answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.metrics = Metrics.get_instance()
        self._kinds: dict[tuple[str, str, str, int], _Kind] = {}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        kind = self._kind(request, response)
        for counter in kind.counters:
            counter.inc()
        self.metrics.requests_body_bytes.observe(int(request.META.get("CONTENT_LENGTH") or 0))
        self.metrics.responses_body_bytes.observe(len(response.content))
        passed = time.perf_counter() - began
        for latency in kind.latencies:
            latency.observe(passed)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        self.metrics.exceptions_by_type.labels(type=type(exception).__name__).inc()

    def _kind(self, request: HttpRequest, response: HttpResponse) -> _Kind:
        match = request.resolver_match
        view = (match.view_name if match else None) or "<unnamed view>"
        method = request.method if request.method in METHODS else "<invalid method>"
        transport = "https" if request.is_secure() else "http"
        key = (view, str(method), transport, response.status_code)
        found = self._kinds.get(key)
        if found is None:
            found = self._kinds[key] = self._made(*key)
        return found

    def _made(self, view: str, method: str, transport: str, code: int) -> _Kind:
        m, status = self.metrics, str(code)
        return _Kind(
            (
                m.requests_total,
                m.responses_total,
                m.requests_by_method.labels(method=method),
                m.requests_by_transport.labels(transport=transport),
                m.requests_by_view_transport_method.labels(view=view, transport=transport, method=method),
                m.responses_by_status.labels(status=status),
                m.responses_by_status_view_method.labels(status=status, view=view, method=method),
                m.responses_by_charset.labels(charset="utf-8"),
            ),
            (m.requests_latency_before, m.requests_latency_by_view_method.labels(view=view, method=method)),
        )
