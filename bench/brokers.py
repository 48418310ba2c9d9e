"""How long a task waits between enqueue and start: a real worker on a broker, asked by a real producer."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from celery import Celery

from bench.errors import CannotMeasure

PAUSE_SECONDS = 0.02
START_SECONDS = 30.0

app = Celery("bench", broker=os.environ.get("BENCH_BROKER_URL", "memory://"))
app.conf.task_ignore_result = True
app.conf.worker_prefetch_multiplier = 1


@app.task(name="bench.started")
def started(sent_at: float, path: str) -> None:
    """Write down how long it took to get here."""
    waited = time.time() - sent_at
    with open(path, "a", encoding="ascii") as file:
        file.write(f"{waited}\n")


def start_delay(url: str, folder: Path, quick: bool) -> float:
    """Median milliseconds from enqueue to start, over one worker's life. Raises CannotMeasure."""
    count = 50 if quick else 200
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".txt") as file:
        command = [
            sys.executable, "-m", "celery", "-A", "bench.brokers:app", "worker", "--concurrency", "2",
            "--without-gossip", "--without-mingle", "--loglevel", "ERROR",
        ]  # fmt: skip
        environment = {**os.environ, "BENCH_BROKER_URL": url}
        worker = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            with Celery("producer", broker=url) as producer:
                _send(producer, file.name)
                _wait_for(file.name, 1)
                for _ in range(count):
                    _send(producer, file.name)
                    time.sleep(PAUSE_SECONDS)
                waits = _wait_for(file.name, count + 1)
        finally:
            worker.terminate()
            worker.wait(timeout=START_SECONDS)
    # The first one waited for the worker to start.
    return statistics.median(waits[1:]) * 1_000


def _send(producer: Celery, path: str) -> None:
    producer.send_task("bench.started", args=(time.time(), path))


def _wait_for(path: str, count: int) -> list[float]:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        lines = Path(path).read_text(encoding="ascii").split()
        if len(lines) >= count:
            return [float(line) for line in lines]
        time.sleep(0.05)
    raise CannotMeasure(f"the worker ran fewer than {count} tasks in {START_SECONDS:.0f} s")
