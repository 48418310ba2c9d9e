"""`/metrics` for Prometheus, behind a bearer token: counters tell a stranger how well a shop is doing."""

import secrets

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView


def _may_read(request: HttpRequest) -> bool:
    # Read from a file it may end with a line break.
    token = str(getattr(settings, "METRICS_TOKEN", "")).strip()
    if not token:
        return bool(settings.DEBUG)
    given = request.headers.get("Authorization", "")
    return secrets.compare_digest(given.encode(), f"Bearer {token}".encode())


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The process's counters as Prometheus text.

    Raises Http404 for a wrong or missing token, and when METRICS_TOKEN is unset outside of DEBUG: a stranger
    does not learn that the page exists.
    """
    if not _may_read(request):
        raise Http404
    return ExportToDjangoView(request)
