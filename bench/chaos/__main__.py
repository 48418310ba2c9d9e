"""`make chaos [ARGS="--seconds 30 --seed 7"]`: kill everything in turn under load, then ask the books.

A till sends each request again with the same Idempotency-Key until it has a final answer. What was
acknowledged has to be there, once; what was refused has to have had no effect; the books have to prove.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from bench.chaos import proof
from bench.chaos.bursts import AT_ONCE, burst
from bench.chaos.killer import Killer
from bench.chaos.line import Line
from bench.chaos.tills import Customer, Log, Till
from bench.chaos.world import World, wait_until_it_answers, world
from config.local.errors import LauncherError

TILLS = 6
MEMBERS_A_TILL = 8
BURST_EVERY_SECONDS = 15.0
MOST_BURSTS = 60


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="make chaos ARGS=...", description=__doc__)
    top.add_argument("--seconds", type=float, default=300.0, help="of load under fire (default 300)")
    top.add_argument("--seed", type=int, default=None, help="of every decision (default: drawn and printed)")
    top.add_argument("--retries", type=int, default=10_000, help="of what was answered (default 10,000)")
    return top


def say(text: str) -> None:
    print(text, flush=True)


class Run:
    """One run: load and fire for so many seconds, retries until there were enough, the proof."""

    def __init__(self, shop: World, seed: int) -> None:
        self._shop, self._seed = shop, seed
        told = shop.seed(TILLS * MEMBERS_A_TILL + 1, MOST_BURSTS)
        self._token, cards, self._bursts = told["key"], told["cards"], told["bursts"]
        self._hot = cards.pop()
        self.tills = [
            Till(
                number, seed, Line(shop.port, self._token, random.Random(f"{seed}-line-{number}")),
                [Customer(card) for card in cards[number::TILLS]], self._hot,
            )
            for number in range(TILLS)
        ]  # fmt: skip
        self.log = Log()
        self.burst_count = 0

    def fire(self, seconds: float) -> Counter[str]:
        """Load under fire; what was killed."""
        killer = Killer(self._shop, self._seed)
        for till in self.tills:
            till.start()
        killer.start()
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self.burst_count < MOST_BURSTS:
                self._burst()
            time.sleep(max(min(BURST_EVERY_SECONDS, left), 0))
        for till in self.tills:
            till.over.set()
        for till in self.tills:
            till.join()
        killer.stop()
        return killer.kills

    def retry(self, wanted: int) -> None:
        """The rest of the retries, in peace."""
        missing = wanted - sum(till.log.retried for till in self.tills)
        threads = [
            threading.Thread(target=till.retry, args=(max(missing, 0) // TILLS + 1,)) for till in self.tills
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def faults(self) -> list[str]:
        for till in self.tills:
            self.log.receipts |= till.log.receipts
            self.log.refused |= till.log.refused
            self.log.returns |= till.log.returns
            self.log.wrong += till.log.wrong
            self.log.retried += till.log.retried
            self.log.done += till.log.done
        line = Line(self._shop.port, self._token, random.Random(self._seed))
        return proof.faults(self._shop, line, self.tills, self.log, self._hot)

    def tries(self) -> Counter[str]:
        return sum((till._line.tries for till in self.tills), Counter())

    def _burst(self) -> None:
        number = self.burst_count
        self.burst_count += 1
        found = burst(number, self._shop.port, self._token, self._bursts[number], self._seed)
        if sorted(found.values()) != [200] * 3 + [409] * (AT_ONCE - 3):
            self.log.wrong.append(f"burst {number}: {dict(Counter(found.values()))} instead of three")
        self.log.receipts |= {name for name, status in found.items() if status == 200}
        self.log.refused |= {name for name, status in found.items() if status == 409}
        self.log.done["redemptions at once"] += AT_ONCE


def main(words: list[str]) -> int:
    """The exit code: 0 when the books are what the tills were told, 1 when not, 2 when nothing started."""
    arguments = parser().parse_args(words)
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(2**31)
    say(f"seed {seed}")
    folder = Path(tempfile.mkdtemp(prefix="shuke-chaos-"))
    os.chmod(folder, 0o755)
    try:
        with world(folder) as shop:
            shop.heal()
            wait_until_it_answers(shop.port)
            run = Run(shop, seed)
            say(f"{arguments.seconds:.0f} s of {TILLS} tills under fire")
            began = time.monotonic()
            kills = run.fire(arguments.seconds)
            wait_until_it_answers(shop.port)
            passed = time.monotonic() - began
            run.retry(arguments.retries)
            found = run.faults()
        answered = sum(run.log.done.values())
        say(f"killed: {dict(kills)}")
        say(f"answered: {answered:,} ({answered / passed:.0f}/s): {dict(run.log.done)}")
        say(f"attempts: {dict(run.tries())}")
        say(f"sent again: {run.log.retried:,}; bursts of {AT_ONCE} with points for three: {run.burst_count}")
    except LauncherError as error:
        say(f"{error}\nlogs are in {folder}")
        return 2
    if found:
        say(f"{len(found)} FAULTS, logs are in {folder}\n" + "\n".join(found[:50]))
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    say("0 acknowledged lost, 0 effects of refused ones, 0 doubled, 0 different answers; the books prove")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
