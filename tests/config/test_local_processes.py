"""Locks, pid files and the supervisor, with small commands in place of the real parts."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.local.launch import _wait_for_turn
from config.local.locks import FileLock
from config.local.processes import end_orphans, is_alive, orphan, spawn, write_pid_file
from config.local.supervisor import Stopped, Supervisor

# The marker stands for the module that a real part runs, by which an orphan is known again.
SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)", "config.test"]


def _until(condition: Callable[[], bool], *, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = spawn(SLEEPER, environment=os.environ, folder=tmp_path)
    # Until then it is still a copy of ourselves.
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait(30)
    process.stdout.close()


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    for name in ("run", "log"):
        (tmp_path / name).mkdir()
    running = Supervisor(tmp_path, run=tmp_path / "run", logs=tmp_path / "log")
    yield running
    running.stop_all()


def test_lock_excludes_and_shares(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "l"), FileLock(tmp_path / "l")
    assert first.acquire(shared=True) and second.acquire(shared=True)
    assert not first.acquire(wait=False)
    first.release()
    assert second.acquire(wait=False)
    assert not first.acquire(shared=True, wait=False)


def test_lock_dies_with_its_holder(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib; from config.local.locks import FileLock\n"
        "lock = FileLock(pathlib.Path(sys.argv[1])); lock.acquire()\n"
        "print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "l")], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == b"held\n"
        lock = FileLock(tmp_path / "l")
        assert not lock.acquire(wait=False)
        holder.kill()
        holder.wait(30)
    assert lock.acquire(wait=False)


def test_second_run_learns_the_address(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "l"), FileLock(tmp_path / "l")
    address = tmp_path / "address"
    address.write_text("http://stale")
    assert _wait_for_turn(first, address) == ""
    assert not address.exists()
    address.write_text("http://127.0.0.1:8000")
    assert _wait_for_turn(second, address) == "http://127.0.0.1:8000"


def test_orphan_is_found_and_ended(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    write_pid_file(tmp_path / "web.pid", sleeper.pid, SLEEPER)
    assert orphan(tmp_path / "web.pid") == sleeper.pid
    assert end_orphans(tmp_path, patience_seconds=5) == ["web"]
    assert not is_alive(sleeper.pid)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    ["", "12", "{}", "[]", '{"pid": 1, "started": "", "command": []}', '{"pid": "x"}', '{"pid": 99999999}'],
)
def test_stale_or_broken_pid_file_names_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "web.pid").write_text(content)
    assert end_orphans(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_reused_number_is_left_alone(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    write_pid_file(tmp_path / "web.pid", sleeper.pid, SLEEPER)
    text = (tmp_path / "web.pid").read_text()
    (tmp_path / "web.pid").write_text(text.replace('"started": "', '"started": "1'))
    assert end_orphans(tmp_path) == []
    assert is_alive(sleeper.pid)


def test_same_number_with_other_words_is_left_alone(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    write_pid_file(tmp_path / "web.pid", sleeper.pid, ["gunicorn", "config.wsgi:application"])
    assert end_orphans(tmp_path) == []
    assert is_alive(sleeper.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_child_follows_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from config.local.processes import spawn\n"
        "child = spawn([sys.executable, '-c', 'import time; time.sleep(60)'], environment=os.environ,"
        " folder=pathlib.Path('/'))\n"
        "print(child.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    parent = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False, timeout=60)
    assert parent.returncode == -signal.SIGKILL
    assert _until(lambda: not is_alive(int(parent.stdout)))


def test_dead_child_is_started_again(
    tmp_path: Path, supervisor: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.start("web", SLEEPER, os.environ)
    log = tmp_path / "log" / "web.log"

    def has_come_up(times: int) -> bool:
        supervisor.turn(0.05)
        return log.read_text().count("up") == times

    assert _until(lambda: has_come_up(1))
    first = orphan(tmp_path / "run" / "web.pid")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert _until(lambda: has_come_up(2))
    assert orphan(tmp_path / "run" / "web.pid") not in (None, first)
    supervisor.stop_all()
    assert list((tmp_path / "run").iterdir()) == []
    said = capsys.readouterr().out
    assert "web    | up" in said
    assert "web ended with SIGKILL; starting it again in 0.5 s" in said


def test_failing_child_is_started_at_growing_intervals(supervisor: Supervisor) -> None:
    supervisor.start("web", [sys.executable, "-S", "-c", "raise SystemExit(3)"], os.environ)
    child = supervisor._children["web"]
    deadline = time.monotonic() + 20
    while child.deaths < 3 and time.monotonic() < deadline:
        supervisor.turn(0.05)
    assert child.deaths == 3
    assert 1.5 < child.due - time.monotonic() <= 2.0


def test_step_gives_its_exit_code_and_is_not_repeated(
    supervisor: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-c", "print('a'); print('b', end=''); raise SystemExit(4)"]
    assert supervisor.run_to_end("step", command, os.environ) == 4
    supervisor.turn(0)
    assert capsys.readouterr().out == "step   | a\nstep   | b\n"


def test_wish_to_end_interrupts_a_step(supervisor: Supervisor) -> None:
    supervisor.stopping = True
    with pytest.raises(Stopped):
        supervisor.run_to_end("step", SLEEPER, os.environ)


def test_grandchildren_go_with_the_group(supervisor: Supervisor, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {note}; wait"
    supervisor.start("web", ["/bin/sh", "-c", script], os.environ, lasting=False)
    assert _until(lambda: note.is_file() and note.read_text().strip() != "")
    process = supervisor._children["web"].process
    assert process is not None
    process.kill()
    assert supervisor.wait_for("web") == -signal.SIGKILL
    assert _until(lambda: not is_alive(int(note.read_text())))
