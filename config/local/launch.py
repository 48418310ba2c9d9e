"""`python -m config.local run`: from nothing to a back office one can sign in to, and back to nothing."""

import contextlib
import os
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from config.local.environment import child_environment, setting
from config.local.errors import LauncherError
from config.local.locks import FileLock
from config.local.paths import Layout
from config.local.processes import end_orphans
from config.local.services import Services, say
from config.local.static_files import collected_fingerprint, static_fingerprint
from config.local.supervisor import Stopped, Supervisor

APPLICATION_ROLE = "shuke_app"
HOST = "127.0.0.1"
FIRST_PORT = 8000
WEB_SECONDS = 60.0
# One worker has nobody to gossip with; asking takes a second at each start.
# What the environment says goes before this.
QUIET = {"LOG_LEVEL": "WARNING"}
WORKER_OPTIONS = "--without-gossip --without-mingle"
# Name of the part -> queues and processes. Long work has a queue of its own (settings, CELERY_TASK_ROUTES).
WORKERS = {"worker": "--queues house --concurrency 2", "jobs": "--queues jobs --concurrency 1"}
MANAGE = [sys.executable, "manage.py"]


def run(layout: Layout, environment: Mapping[str, str]) -> int:
    """Start everything, stay until Ctrl-C or SIGTERM, stop everything. Returns the exit code.

    Raises LauncherError.
    """
    layout.prepare()
    lock = FileLock(layout.locks / "run")
    address = _wait_for_turn(lock, layout.run / "address")
    if address:
        print(f"already running at {address}")
        return 0
    try:
        for name in end_orphans(layout.run):
            say(f"ended {name}, left over from a run that was killed")
        supervisor = Supervisor(layout.root, run=layout.run, logs=layout.logs)
        supervisor.listen_to_signals()
        return Shop(layout, environment, supervisor).open()
    finally:
        _empty(layout.run)
        lock.release()


def _wait_for_turn(lock: FileLock, address_file: Path, *, seconds: float = 120.0) -> str:
    """ "" once the lock is ours, else the address at which the holder serves. Raises LauncherError."""
    deadline = time.monotonic() + seconds
    while not lock.acquire(wait=False):
        with contextlib.suppress(OSError):
            if address := address_file.read_text().strip():
                return address
        if time.monotonic() > deadline:
            raise LauncherError("another run of this folder is starting or stopping, and takes too long")
        time.sleep(0.2)
    address_file.unlink(missing_ok=True)
    return ""


def _empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)


def free_port(first: int, *, host: str = HOST, tries: int = 100) -> int:
    """`first`, or the next port after it that nobody listens on. Raises LauncherError."""
    for port in range(first, min(first + tries, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((host, port))
                return port
    raise LauncherError(f"no free port from {first} on; set PORT")


def _wanted_port(environment: Mapping[str, str]) -> int:
    text = setting(environment, "PORT") or str(FIRST_PORT)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise LauncherError(f"PORT is {text!r}; it must be a number from 1 to 65535")
    return int(text)


class Shop:
    """One run: servers, the owner's steps, then the three parts that last."""

    def __init__(self, layout: Layout, environment: Mapping[str, str], supervisor: Supervisor) -> None:
        self._layout, self._supervisor, self._given = layout, supervisor, environment
        self._services = Services(layout, environment)
        self._wanted_port = _wanted_port(environment)
        self._next_healing = 0.0
        self._failed_healings = 0

    def open(self) -> int:
        """The exit code: 0 after a wish to end, 1 when a step failed. Raises LauncherError."""
        began = time.monotonic()
        self._services.join()
        try:
            self._prepare()
            self._start_parts(began)
            self._supervisor.run(self._heal)
        except Stopped:
            pass
        except LauncherError as error:
            self._supervisor.say(str(error))
            return 1
        finally:
            self._supervisor.say("stopping")
            self._supervisor.stop_all()
            self._services.leave()
            self._supervisor.say("stopped")
        return 0

    def _environment(self, role: str) -> dict[str, str]:
        metrics = self._layout.run / "metrics"
        metrics.mkdir(exist_ok=True)
        values = child_environment(
            self._given, database_url=self._services.database_url, role=role,
            broker=self._services.broker_environment,
        )  # fmt: skip
        if role:
            # Two web processes count; without a folder /metrics would show whichever one answers.
            values.setdefault("PROMETHEUS_MULTIPROC_DIR", str(metrics))
            # What would leave the house can be read there, one JSON line a message.
            values.setdefault("OUTBOX_TRANSPORT", "file")
            values.setdefault("OUTBOX_FILE", str(self._layout.var / "outbox.jsonl"))
        return values

    def _prepare(self) -> None:
        owner = self._environment("")
        supervisor = self._supervisor
        wanted = static_fingerprint(self._layout.root)
        collect = wanted != collected_fingerprint(self._layout.var)
        if collect:
            # Needs no database: runs beside the migrations.
            collecting = [*MANAGE, "collectstatic", "--noinput", "--verbosity", "0"]
            supervisor.start("static", collecting, owner, lasting=False)
        for name, *arguments in (
            ("migrate", "migrate", "--noinput", "--verbosity", "1"),
            ("roles", "sync_roles"),
            ("seed", "seed_demo", "--if-empty"),
        ):
            if supervisor.run_to_end(name, [*MANAGE, *arguments], owner) != 0:
                raise LauncherError(f"`manage.py {' '.join(arguments)}` failed; its output is above")
        if collect:
            if supervisor.wait_for("static") != 0:
                raise LauncherError("`manage.py collectstatic` failed; its output is above")
            collected_fingerprint(self._layout.var, wanted)

    def _start_parts(self, began: float) -> None:
        supervisor = self._supervisor
        port = free_port(self._wanted_port)
        if port != self._wanted_port:
            supervisor.say(f"port {self._wanted_port} is taken, using {port}")
        environment = self._environment(setting(self._given, "DATABASE_ROLE") or APPLICATION_ROLE)
        celery = [sys.executable, "-m", "celery", "-A", "config.celery"]
        schedule = str(self._layout.var / "beat-schedule")
        supervisor.start("web", _web_command(port), environment)
        # Only web processes count for /metrics.
        environment = {name: environment[name] for name in environment.keys() - {"PROMETHEUS_MULTIPROC_DIR"}}
        # Routine by the second would push the address and the logins out of sight.
        environment = QUIET | environment
        for name, queues in WORKERS.items():
            options = f"{queues} --hostname {name}@%h {WORKER_OPTIONS}".split()
            supervisor.start(name, [*celery, "worker", *options], environment)
        supervisor.start("beat", [*celery, "beat", "--schedule", schedule], environment)
        address = f"http://{HOST}:{port}"
        self._wait_for_web(address)
        (self._layout.run / "address").write_text(address)
        supervisor.run_to_end("logins", [*MANAGE, "demo_logins"], self._environment(""))
        supervisor.say(f"Shuke is at {address}/ ({time.monotonic() - began:.1f} s); Ctrl-C stops it")

    def _wait_for_web(self, address: str) -> None:
        deadline = time.monotonic() + WEB_SECONDS
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while time.monotonic() < deadline:
            self._supervisor.turn(0.1)
            if self._supervisor.stopping:
                raise Stopped
            with contextlib.suppress(OSError), opener.open(f"{address}/livez", timeout=2):
                return
        raise LauncherError(f"the web server does not answer at {address}/livez; see var/log/web.log")

    def _heal(self) -> None:
        if time.monotonic() < self._next_healing:
            return
        try:
            for name in self._services.heal():
                self._supervisor.say(f"{name} was gone; started it again")
            self._failed_healings = 0
        except LauncherError as error:
            self._failed_healings += 1
            pause = min(2.0**self._failed_healings, 30.0)
            self._next_healing = time.monotonic() + pause
            self._supervisor.say(f"{error}; trying again in {pause:g} s")


def _web_command(port: int) -> list[str]:
    return [
        sys.executable, "-m", "gunicorn", "config.wsgi:application", "--bind", f"{HOST}:{port}",
        "--workers", "2", "--worker-class", "config.web_worker.Worker", "--threads", "2", "--timeout", "60",
        "--graceful-timeout", "10", "--no-control-socket", "--worker-tmp-dir", _memory_folder(),
    ]  # fmt: skip


def _memory_folder() -> str:
    # gunicorn's workers touch a file every second; on a busy disk that alone can look like a hang.
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"
