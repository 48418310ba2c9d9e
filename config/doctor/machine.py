"""Interpreter, driver, settings, files, disk, broker: what can be examined without the database."""

import shutil
import sys
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from config import health
from config.doctor.findings import Finding, Level
from config.local import catalogues

OLDEST_PYTHON = (3, 11)
SHORTEST_SECRET = 50
LEAST_FREE_BYTES = 2 * 1024**3


def python() -> Iterator[Finding]:
    """The interpreter is one that the project is tested with."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        yield Finding("PROBLEM", "python", version, "install Python 3.11 or later and make a new .venv")
    else:
        yield Finding("ok", "python", version)


def driver() -> Iterator[Finding]:
    """psycopg with its compiled part: pure Python takes three times as long over lists and exports."""
    import psycopg

    kind = psycopg.pq.__impl__
    if kind == "python":
        yield Finding("warning", "driver", "psycopg in pure Python, slow", "pip install 'psycopg[binary]'")
    else:
        yield Finding("ok", "driver", f"psycopg {psycopg.__version__} ({kind})")


def time_zones() -> Iterator[Finding]:
    """Members' days begin at midnight in the shop's zone, so that zone must be known here."""
    try:
        zoneinfo.ZoneInfo(settings.TIME_ZONE)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        yield Finding(
            "PROBLEM", "time zones", f"no data for {settings.TIME_ZONE}", "install the package tzdata"
        )
    else:
        yield Finding("ok", "time zones", settings.TIME_ZONE)


def secrets() -> Iterator[Finding]:
    """In production: a strong key, no debugging pages. Elsewhere a weak key is only mentioned."""
    production = str(settings.SETTINGS_MODULE).endswith("production")
    key = settings.SECRET_KEY
    weak = (
        len(key) < SHORTEST_SECRET or len(set(key)) < 10 or key.startswith(("django-insecure", "local-only"))
    )
    if weak:
        mend = "set SECRET_KEY (or SECRET_KEY_FILE) to 50 or more random characters"
        text = "too weak for production" if production else "a placeholder, fit for this machine only"
        yield Finding("PROBLEM" if production else "warning", "SECRET_KEY", text, mend)
    else:
        yield Finding("ok", "SECRET_KEY", "strong")
    if settings.DEBUG:
        level: Level = "PROBLEM" if production else "warning"
        yield Finding(level, "DEBUG", "on: errors show their insides to anybody", "unset DEBUG")
    else:
        yield Finding("ok", "DEBUG", "off")


def sign_in() -> Iterator[Finding]:
    """Staff prove themselves twice before they move points above the limit or see personal data."""
    production = str(settings.SETTINGS_MODULE).endswith("production")
    if settings.STAFF_SECOND_FACTOR_REQUIRED:
        yield Finding("ok", "second factor", "required where backoffice/roles.py says so")
    elif production:
        mend = "unset STAFF_SECOND_FACTOR_REQUIRED"
        yield Finding("warning", "second factor", "not required: a stolen password opens everything", mend)
    else:
        yield Finding("ok", "second factor", "optional, fit for a demo only")


def static_files() -> Iterator[Finding]:
    """The manifest, without which every page fails."""
    if (Path(settings.STATIC_ROOT) / "staticfiles.json").is_file():
        yield Finding("ok", "static files", "collected")
    else:
        yield Finding("PROBLEM", "static files", "not collected", "manage.py collectstatic --noinput")


def message_catalogues() -> Iterator[Finding]:
    """Compiled catalogues exist and say what their sources say, as far as that can be told."""
    paths = catalogues.catalogues(Path(settings.BASE_DIR))
    try:
        lines = [line for path in paths for line in catalogues.differences(path)]
    except ModuleNotFoundError:
        # polib is a tool of development; here only the presence can be checked.
        lines = [
            f"{path.with_suffix('.mo')} is missing" for path in paths if not path.with_suffix(".mo").is_file()
        ]
    if lines:
        text = f"{len(lines)} differences, first: {lines[0]}"
        yield Finding("PROBLEM", "catalogues", text, "make messages")
    else:
        yield Finding("ok", "catalogues", f"{len(paths)} compiled")


def disk() -> Iterator[Finding]:
    """Room for the database's log, uploads and exports."""
    free = shutil.disk_usage(settings.BASE_DIR).free
    text = f"{free / 1024**3:.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        yield Finding("PROBLEM", "disk", text, "free some space before the database runs out of it")
    else:
        yield Finding("ok", "disk", text)


def broker() -> Iterator[Finding]:
    """Whether tasks can be sent. Nothing is lost while they cannot: due jobs are found again later."""
    state = health.broker_state()
    if state == "down":
        yield Finding("PROBLEM", "broker", "does not answer", "start it, check BROKER_URL; jobs wait")
    elif state == "memory":
        yield Finding("warning", "broker", "none set, tasks stay in their process", "set BROKER_URL")
    else:
        yield Finding("ok", "broker", "answers")


EXAMINATIONS = {
    "python": python,
    "driver": driver,
    "time zones": time_zones,
    "secrets": secrets,
    "sign-in": sign_in,
    "static files": static_files,
    "catalogues": message_catalogues,
    "disk": disk,
    "broker": broker,
}
