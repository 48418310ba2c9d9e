"""Production's settings, plus the token table and the address of the stock way. `bench.http` serves them."""

from config.settings.production import *  # noqa: F403 - settings are one namespace, layered

INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework.authtoken"]  # noqa: F405
ROOT_URLCONF = "bench.web_urls"
# Nothing collects the static files for a measurement.
STORAGES = {
    **STORAGES,  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
