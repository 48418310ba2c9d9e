"""The broker: a Valkey or Redis server on a socket of our own, or plain files when none can start."""

import json
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from config.local.errors import LauncherError

SOCKET_NAME = "broker.sock"
START_SECONDS = 20.0


@dataclass(frozen=True)
class Broker:
    """A server's program and folders. It holds nothing that PostgreSQL does not hold as well."""

    program: Path
    folder: Path
    socket: Path
    log: Path

    def environment(self) -> dict[str, str]:
        """The variables that lead Django here."""
        # Options in the person's shell or `.env` are for another transport.
        options = json.dumps({"visibility_timeout": 3600})
        return {
            "BROKER_URL": f"redis+socket://{quote(str(self.socket))}",
            "BROKER_TRANSPORT_OPTIONS": options,
        }

    def is_ready(self) -> bool:
        """Whether the server answers."""
        return self._ask(b"PING\r\n") == b"+PONG\r\n"

    def start(self) -> bool:
        """Start the server unless it answers; true when it was started. Raises LauncherError."""
        if self.is_ready():
            return False
        command = [
            str(self.program), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700",
            "--dir", str(self.folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
            "--pidfile", str(self.folder / "broker.pid"), "--logfile", str(self.log), "--daemonize", "yes",
        ]  # fmt: skip
        try:
            answer = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                cwd=self.folder, start_new_session=True, timeout=START_SECONDS,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LauncherError(f"{self.program} did not start: {error}") from error
        deadline = time.monotonic() + START_SECONDS
        while answer.returncode == 0 and time.monotonic() < deadline:
            if self.is_ready():
                return True
            time.sleep(0.02)
        raise LauncherError(f"{self.program} did not start: {answer.stderr.strip() or f'see {self.log}'}")

    def stop(self) -> None:
        """Ask the server to end and wait until its socket is silent, at most 10 seconds."""
        if not self.is_ready():
            return
        self._ask(b"SHUTDOWN NOSAVE\r\n")
        deadline = time.monotonic() + 10
        while self.is_ready() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.socket.unlink(missing_ok=True)

    def _ask(self, request: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            try:
                connection.connect(str(self.socket))
                connection.sendall(request)
                return connection.recv(256)
            except OSError:
                return b""


def file_environment(folder: Path) -> dict[str, str]:
    """The variables for kombu's transport through files: nine times slower, but it needs no server."""
    queue, control = folder / "queue", folder / "control"
    for made in (queue, control):
        made.mkdir(parents=True, exist_ok=True)
    options = {
        "data_folder_in": str(queue),
        "data_folder_out": str(queue),
        "control_folder": str(control),
        # The default of one second turns a queue of tasks into minutes.
        "polling_interval": 0.1,
    }
    return {"BROKER_URL": "filesystem://", "BROKER_TRANSPORT_OPTIONS": json.dumps(options)}
