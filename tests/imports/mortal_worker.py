"""A worker that is killed on demand: `python -m tests.imports.mortal_worker`, a process of its own.

Reads lines `JOB STATEMENTS MILLISECONDS` and works on that job in a child that kills itself with SIGKILL so
many statements and milliseconds later, wherever it stands then; `0 0` lets it live. Answers `killed` or
`lived`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from datetime import timedelta
from typing import Any

CHUNK = 20
# Both processes read the file, so it lies on the disk.
ON_DISK = {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}}


def kill_after(statements: int, milliseconds: float) -> Any:
    left = statements

    def count(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            threading.Timer(milliseconds / 1000, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return execute(sql, params, many, context)

    return count


def work(job_id: int, statements: int, milliseconds: float) -> None:
    from django.db import connection
    from django.utils import timezone

    from backoffice.services import job_runner

    if statements:
        connection.execute_wrappers.append(kill_after(statements, milliseconds))
    # A killed worker's lease has to run out first; ours are short.
    later = timezone.now() + timedelta(seconds=1)
    job_runner.run(job_id=job_id, clock=lambda: later, worker="mortal")


def main() -> None:
    import django

    django.setup()
    from django.conf import settings

    from backoffice.services import job_runner, jobs
    from backoffice.services.imports import applying, checking

    settings.STORAGES = {**settings.STORAGES, **ON_DISK}
    applying.CHUNK = checking.CHUNK = CHUNK
    jobs.LEASE = job_runner.LEASE = timedelta(milliseconds=1)
    jobs.wake_with(lambda job_id: None)
    print("ready", flush=True)
    for line in sys.stdin:
        job_id, statements, milliseconds = line.split()
        child = os.fork()
        if not child:
            try:
                work(int(job_id), int(statements), float(milliseconds))
            finally:
                os._exit(0)
        _pid, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "lived", flush=True)


if __name__ == "__main__":
    main()
