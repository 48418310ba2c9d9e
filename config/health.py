"""`/livez` and `/readyz`: what a load balancer asks, and what the person on duty reads.

Only what must stop traffic answers 503: the database and unapplied migrations. A lost broker or a silent
scheduler is reported and stays 200, because tills go on redeeming without either.
"""

from datetime import datetime, timedelta

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu import Connection

BROKER_TIMEOUT_SECONDS = 1.0
HEARTBEAT_FRESH_FOR = timedelta(minutes=5)


def database_state() -> str:
    """ "up" or "down", by one query that reads no table."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "down"
    return "up"


def unapplied_migrations() -> list[str]:
    """Names (`app.migration`) that the code has and the database lacks. Raises DatabaseError."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def broker_state(url: str | None = None) -> str:
    """ "up", "down" or, for a broker inside the process, "memory". Answers within about two seconds."""
    url = url or settings.CELERY_BROKER_URL
    if url.startswith("memory:"):
        return "memory"
    options = dict(getattr(settings, "CELERY_BROKER_TRANSPORT_OPTIONS", {}) or {})
    if url.startswith(("redis", "rediss", "sentinel")):
        options |= {
            "socket_timeout": BROKER_TIMEOUT_SECONDS,
            "socket_connect_timeout": BROKER_TIMEOUT_SECONDS,
        }
    try:
        with Connection(url, connect_timeout=BROKER_TIMEOUT_SECONDS, transport_options=options) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=1)
            # Redis connects only with the first channel.
            broker.channel().close()
    except Exception:  # noqa: BLE001 - every transport has exceptions of its own, and none of them may break this page
        return "down"
    return "up"


def heartbeat_state(now: datetime) -> str:
    """ "fresh", "stale" or "never": how long ago the scheduler last wrote its row. Raises DatabaseError."""
    # Looked up by name: this module must load before the models do.
    heartbeat = apps.get_model("backoffice", "Heartbeat")
    latest = heartbeat._default_manager.order_by("-at").values_list("at", flat=True).first()
    if latest is None:
        return "never"
    return "fresh" if now - latest <= HEARTBEAT_FRESH_FOR else "stale"


@never_cache
@require_safe
def livez(_request: HttpRequest) -> JsonResponse:
    """The process answers. Touches nothing else, so that a lost database does not restart all workers."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when requests can be served ("ok" or "degraded"), 503 when the database or its schema cannot."""
    parts = {"database": database_state(), "migrations": "unknown", "scheduler": "unknown"}
    if parts["database"] == "up":
        try:
            parts["migrations"] = "pending" if unapplied_migrations() else "applied"
            parts["scheduler"] = heartbeat_state(timezone.now())
        except (DatabaseError, LookupError):
            # A table that a pending migration would create: what is known so far stands.
            connection.close_if_unusable_or_obsolete()
    parts["broker"] = broker_state()
    if parts["database"] != "up" or parts["migrations"] != "applied":
        return JsonResponse({"status": "unavailable", **parts}, status=503, headers={"Retry-After": "5"})
    well = parts["broker"] != "down" and parts["scheduler"] == "fresh"
    return JsonResponse({"status": "ok" if well else "degraded", **parts})
