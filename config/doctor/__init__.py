"""What `manage.py doctor` examines. An examination that fails does not hide the others."""

from collections.abc import Callable, Iterator

from config import health
from config.doctor import database, machine
from config.doctor.findings import Finding

Examination = Callable[[], Iterator[Finding]]


def examine() -> Iterator[Finding]:
    """All findings, the machine's first. What needs the database is left out when that is down."""
    for name, examination in machine.EXAMINATIONS.items():
        yield from _guarded(name, examination)
    if health.database_state() != "up":
        yield Finding("PROBLEM", "database", "does not answer", "start it and check DATABASE_URL")
        return
    yield Finding("ok", "database", "answers")
    for name, examination in database.EXAMINATIONS.items():
        yield from _guarded(name, examination)


def _guarded(name: str, examination: Examination) -> Iterator[Finding]:
    try:
        yield from examination()
    except Exception as error:  # noqa: BLE001 - the report goes on whatever a part does
        text = " ".join(str(error).split())[:200]
        yield Finding("PROBLEM", name, f"cannot be examined: {text}", "mend what is named above first")
