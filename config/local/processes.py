"""Child processes: started on a leash, remembered in pid files, found again after a crash."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def is_alive(pid: int) -> bool:
    """Whether a process with this number exists and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _state(pid) != "Z"


def _stat_fields(pid: int) -> list[str]:
    # The second field, the name, may hold spaces and brackets; what counts comes after its last bracket.
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return []


def _state(pid: int) -> str:
    return next(iter(_stat_fields(pid)), "")


def started_at(pid: int) -> str:
    """When the process started, in clock ticks since boot; "" where that is not known. With the pid it names
    one process for good."""
    fields = _stat_fields(pid)
    return fields[19] if len(fields) > 19 else ""


def command_line(pid: int) -> list[str] | None:
    """The words a process was started with; None where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return None


def leash(parent: int, number: int = signal.SIGTERM) -> Callable[[], None] | None:
    """What a child calls before it becomes its program: signal `number` shall reach it when `parent` dies.

    None where the kernel does not offer that. Only for a parent of one thread: the kernel watches the thread.
    """
    if _libc is None:
        return None

    def hold() -> None:
        assert _libc is not None
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        # The parent may have died before the call above.
        if os.getppid() != parent:
            os._exit(1)

    return hold


def spawn(command: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, output and errors into one pipe, on the leash.

    Raises OSError. The session keeps the terminal's Ctrl-C away: the supervisor decides who stops when.
    """
    return subprocess.Popen(
        list(command),
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=leash(os.getpid()),
    )


def signal_group(pid: int, number: int) -> None:
    """Send signal `number` to the process group of `pid`; nothing happens if it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def write_pid_file(path: Path, pid: int, command: Sequence[str]) -> None:
    """Remember a child so that a later run can find it: number, start time, words."""
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps({"pid": pid, "started": started_at(pid), "command": list(command)}))
    scratch.replace(path)


def orphan(path: Path) -> int | None:
    """Pid of the process that `path` remembers, if it still runs and is the same one; else None."""
    try:
        record = json.loads(path.read_text())
        pid, started, command = int(record["pid"]), str(record["started"]), list(record["command"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if pid <= 1 or not is_alive(pid) or started_at(pid) != started:
        return None
    # A program may rewrite its title, but keeps the name of what it runs somewhere in it.
    words = command_line(pid)
    if words is None or not any(word in words for word in command if word.startswith("config.")):
        return None
    return pid


def end_orphans(folder: Path, *, patience_seconds: float = 10.0) -> list[str]:
    """Stop the children that a killed supervisor left behind; returns their names. Pid files go."""
    found = {path: pid for path in sorted(folder.glob("*.pid")) if (pid := orphan(path)) is not None}
    for pid in found.values():
        signal_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + patience_seconds
    while any(is_alive(pid) for pid in found.values()) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in found.values():
        signal_group(pid, signal.SIGKILL)
    for path in folder.glob("*.pid"):
        path.unlink(missing_ok=True)
    return [path.stem for path in found]
