"""What kills: a web worker every half second, and worker, broker and database in turn."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter

from bench.chaos.world import World
from config.local.errors import LauncherError

WEB_EVERY_SECONDS = 0.5
TURN_EVERY_SECONDS = 6.0
TURN = ("worker", "broker", "database")


class Killer:
    """Two threads until `stop`; `kills` counts by name."""

    def __init__(self, world: World, seed: int, *, web_every: float = WEB_EVERY_SECONDS) -> None:
        self._world, self._dice, self._web_every = world, random.Random(f"{seed}-killer"), web_every
        self._over = threading.Event()
        self.kills: Counter[str] = Counter()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._web, self._turn)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No more kills; everything is up again afterwards."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._heal()

    def _web(self) -> None:
        while not self._over.wait(self._web_every):
            workers = self._world.parts["web"].children()
            if workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._dice.choice(workers), signal.SIGKILL)
                    self.kills["web worker"] += 1

    def _turn(self) -> None:
        number = 0
        while not self._over.wait(TURN_EVERY_SECONDS * self._dice.uniform(0.7, 1.3)):
            name = TURN[number % len(TURN)]
            number += 1
            getattr(self, f"_kill_{name}")()
            self.kills[name] += 1
            # Left lying for a moment: what happens meanwhile is what this is about.
            self._over.wait(self._dice.uniform(0.2, 1.5))
            self._heal()

    def _kill_worker(self) -> None:
        self._world.parts["worker"].kill()

    def _kill_broker(self) -> None:
        broker = self._world.broker
        if broker is None:
            return
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((broker.folder / "broker.pid").read_text()), signal.SIGKILL)

    def _kill_database(self) -> None:
        pid = self._world.cluster.postmaster_pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def _heal(self) -> None:
        until = time.monotonic() + 60
        while True:
            try:
                return self._world.heal()
            except LauncherError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)
