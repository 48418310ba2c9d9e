"""Load over HTTP: `wrk` where it is installed, else a few processes of ours on plain sockets.

Ours costs the machine more per request, on both sides of a ratio alike. A load is a method, a path, headers
and a body, in which `{n}` stands for a number that no other request of the run has, `{who}` for one of `whos`
and `{till}` for one of `tills`.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import CannotMeasure

# A worker keeps the connections that it happened to accept: with few of them one often has too little to do,
# and what is measured is that accident. Of these each worker gets more than it can serve at once.
CONNECTIONS = 32
DEALS = 3
RUNS = itertools.count(1)

# Each thread of wrk has a Lua of its own: the thread's number keeps theirs apart.
SCRIPT = """
local whos = %(whos)s
local tills = %(tills)s
local numbers = 0
local threads = 0
function setup(thread) thread:set("mine", threads); threads = threads + 1 end
function fill(text, number, who, till)
    return (text:gsub("{n}", number):gsub("{who}", function() return who end)
        :gsub("{till}", function() return till end))
end
function request()
    numbers = numbers + 1
    local who, till = whos[math.random(#whos)], tills[math.random(#tills)]
    local number = string.format("%(run)s-%%d-%%d", mine, numbers)
    local headers = {}
    for name, text in pairs(%(headers)s) do headers[name] = fill(text, number, who, till) end
    local body = %(body)s
    return wrk.format(%(method)s, fill(%(path)s, number, who), headers,
        body and fill(body, number, who))
end
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        '\\n{"requests": %%d, "seconds": %%.6f, "refused": %%d, "broken": %%d,' ..
        ' "p50": %%.3f, "p99": %%.3f}\\n',
        summary.requests, summary.duration / 1e6, e.status, e.connect + e.read + e.write + e.timeout,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


@dataclass(frozen=True)
class Load:
    """What is asked, again and again. `whos` are texts: tokens, cards, ids; `tills` keys of tills."""

    method: str
    path: str
    headers: dict[str, str]
    whos: list[str]
    body: str | None = None
    tills: list[str] = field(default_factory=list)


@dataclass
class Measured:
    """`refused` answered with a status of 400 or more, `broken` did not answer. Times in milliseconds."""

    requests: int
    seconds: float
    refused: int = 0
    broken: int = 0
    waits: list[float] = field(default_factory=list)
    p50: float = 0.0
    p99: float = 0.0

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def run(load: Load, *, port: int, seconds: float, folder: Path) -> Measured:
    """Send `load` from CONNECTIONS connections for `seconds`, a third at a time: each time they are dealt out
    to the workers anew. Raises CannotMeasure unless all went well.
    """
    with_wrk = shutil.which("wrk")
    if with_wrk is None:
        measured = _ours(load, port, seconds)
    else:
        deals = 1 if seconds < DEALS else DEALS
        parts = [_wrk(with_wrk, load, port, seconds / deals, folder) for _deal in range(deals)]
        measured = Measured(
            requests=sum(part.requests for part in parts),
            seconds=sum(part.seconds for part in parts),
            refused=sum(part.refused for part in parts),
            broken=sum(part.broken for part in parts),
            p50=max(part.p50 for part in parts),
            p99=max(part.p99 for part in parts),
        )
    if measured.refused or measured.broken or not measured.requests:
        raise CannotMeasure(
            f"{load.method} {load.path}: {measured.requests} answers, {measured.refused} refused,"
            f" {measured.broken} broken"
        )
    return measured


def _wrk(program: str, load: Load, port: int, seconds: float, folder: Path) -> Measured:
    script = folder / f"load-{next(RUNS)}.lua"
    script.write_text(
        SCRIPT
        % {
            "run": f"{time.time_ns():x}",
            "whos": _lua(load.whos),
            "tills": _lua(load.tills or [""]),
            "headers": _lua(load.headers),
            "body": _lua(load.body),
            "method": _lua(load.method),
            "path": _lua(load.path),
        }
    )
    command = [program, "--threads", "1", "--connections", str(CONNECTIONS),
               "--duration", f"{max(round(seconds), 1)}s",
               "--script", str(script), f"http://127.0.0.1:{port}"]  # fmt: skip
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60)
    found = re.findall(r"^\{.*\}$", answer.stdout, re.MULTILINE)
    if not found:
        raise CannotMeasure(f"wrk said: {(answer.stderr or answer.stdout).strip()[:200]}")
    return Measured(**json.loads(found[-1]))


def _lua(value: Any) -> str:
    if value is None:
        return "nil"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "{" + ",".join(map(_lua, value)) + "}"
    return "{" + ",".join(f"[{_lua(name)}]={_lua(text)}" for name, text in value.items()) + "}"


def _ours(load: Load, port: int, seconds: float) -> Measured:
    context = multiprocessing.get_context("spawn")
    answers: Any = context.Queue()
    run_name = f"{time.time_ns():x}"
    workers = [
        context.Process(target=_client, args=(load, port, seconds, f"{run_name}-{place}", answers))
        for place in range(CONNECTIONS)
    ]
    for worker in workers:
        worker.start()
    found: list[Measured] = [answers.get(timeout=seconds + 60) for _ in workers]
    for worker in workers:
        worker.join()
    waits = sorted(itertools.chain.from_iterable(one.waits for one in found))
    return Measured(
        requests=sum(one.requests for one in found),
        seconds=max(one.seconds for one in found),
        refused=sum(one.refused for one in found),
        broken=sum(one.broken for one in found),
        p50=waits[len(waits) // 2] if waits else 0.0,
        p99=waits[len(waits) * 99 // 100] if waits else 0.0,
    )


def _client(load: Load, port: int, seconds: float, name: str, answers: Any) -> None:
    measured = Measured(0, 0.0)
    line = Line(port)
    began = time.perf_counter()
    for number in itertools.count(1):
        sent = time.perf_counter()
        if sent - began >= seconds:
            break
        try:
            status = line.ask(_filled(load, f"{name}-{number}"))
        except OSError:
            measured.broken += 1
            break
        measured.requests += 1
        measured.refused += status >= 400
        measured.waits.append((time.perf_counter() - sent) * 1e3)
    measured.seconds = time.perf_counter() - began
    answers.put(measured)


def _filled(load: Load, number: str) -> bytes:
    who = load.whos[hash(number) % len(load.whos)]
    till = load.tills[hash((number, "till")) % len(load.tills)] if load.tills else ""

    def fill(text: str) -> str:
        return text.replace("{n}", number).replace("{who}", who).replace("{till}", till)

    body = fill(load.body).encode() if load.body is not None else b""
    head = [f"{load.method} {fill(load.path)} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    head += [f"{name}: {fill(text)}" for name, text in load.headers.items()]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Line:
    """One connection that is kept open as long as the server likes, and made again after that."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, request: bytes) -> int:
        """The status of the answer. Raises OSError."""
        kept = self._socket is not None
        try:
            return self._ask(request)
        except OSError:
            self._socket = None
            if not kept:
                raise
            # The server closed a connection that had been idle; nothing of this request was read.
            return self._ask(request)

    def _ask(self, request: bytes) -> int:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=30)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._more()
        head, _gap, body = answer.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)^content-length: (\d+)", head, re.MULTILINE)[1])  # type: ignore[index]
        while len(body) < length:
            body += self._more()
        if re.search(rb"(?im)^connection: close", head):
            self._socket.close()
            self._socket = None
        return int(head.split(b" ", 2)[1])

    def _more(self) -> bytes:
        assert self._socket is not None
        piece = self._socket.recv(65536)
        if not piece:
            raise ConnectionResetError("the server closed the connection")
        return piece
