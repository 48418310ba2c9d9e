"""The WSGI entry point for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

application = get_wsgi_application()

# Without this import `shared_task(...).delay()` in a web process would go to Celery's default broker.
from config import celery as _celery  # noqa: E402, F401
