"""Who changed a row, for the history that database triggers write."""

from collections.abc import Callable

import pghistory
from django.http import HttpRequest, HttpResponse


class HistoryContextMiddleware:
    """Names the signed-in user and the address on every history row that a writing request leaves."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD", "OPTIONS"}:
            return self.get_response(request)
        user = getattr(request, "user", None)
        with pghistory.context(user=getattr(user, "pk", None), url=request.path):
            return self.get_response(request)
