"""`/metrics` for Prometheus, behind a bearer token: counters tell a stranger how well a shop is doing."""

import secrets
from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from backoffice.selectors import alarms_by_kind


class AlarmCollector(Collector):
    """Counted from the rows: workers raise alarms, too, and nobody asks them for their counters."""

    def collect(self) -> Iterator[Metric]:
        raised = CounterMetricFamily("shuke_alarms_raised", "Alarms raised, by kind.", labels=["kind"])
        waiting = GaugeMetricFamily("shuke_alarms_open", "Alarms nobody acknowledged.", labels=["kind"])
        try:
            counted = alarms_by_kind()
        except DatabaseError:
            # The process's own counters are worth most when the database is away.
            return
        for kind, all_of_them, still_open in counted:
            raised.add_metric([kind], all_of_them)
            waiting.add_metric([kind], still_open)
        yield from (raised, waiting)


FROM_ROWS = CollectorRegistry()
FROM_ROWS.register(AlarmCollector())


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
    answer = ExportToDjangoView(request)
    answer.write(generate_latest(FROM_ROWS))
    return answer
