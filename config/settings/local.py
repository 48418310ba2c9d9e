"""`make run`: a machine of one's own. Loud about mistakes, easy about cookies; never for customers' data."""

from config.settings.base import *  # noqa: F403 - settings are one namespace, layered

DEBUG = env.bool("DEBUG", default=False)  # noqa: F405
SECRET_KEY = SECRET_KEY or "local-only-not-a-secret-" + "0" * 32  # noqa: F405
ALLOWED_HOSTS = ALLOWED_HOSTS or ["localhost", "127.0.0.1", "[::1]"]  # noqa: F405
SHUKE_DEMO = True
# The demo logins work at once: whoever wants to see the second factor asked for says so in the environment.
STAFF_SECOND_FACTOR_REQUIRED = env.bool("STAFF_SECOND_FACTOR_REQUIRED", default=False)  # noqa: F405
STAFF_REAUTHENTICATE_MINUTES = env.int("STAFF_REAUTHENTICATE_MINUTES", default=0)  # noqa: F405
# Codes go into a file beside the database of `make run`: `tail -1 var/sms.jsonl`.
SMS_TRANSPORT = env("SMS_TRANSPORT", default="file")  # noqa: F405
