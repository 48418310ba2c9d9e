"""A real cluster and a real broker in a temporary folder: start, crash, start again, stop."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.local.binaries import find_broker, find_postgres
from config.local.broker import Broker, file_environment
from config.local.environment import project_environment
from config.local.errors import LauncherError
from config.local.paths import Layout
from config.local.postgres import postmaster_pid
from config.local.processes import is_alive
from config.local.services import Services, local_cluster


def _found() -> bool:
    try:
        find_postgres()
    except LauncherError:
        return False
    return True


needs_postgres = pytest.mark.skipif(not _found(), reason="no server programs on this machine")
needs_broker = pytest.mark.skipif(find_broker() is None, reason="no server programs on this machine")


@pytest.fixture
def layout() -> Iterator[Layout]:
    """A short folder that the server's account can enter, unlike pytest's own."""
    root = Path(tempfile.mkdtemp(prefix="shuke-test-"))
    root.chmod(0o755)
    layout = Layout(root)
    layout.prepare()
    yield layout
    Services(layout, {}).stop()
    shutil.rmtree(root, ignore_errors=True)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name == "SHUKE_POSTGRES"}


def _query(url: str, query: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        return str(row[0]) if row else ""


def gone(pid: int) -> bool:
    for _ in range(100):
        if not is_alive(pid):
            return True
        time.sleep(0.05)
    return False


@needs_postgres
def test_cluster_survives_a_killed_server_and_stops(layout: Layout) -> None:
    cluster = local_cluster(layout, _environment())
    assert cluster.start()
    assert not cluster.start(), "a running server is used as it is"
    assert cluster.create_database() and not cluster.create_database()
    url = cluster.url()
    assert stat.S_IMODE(cluster.data.stat().st_mode) == 0o700
    for name, value in (
        ("listen_addresses", ""), ("fsync", "on"), ("synchronous_commit", "on"), ("data_checksums", "on"),
        ("server_encoding", "UTF8"), ("max_connections", "60"), ("log_lock_waits", "on"),
    ):  # fmt: skip
        assert _query(url, f"SHOW {name}") == value, name
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    pid = cluster.postmaster_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert cluster.start(), "the file of a dead server stops nobody"
    assert cluster.postmaster_pid() != pid
    assert _query(url, "SELECT n FROM kept") == "42"
    pid = cluster.postmaster_pid()
    Services(layout, {}).stop()
    assert cluster.postmaster_pid() is None
    # The server takes its pid file away with its last breath, not after it.
    assert pid is not None and gone(pid)


@needs_postgres
def test_last_user_stops_the_servers(layout: Layout) -> None:
    first = Services(layout, _environment(), with_broker=False)
    second = Services(layout, _environment(), with_broker=False)
    first.join()
    second.join()
    assert first.database_url == second.database_url
    assert second.cluster is not None
    assert not Services(layout, {}).stop(), "in use"
    first.leave()
    assert second.cluster.is_ready()
    second.keep()
    second.leave()
    assert second.cluster.is_ready(), "kept"
    assert Services(layout, {}).stop()
    assert second.cluster.postmaster_pid() is None


def test_given_address_starts_nothing(layout: Layout) -> None:
    given = {"DATABASE_URL": "postgresql://h/d", "BROKER_URL": "redis://h"}
    services = Services(layout, given)
    services.join()
    assert services.database_url == "postgresql://h/d"
    assert services.broker_environment == {"BROKER_URL": "redis://h"}
    assert services.heal() == []
    services.leave()
    assert list(layout.var.glob("pg*")) == []


def test_number_of_another_program_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}\n")
    assert postmaster_pid(tmp_path) is None
    (tmp_path / "postmaster.pid").write_text("")
    assert postmaster_pid(tmp_path) is None


@needs_broker
def test_broker_survives_being_killed(layout: Layout) -> None:
    program = find_broker()
    assert program is not None
    broker = Broker(program, layout.broker, layout.broker / "broker.sock", layout.logs / "broker.log")
    assert broker.start()
    assert not broker.start()
    assert stat.S_IMODE(broker.socket.stat().st_mode) == 0o700
    assert broker._ask(b"SET kept 42\r\n") == b"+OK\r\n"
    os.kill(int((layout.broker / "broker.pid").read_text()), signal.SIGKILL)
    assert broker.start()
    assert broker._ask(b"GET kept\r\n") == b"$2\r\n42\r\n"
    broker.stop()
    assert not broker.is_ready()


@needs_broker
def test_last_user_stops_a_broker_that_it_does_not_use(layout: Layout) -> None:
    first = Services(layout, {"DATABASE_URL": "postgresql://h/d"})
    second = Services(layout, {"DATABASE_URL": "postgresql://h/d", "BROKER_URL": "redis://elsewhere"})
    first.join()
    second.join()
    broker = first.broker
    assert broker is not None
    first.leave()
    assert broker.is_ready()
    second.leave()
    assert not broker.is_ready()


def test_files_as_transport(tmp_path: Path) -> None:
    values = file_environment(tmp_path)
    options = json.loads(values["BROKER_TRANSPORT_OPTIONS"])
    assert values["BROKER_URL"] == "filesystem://"
    assert options["polling_interval"] == 0.1
    assert options["data_folder_in"] == options["data_folder_out"]
    assert Path(options["data_folder_in"]).is_dir()


def test_project_environment_is_the_process_environment(tmp_path: Path) -> None:
    assert project_environment(tmp_path) == dict(os.environ)


def test_command_line_explains_itself() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "config.local", "--help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.returncode == 0
    for command in ("run", "services", "test", "check", "bench", "catalogues"):
        assert command in answer.stdout
