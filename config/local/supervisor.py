"""Keeps children running, passes on what they say, and ends them in order. One thread, one loop."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from config.local.processes import signal_group, spawn, write_pid_file

LARGEST_LOG_BYTES = 20 * 1024 * 1024
LONGEST_PAUSE_SECONDS = 30.0
# A child that ran this long had started well; its next death begins a new series.
STEADY_SECONDS = 30.0
PATIENCE_SECONDS = 15.0
_TICK_SECONDS = 0.2


class Stopped(Exception):
    """The person, or the system, asked us to end."""


@dataclass
class Child:
    """One command and its present process, if any."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    lasting: bool = True
    process: subprocess.Popen[bytes] | None = None
    log: IO[bytes] | None = None
    rest: bytes = b""
    began: float = 0.0
    deaths: int = 0
    exit_code: int = 0
    due: float = field(default=0.0)

    @property
    def runs(self) -> bool:
        return self.process is not None


class Supervisor:
    """Children by name. `folder` is where they run, `run` takes pid files, `logs` one file a child."""

    def __init__(self, folder: Path, *, run: Path, logs: Path) -> None:
        self._folder, self._run, self._logs = folder, run, logs
        self._children: dict[str, Child] = {}
        self._selector = selectors.DefaultSelector()
        self.stopping = False
        self._hurry = False

    def listen_to_signals(self) -> None:
        """Ctrl-C, a closed terminal and SIGTERM end the loop; a second one stops waiting politely."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note_signal)

    def _note_signal(self, _number: int, _frame: object) -> None:
        self._hurry = self.stopping
        self.stopping = True

    def say(self, text: str, *, name: str = "shuke") -> None:
        """A line to the terminal. A terminal that is gone does not stop the shop."""
        with contextlib.suppress(OSError, ValueError):
            print(f"{name:<6} | {text}", flush=True)

    # --- children ---------------------------------------------------------------------------------------

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], *, lasting: bool = True
    ) -> None:
        """Start a child; a `lasting` one is started again whenever it ends. Raises OSError."""
        child = Child(name, command, environment, lasting=lasting)
        self._children[name] = child
        self._launch(child)

    def run_to_end(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run a step and wait for it while the others go on; its exit code. Raises Stopped, OSError."""
        self.start(name, command, environment, lasting=False)
        return self.wait_for(name)

    def wait_for(self, name: str) -> int:
        """Exit code of a child that is not lasting, once it has ended. Raises Stopped."""
        child = self._children[name]
        while child.runs:
            self.turn()
            if self.stopping:
                raise Stopped
        return child.exit_code

    def _launch(self, child: Child) -> None:
        child.process = spawn(child.command, environment=child.environment, folder=self._folder)
        child.began = time.monotonic()
        write_pid_file(self._run / f"{child.name}.pid", child.process.pid, child.command)
        if child.log is None:
            # Emptied at each start: yesterday's log of a demonstration helps nobody.
            child.log = (self._logs / f"{child.name}.log").open("wb", buffering=0)
        assert child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def turn(self, seconds: float = _TICK_SECONDS) -> None:
        """One round of the loop: pass on output, note deaths, start what is due."""
        for key, _events in self._selector.select(seconds):
            self._pass_on(key.data)
        for child in list(self._children.values()):
            if child.process is not None and child.process.poll() is not None:
                self._bury(child, child.process)
            if not child.runs and child.lasting and not self.stopping and time.monotonic() >= child.due:
                self._restart(child)

    def _restart(self, child: Child) -> None:
        try:
            self._launch(child)
        except OSError as error:
            self._postpone(child, f"cannot start: {error}")

    def _bury(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        # Workers of a killed master hold its port and its queue; they must not meet its successor.
        signal_group(process.pid, signal.SIGKILL)
        self._pass_on(child)
        if child.rest:
            self._line(child, child.rest)
            child.rest = b""
        assert process.stdout is not None
        with contextlib.suppress(KeyError):
            self._selector.unregister(process.stdout)
        process.stdout.close()
        child.process = None
        (self._run / f"{child.name}.pid").unlink(missing_ok=True)
        if not child.lasting:
            child.exit_code = process.returncode
            self._close_log(child)
        elif not self.stopping:
            self._postpone(child, f"ended with {_meaning(process.returncode)}")

    def _postpone(self, child: Child, reason: str) -> None:
        child.deaths = 1 if time.monotonic() - child.began > STEADY_SECONDS else child.deaths + 1
        pause = min(0.5 * 2 ** (child.deaths - 1), LONGEST_PAUSE_SECONDS)
        child.due = time.monotonic() + pause
        self.say(f"{child.name} {reason}; starting it again in {pause:g} s")

    # --- output -----------------------------------------------------------------------------------------

    def _pass_on(self, child: Child) -> None:
        if child.process is None or child.process.stdout is None:
            return
        # Bounded: a child that floods must not keep the others waiting.
        for _ in range(64):
            try:
                piece = os.read(child.process.stdout.fileno(), 65536)
            except (BlockingIOError, OSError):
                return
            if not piece:
                # Closed, though the child may live on; a closed pipe would make `select` spin.
                with contextlib.suppress(KeyError):
                    self._selector.unregister(child.process.stdout)
                return
            *lines, child.rest = (child.rest + piece).split(b"\n")
            for line in lines:
                self._line(child, line)
            if len(child.rest) > 65536:
                self._line(child, child.rest)
                child.rest = b""

    def _line(self, child: Child, line: bytes) -> None:
        if child.log is not None:
            with contextlib.suppress(OSError):
                if child.log.tell() > LARGEST_LOG_BYTES:
                    child.log.seek(0)
                    child.log.truncate()
                child.log.write(line + b"\n")
        self.say(line.decode("utf-8", "replace"), name=child.name)

    def _close_log(self, child: Child) -> None:
        if child.log is not None:
            child.log.close()
            child.log = None

    # --- the end ----------------------------------------------------------------------------------------

    def run(self, each_second: Callable[[], None]) -> None:
        """Go round until a signal comes; `each_second` looks after what is no child of ours."""
        due = time.monotonic()
        while not self.stopping:
            self.turn()
            if time.monotonic() >= due:
                each_second()
                due = time.monotonic() + 1.0

    def stop_all(self) -> None:
        """Ask all children to end, wait PATIENCE_SECONDS, then kill. Groups, so that none of theirs stays."""
        self.stopping = True
        self._hurry = False
        for child in self._children.values():
            if child.process is not None:
                # The master only: it ends its own workers in its own order.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(child.runs for child in self._children.values()):
            if self._hurry or time.monotonic() > deadline:
                for child in self._children.values():
                    if child.process is not None:
                        signal_group(child.process.pid, signal.SIGKILL)
            self.turn(0.05)
        for child in self._children.values():
            self._close_log(child)
        sys.stdout.flush()


def _meaning(code: int) -> str:
    """The exit code in words.

    >>> _meaning(3), _meaning(-9)
    ('exit code 3', 'SIGKILL')
    """
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
