"""`make run`: a machine of one's own. Loud about mistakes, easy about cookies; never for customers' data."""

from config.settings.base import *  # noqa: F403 - settings are one namespace, layered

DEBUG = env.bool("DEBUG", default=False)  # noqa: F405
SECRET_KEY = SECRET_KEY or "local-only-not-a-secret-" + "0" * 32  # noqa: F405
ALLOWED_HOSTS = ALLOWED_HOSTS or ["localhost", "127.0.0.1", "[::1]"]  # noqa: F405
SHUKE_DEMO = True
