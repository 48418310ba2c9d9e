"""Database and broker, shared by all in this working copy: the first user starts, the last one stops them."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from config.local.accounts import data_home, reachable, server_account, shelter_of
from config.local.binaries import find_broker, find_postgres
from config.local.broker import SOCKET_NAME as BROKER_SOCKET
from config.local.broker import Broker, file_environment
from config.local.environment import setting
from config.local.errors import LauncherError
from config.local.locks import FileLock
from config.local.paths import Layout, socket_folder
from config.local.postgres import SOCKET_NAME as POSTGRES_SOCKET
from config.local.postgres import Cluster, stop_cluster

LARGEST_LOG_BYTES = 5 * 1024 * 1024


def say(text: str) -> None:
    """A line to the person. Standard error, because `services` prints variables on standard output."""
    with contextlib.suppress(OSError):
        print(f"shuke  | {text}", file=sys.stderr, flush=True)


def fresh_log(path: Path) -> Path:
    """`path`, emptied if it grew large: the simplest cap there is."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LARGEST_LOG_BYTES:
            path.write_bytes(b"")
    return path


def local_cluster(layout: Layout, environment: Mapping[str, str]) -> Cluster:
    """The cluster of this working copy, not started yet. Raises LauncherError."""
    account = server_account()
    home, note = data_home(layout.var, account, fingerprint=layout.fingerprint)
    if note:
        say(note)
    found = find_postgres(
        setting(environment, "SHUKE_POSTGRES"),
        has_data=lambda major: (home / f"pg{major}" / "PG_VERSION").is_file(),
    )
    data = home / f"pg{found.major}"
    folder = socket_folder(
        data, socket_name=POSTGRES_SOCKET, tag=layout.fingerprint, uid=account.uid, gid=account.gid
    )
    log = fresh_log(layout.logs / "postgres.log")
    return Cluster(reachable(found, account, home=home), data, folder, account, log)


class Services:
    """What the parts connect to. `join` before use, `leave` after; addresses are valid in between."""

    def __init__(self, layout: Layout, environment: Mapping[str, str], *, with_broker: bool = True) -> None:
        self.layout = layout
        self.cluster: Cluster | None = None
        self.broker: Broker | None = None
        self.database_url = setting(environment, "DATABASE_URL")
        self.broker_environment: dict[str, str] = {}
        self._wants_broker = with_broker
        self._environment = environment
        self._turn = FileLock(layout.locks / "turn")
        self._users = FileLock(layout.locks / "users")
        self._keep = layout.var / "keep-services"

    def join(self) -> None:
        """Count as a user, and start what does not run yet. Raises LauncherError."""
        with self._turn.held():
            self._users.acquire(shared=True)
            try:
                self._start_database()
                if self._wants_broker:
                    self._start_broker()
            except BaseException:
                self._users.release()
                raise

    def leave(self) -> None:
        """No longer count as a user; the last one stops the servers, unless `services` keeps them."""
        with self._turn.held():
            # Alone if the lock can be had for us only.
            if self._users.acquire(wait=False) and not self._is_kept():
                self._stop_servers()
            self._users.release()

    def keep(self) -> None:
        """Leave the servers running after the last user, until `stop`."""
        self._keep.write_text(_boot())

    def stop(self) -> bool:
        """Stop kept servers; false if others use them, who will then stop them. Raises LauncherError."""
        self._keep.unlink(missing_ok=True)
        with self._turn.held():
            if not self._users.acquire(wait=False):
                return False
            self._stop_servers()
            self._users.release()
            return True

    def heal(self) -> list[str]:
        """Start again what died; returns the names of what was started. Raises LauncherError."""
        started: list[str] = []
        with self._turn.held():
            if self.cluster and self.cluster.postmaster_pid() is None and self.cluster.start():
                started.append("PostgreSQL")
            if self.broker and self.broker.start():
                started.append("the broker")
        return started

    def _start_database(self) -> None:
        if self.database_url:
            return
        self.cluster = local_cluster(self.layout, self._environment)
        if not (self.cluster.data / "PG_VERSION").is_file():
            found = self.cluster.postgres
            say(f"making a PostgreSQL {found.major} cluster ({found.source}) in {self.cluster.data}")
        self.cluster.start()
        self.cluster.create_database()
        self.database_url = self.cluster.url()

    def _start_broker(self) -> None:
        url = setting(self._environment, "BROKER_URL")
        if url:
            self.broker_environment = {"BROKER_URL": url}
            return
        self.broker = self._local_broker()
        if self.broker is not None:
            try:
                self.broker.start()
            except LauncherError as error:
                say(str(error))
                self.broker = None
        if self.broker is not None:
            self.broker_environment = self.broker.environment()
        else:
            say("no Valkey or Redis server: tasks travel through files in var/broker-files, which is slower")
            self.broker_environment = file_environment(self.layout.var / "broker-files")

    def _local_broker(self) -> Broker | None:
        program = find_broker()
        return Broker(program, *self._broker_places()) if program is not None else None

    def _broker_places(self) -> tuple[Path, Path, Path]:
        folder = socket_folder(
            self.layout.broker, socket_name=BROKER_SOCKET, tag=f"{self.layout.fingerprint}-broker",
            uid=os.geteuid(), gid=os.getegid(),
        )  # fmt: skip
        return self.layout.broker, folder / BROKER_SOCKET, fresh_log(self.layout.logs / "broker.log")

    def _is_kept(self) -> bool:
        # What was kept before the machine restarted is gone, and the wish with it.
        with contextlib.suppress(OSError):
            return self._keep.read_text() == _boot()
        return False

    def _stop_servers(self) -> None:
        # Every cluster of this working copy: users may have asked for different versions.
        for home in (self.layout.var, shelter_of(self.layout.fingerprint)):
            for data in home.glob("pg*[0-9]"):
                stop_cluster(data)
        # Whoever started it: the last user may itself use another broker, or find no program.
        Broker(Path(), *self._broker_places()).stop()


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


@contextlib.contextmanager
def services(
    layout: Layout, environment: Mapping[str, str], *, with_broker: bool = True
) -> Iterator[Services]:
    """Servers for the length of a block. Raises LauncherError."""
    shared = Services(layout, environment, with_broker=with_broker)
    shared.join()
    try:
        yield shared
    finally:
        shared.leave()
