"""One PostgreSQL cluster in a folder: made once, started, watched, stopped. It listens on a socket only."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from config.local.accounts import Account
from config.local.binaries import Postgres
from config.local.errors import LauncherError
from config.local.processes import command_line, is_alive

SOCKET_NAME = ".s.PGSQL.5432"
OWNER = "shuke"
START_SECONDS = 60
STOP_SECONDS = 60
# Backends of a killed postmaster need a moment to notice; until then a new one may not start.
RETRY_SECONDS = 15
CONFIGURATION_FILE = "shuke.conf"
CONFIGURATION = """\
# Written at every start: changes belong into config/local/postgres.py.
listen_addresses = ''
port = 5432
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
max_connections = 60
shared_buffers = 256MB
work_mem = 16MB
maintenance_work_mem = 128MB
effective_cache_size = 1GB
random_page_cost = 1.1
# An acknowledged point survives a power cut.
fsync = on
full_page_writes = on
synchronous_commit = on
max_wal_size = 2GB
checkpoint_timeout = 15min
wal_compression = on
log_lock_waits = on
deadlock_timeout = 1s
log_min_duration_statement = 1000
log_line_prefix = '%m [%p] %a '
log_timezone = 'UTC'
timezone = 'UTC'
"""


def postmaster_pid(data: Path) -> int | None:
    """Pid of the server that runs on folder `data`, None when there is none (a stale file does not count)."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    if not is_alive(pid):
        return None
    # After a crash and a reboot the number may belong to anybody.
    command = command_line(pid)
    return pid if command is None or "postgres" in command[0] else None


def stop_cluster(data: Path) -> None:
    """Stop the server of folder `data` the fast way: clients are cut off, nothing committed is lost.

    Needs no programs, so that it also stops what another version started. Raises LauncherError after
    STOP_SECONDS.
    """
    pid = postmaster_pid(data)
    if pid is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + STOP_SECONDS
    while postmaster_pid(data) == pid:
        if time.monotonic() > deadline:
            raise LauncherError(f"PostgreSQL (pid {pid}, {data}) did not stop within {STOP_SECONDS} seconds")
        time.sleep(0.02)


@dataclass(frozen=True)
class Cluster:
    """A data folder, the programs that serve it, and whom they run as."""

    postgres: Postgres
    data: Path
    socket_folder: Path
    account: Account
    log: Path

    def url(self, database: str = "shuke") -> str:
        """Address of `database` as DATABASE_URL wants it; libpq and psql understand it as well."""
        return f"postgresql://{OWNER}@/{database}?host={quote(str(self.socket_folder), safe='/')}"

    def postmaster_pid(self) -> int | None:
        """Pid of the running server, None when there is none (a stale pid file does not count)."""
        return postmaster_pid(self.data)

    def is_ready(self) -> bool:
        """Whether the server answers a query."""
        return self.postmaster_pid() is not None and self._psql("SELECT 1").returncode == 0

    def initialise(self) -> bool:
        """Create the data folder if it is missing; true when it was created. Raises LauncherError."""
        if (self.data / "PG_VERSION").is_file():
            return False
        scratch = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        if self.account.other:
            os.chown(scratch, self.account.uid, self.account.gid)
        base = ["--pgdata", str(scratch), "--username", OWNER, "--encoding=UTF8", "--data-checksums",
                "--auth-local=trust", "--auth-host=reject", "--no-instructions"]  # fmt: skip
        answer = self._run("initdb", *base, "--locale=C.UTF-8")
        if answer.returncode != 0:
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(mode=0o700)
            if self.account.other:
                os.chown(scratch, self.account.uid, self.account.gid)
            # Not every C library brings C.UTF-8.
            answer = self._run("initdb", *base, "--no-locale")
        if answer.returncode != 0:
            raise LauncherError(f"initdb failed: {answer.stderr.strip() or answer.stdout.strip()}")
        with (scratch / "postgresql.conf").open("a") as configuration:
            configuration.write(f"\ninclude = '{CONFIGURATION_FILE}'\n")
        # Under its own name only when complete: a killed initdb must not look like a cluster.
        if self.data.exists():
            raise LauncherError(f"{self.data} exists but is no cluster; move it away and try again")
        scratch.rename(self.data)
        return True

    def start(self) -> bool:
        """Start the server unless it runs; true when it was started. Raises LauncherError."""
        self.initialise()
        if self.postmaster_pid() is not None and self._wait_until_ready():
            return False
        self._write_configuration()
        self._remove_stale_pid_file()
        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            # The log is opened by us and inherited: the account need not be able to reach its folder.
            with self.log.open("ab") as log:
                answer = self._run("pg_ctl", "start", "--wait", f"--timeout={START_SECONDS}", "--silent",
                                   "--pgdata", str(self.data), output=log)  # fmt: skip
            if answer.returncode == 0:
                return True
            if time.monotonic() > deadline:
                raise LauncherError(f"PostgreSQL did not start; its last words are in {self.log}")
            time.sleep(0.5)

    def create_database(self, name: str = "shuke") -> bool:
        """Create database `name` if it is missing; true when it was created. Raises LauncherError."""
        found = self._psql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'")
        if found.returncode != 0:
            raise LauncherError(f"cannot ask PostgreSQL: {found.stderr.strip()}")
        if found.stdout.strip():
            return False
        made = self._psql(f'CREATE DATABASE "{name}"')
        if made.returncode != 0:
            raise LauncherError(f"cannot create database {name}: {made.stderr.strip()}")
        return True

    def _wait_until_ready(self) -> bool:
        # A server that replays its log after a crash is alive but refuses queries for a while.
        deadline = time.monotonic() + START_SECONDS
        while self.postmaster_pid() is not None and time.monotonic() < deadline:
            if self.is_ready():
                return True
            time.sleep(0.2)
        return False

    def _write_configuration(self) -> None:
        path = self.data / CONFIGURATION_FILE
        folder = str(self.socket_folder).replace("'", "''")
        path.write_text(CONFIGURATION.format(socket_folder=folder))
        if self.account.other:
            os.chown(path, self.account.uid, self.account.gid)

    def _remove_stale_pid_file(self) -> None:
        # The server would take any living process of its own user with this number for itself, and refuse.
        if self.postmaster_pid() is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _psql(self, query: str) -> subprocess.CompletedProcess[str]:
        return self._run("psql", "--no-psqlrc", "--tuples-only", "--no-align", "--username", OWNER,
                         "--host", str(self.socket_folder), "--dbname", "postgres",
                         "--command", query)  # fmt: skip

    def _run(self, program: str, *arguments: str, output: object = None) -> subprocess.CompletedProcess[str]:
        # No PG* variable of the person may steer the server, and its messages are parsed by nobody.
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LC_ALL": "C",
            "PGCONNECT_TIMEOUT": "5",
        }
        try:
            return subprocess.run(
                [str(self.postgres.bin / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output or subprocess.PIPE,  # type: ignore[call-overload]
                stderr=subprocess.STDOUT if output else subprocess.PIPE,
                env=environment,
                text=True,
                check=False,
                **self.account.popen_arguments(),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise LauncherError(f"cannot run {program} as user {self.account.name}: {error}") from error
