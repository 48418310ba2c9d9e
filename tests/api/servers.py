"""A gunicorn of our own on the database of the test itself."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.processes import database_url

WORKER = "config.web_worker.Worker"


@contextmanager
def gunicorn(*words: str, **environment: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """(port, process) of a server that answers. Raises RuntimeError when it does not come up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "config.wsgi",
        "--worker-class",
        WORKER,
        "--bind",
        f"127.0.0.1:{port}",
        *words,
    ]
    values = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "SECRET_KEY": "",
        "ALLOWED_HOSTS": "127.0.0.1",
        **environment,
    }
    with subprocess.Popen(
        command, env=values, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _wait(port, server)
            yield port, server
        finally:
            server.terminate()
            server.wait(30)


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    for _attempt in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            line.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            if b" 200 " in line.recv(100):
                return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError("the web server did not start")
