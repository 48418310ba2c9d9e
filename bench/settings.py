"""The application's own settings, plus the rival ledger and the tables of the naive service."""

from config.settings.local import *  # noqa: F403 - settings are one namespace, layered

DEBUG = False
INSTALLED_APPS = [*INSTALLED_APPS, "mptt", "hordak", "bench", "rest_framework.authtoken"]  # noqa: F405
# Setting up a million rows takes longer than any request may; `synchronous_commit` stays on.
DATABASES["default"]["OPTIONS"]["options"] = postgres_options(  # noqa: F405
    "", {"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0"}
)
DATABASES["default"]["CONN_MAX_AGE"] = None  # noqa: F405
# Its converter knows no TWD; the currency does not change what a transfer costs.
HORDAK_INTERNAL_CURRENCY = DEFAULT_CURRENCY = "EUR"
HORDAK_CURRENCIES = ["EUR"]
# Nothing collects the static files for a measurement.
STORAGES = {
    **STORAGES,  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
