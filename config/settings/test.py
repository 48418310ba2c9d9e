"""Tests: fast hashes, no broker, everything that leaves the process stays in memory."""

from config.settings.local import *  # noqa: F403 - settings are one namespace, layered

DEBUG = False
# Lints migrations; a tool of development, so nothing of it is installed in production.
INSTALLED_APPS += ["django_migration_linter"]  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CELERY_TASK_ALWAYS_EAGER = True
SMS_TRANSPORT = "fake"
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405
# Pages under test get the files of the tree, never a collected copy of yesterday.
STATIC_ROOT = None  # type: ignore[assignment]
