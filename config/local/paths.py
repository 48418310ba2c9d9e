"""Where the launcher keeps its things: all below `var/`, with a way out when a socket path is too long."""

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from config.local.errors import LauncherError

# sun_path holds 108 bytes on Linux, the last one is the closing zero.
LONGEST_SOCKET_PATH_BYTES = 107


@dataclass(frozen=True)
class Layout:
    """The folders of one working copy. `root` is the folder that holds manage.py."""

    root: Path

    @property
    def var(self) -> Path:
        return self.root / "var"

    @property
    def run(self) -> Path:
        """Pid files and the address; empty while nothing runs."""
        return self.var / "run"

    @property
    def locks(self) -> Path:
        """Lock files. They are never deleted: a lock on a deleted file would exclude nobody."""
        return self.var / "lock"

    @property
    def logs(self) -> Path:
        return self.var / "log"

    @property
    def broker(self) -> Path:
        return self.var / "broker"

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits that tell this working copy from others on the machine."""
        return hashlib.sha256(os.fsencode(self.root)).hexdigest()[:8]

    def prepare(self) -> None:
        """Create the folders. Raises LauncherError when the working copy is read-only."""
        try:
            for folder in (self.run, self.locks, self.logs, self.broker):
                folder.mkdir(parents=True, exist_ok=True)
            # A server makes its socket first and closes it to others second.
            self.broker.chmod(0o700)
        except OSError as error:
            raise LauncherError(f"cannot write below {self.var}: {error.strerror}") from error


def project_layout() -> Layout:
    """The layout of the working copy that this file belongs to."""
    return Layout(Path(__file__).resolve().parents[2])


def socket_folder(preferred: Path, *, socket_name: str, tag: str, uid: int, gid: int) -> Path:
    """A folder, private to `uid`, in which the path of `socket_name` is short enough.

    `preferred` if it fits; else `shuke-<uid>-<tag>` below the runtime or the temporary folder, created with
    mode 0700. Raises LauncherError when somebody else owns that name.
    """
    if len(os.fsencode(preferred / socket_name)) <= LONGEST_SOCKET_PATH_BYTES:
        return preferred
    for base in _short_bases(uid):
        folder = base / f"shuke-{uid}-{tag}"
        if len(os.fsencode(folder / socket_name)) <= LONGEST_SOCKET_PATH_BYTES:
            _make_private(folder, uid, gid)
            return folder
    raise LauncherError("no folder has a path short enough for a socket; set TMPDIR to a short one")


def _short_bases(uid: int) -> list[Path]:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    bases = [Path(tempfile.gettempdir()), Path("/tmp")]
    # Another account cannot enter our own runtime folder.
    if runtime and os.path.isdir(runtime) and uid == os.geteuid():
        bases.insert(0, Path(runtime))
    return bases


def _make_private(folder: Path, uid: int, gid: int) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    else:
        if uid != os.geteuid():
            os.chown(folder, uid, gid)
    # lstat: a link planted under this well-known name must not lead us elsewhere.
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
        raise LauncherError(f"{folder} is not a private folder of user {uid}; remove it and try again")
