"""Fifty redemptions of one member at once, with points for three (T1)."""

from __future__ import annotations

import random
import threading

from bench.chaos.line import Line, NeverAnswered
from bench.chaos.seed import POINTS_OF_A_BURST
from bench.chaos.tills import now

AT_ONCE = 50
PRICE = POINTS_OF_A_BURST // 3


def burst(number: int, port: int, token: str, card: str, seed: int) -> dict[str, int]:
    """Receipt number to final status, 0 for none. All leave together and are sent until they have one."""
    barrier = threading.Barrier(AT_ONCE)
    found: dict[str, int] = {}

    def redeem(place: int) -> None:
        line = Line(port, token, random.Random(f"{seed}-{number}-{place}"))
        name = f"B-{number}-{place}"
        told = {
            "receipt_no": name, "card": card, "purchased_at": now(), "paid": "0.00",
            "redeem": {"points": PRICE},
        }  # fmt: skip
        barrier.wait()
        try:
            found[name] = line.post("/purchases", told, name).answer.status
        except NeverAnswered:
            found[name] = 0

    threads = [threading.Thread(target=redeem, args=(place,)) for place in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
