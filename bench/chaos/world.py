"""A shop of its own to be killed in: PostgreSQL, broker, web and workers in a folder that goes afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from config.local.broker import SOCKET_NAME, Broker
from config.local.errors import LauncherError
from config.local.paths import Layout
from config.local.postgres import Cluster, stop_cluster
from config.local.services import find_broker, local_cluster

ROOT = Path(__file__).resolve().parents[2]
WEB_WORKERS = 3
CELERY = [sys.executable, "-m", "celery", "-A", "config.celery"]
QUIET = ["--loglevel", "ERROR", "--without-gossip", "--without-mingle"]


@dataclass
class Part:
    """A process that is started again whenever it was killed."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: IO[bytes]
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, start_new_session=True,
        )  # fmt: skip
        self.starts += 1

    def keep(self) -> None:
        """Start it again where it has ended."""
        if self.process is None or self.process.poll() is not None:
            self.kill()
            self.start()

    def kill(self) -> None:
        """It and whatever it started, at once."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def children(self) -> list[int]:
        with contextlib.suppress(OSError, ValueError):
            assert self.process is not None
            path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            return [int(pid) for pid in path.read_text().split()]
        return []


@dataclass
class World:
    """The parts by name; `port` is the web server's."""

    cluster: Cluster
    broker: Broker | None
    port: int
    environment: dict[str, str]
    parts: dict[str, Part]
    # Whoever stops and starts PostgreSQL and the broker does it alone.
    turn: threading.Lock = field(default_factory=threading.Lock)

    def manage(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return _run([sys.executable, "manage.py", *words], self._owner(), check=check)

    def seed(self, members: int, bursts: int) -> dict[str, Any]:
        command = [sys.executable, "-m", "bench.chaos.seed", str(members), str(bursts)]
        found: dict[str, Any] = json.loads(_run(command, self._owner()).stdout.splitlines()[-1])
        return found

    def heal(self) -> None:
        """Start again what is gone."""
        with self.turn:
            if self.cluster.postmaster_pid() is None:
                self.cluster.start()
            if self.broker is not None:
                self.broker.start()
            for part in self.parts.values():
                part.keep()

    def url(self) -> str:
        return self.cluster.url()

    def _owner(self) -> dict[str, str]:
        return {**self.environment, "DATABASE_ROLE": "", "LOG_LEVEL": "ERROR"}


@contextlib.contextmanager
def world(folder: Path) -> Iterator[World]:
    """A running shop with an empty database. Raises LauncherError."""
    layout = Layout(folder)
    layout.prepare()
    # Never a server that the person's environment names: this one is going to be killed.
    cluster = local_cluster(layout, {"SHUKE_POSTGRES": os.environ.get("SHUKE_POSTGRES", "")})
    broker = _broker(layout)
    made: World | None = None
    with (layout.logs / "parts.log").open("ab", buffering=0) as log:
        try:
            cluster.start()
            cluster.create_database()
            if broker is not None:
                broker.start()
            made = _made(cluster, broker, log)
            made.manage("migrate", "--noinput", "--verbosity", "0")
            made.manage("sync_roles")
            yield made
        finally:
            for part in made.parts.values() if made else ():
                part.kill()
            if broker is not None:
                broker.stop()
            stop_cluster(cluster.data)
            shutil.rmtree(cluster.data, ignore_errors=True)
            with contextlib.suppress(OSError):
                cluster.data.parent.rmdir()


def _broker(layout: Layout) -> Broker | None:
    program = find_broker()
    folder = layout.broker
    return Broker(program, folder, folder / SOCKET_NAME, layout.logs / "broker.log") if program else None


def _made(cluster: Cluster, broker: Broker | None, log: IO[bytes]) -> World:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("DATABASE_", "BROKER_"))}
    environment = {
        **kept,
        **(broker.environment() if broker else {"BROKER_URL": "memory://"}),
        "DATABASE_URL": cluster.url(),
        "DATABASE_ROLE": "shuke_app",
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "127.0.0.1",
        "LOG_LEVEL": "ERROR",
        "API_CALLS_PER_MINUTE": "10000000",
        "TILL_DAY_MOST_POINTS": "1000000000",
        "PYTHONUNBUFFERED": "1",
    }
    web = [
        sys.executable, "-m", "gunicorn", "config.wsgi:application", "--bind", f"127.0.0.1:{port}",
        "--workers", str(WEB_WORKERS), "--worker-class", "config.web_worker.Worker", "--threads", "4",
        "--timeout", "60",
        # A worker that is killed twice a second has to be there at once: it is forked off a loaded master.
        "--no-control-socket", "--log-level", "critical", "--preload",
    ]  # fmt: skip
    commands = {
        "web": web,
        "worker": [*CELERY, "worker", "--queues", "house,jobs", "--concurrency", "1", *QUIET],
        "beat": [*CELERY, "beat", "--schedule", str(cluster.log.parent / "beat"), "--loglevel", "ERROR"],
    }
    parts = {name: Part(name, command, environment, log) for name, command in commands.items()}
    return World(cluster, broker, port, environment, parts)


def _run(
    command: list[str], environment: dict[str, str], *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    answer = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if check and answer.returncode:
        raise LauncherError(f"{' '.join(command[1:4])} failed: {answer.stderr[-2000:]}")
    return answer


def wait_until_it_answers(port: int, seconds: float = 60.0) -> None:
    """Raises LauncherError when the web server says nothing for so long."""
    import urllib.request

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5),
        ):
            return
        time.sleep(0.2)
    raise LauncherError("the web server does not answer")
