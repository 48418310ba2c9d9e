"""`/metrics` for Prometheus, behind a bearer token: counters tell a stranger how well a shop is doing."""

import secrets
from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from backoffice.selectors import alarms_by_kind, jobs_by_kind, oldest_due_seconds


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


class JobCollector(Collector):
    """Long work, counted from its rows: failed jobs are the dead letters that wait for a person."""

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("shuke_jobs", "Jobs, by kind and state.", labels=["kind", "state"])
        items = CounterMetricFamily("shuke_job_items", "Rows that jobs worked on.", labels=["kind"])
        busy = CounterMetricFamily("shuke_job_busy_seconds", "Time that jobs worked.", labels=["kind"])
        due = GaugeMetricFamily("shuke_job_oldest_due_seconds", "How long the oldest due job has waited.")
        try:
            counted = jobs_by_kind()
            due.add_metric([], oldest_due_seconds(timezone.now()))
        except DatabaseError:
            return
        sums: dict[str, tuple[int, int]] = {}
        for one in counted:
            jobs.add_metric([one.kind, one.state], one.jobs)
            rows, milliseconds = sums.get(one.kind, (0, 0))
            sums[one.kind] = rows + one.items, milliseconds + one.busy_ms
        for kind, (rows, milliseconds) in sums.items():
            items.add_metric([kind], rows)
            busy.add_metric([kind], milliseconds / 1000)
        yield from (jobs, items, busy, due)


FROM_ROWS = CollectorRegistry()
FROM_ROWS.register(AlarmCollector())
FROM_ROWS.register(JobCollector())


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
