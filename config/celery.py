"""The Celery application. The broker only wakes workers: the row in PostgreSQL is the record of work."""

import logging.config
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep

from config.schedule import BEAT_SCHEDULE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

app = Celery("shuke")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = BEAT_SCHEDULE
# Carries request id and user id from the request that queued a task into the task's own log lines.
app.steps["worker"].add(DjangoStructLogInitStep)


@setup_logging.connect
def log_like_django(**_arguments: Any) -> None:
    """Celery brings its own handlers; a receiver here tells it not to, so that its lines are scrubbed too."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)
