"""A till's line to the house: it sends a request again, with the same key, until there is a final answer."""

from __future__ import annotations

import http.client
import json
import random
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

# A till that got no answer cannot know whether it counted: only these end its asking.
NOT_FINAL = frozenset({429, 500, 502, 503, 504})
GIVE_UP_SECONDS = 120.0


class NeverAnswered(Exception):
    """No final answer within GIVE_UP_SECONDS."""


@dataclass(frozen=True)
class Answer:
    """A final one. `body` are its bytes, `replayed` whether the house says that it gave it before."""

    status: int
    body: bytes
    replayed: bool

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Asked:
    """A write that was answered: what it takes to send it again, and what the answer was."""

    path: str
    body: bytes
    key: str
    answer: Answer


class Line:
    """One till's. `tries` counts what became of each attempt."""

    def __init__(self, port: int, token: str, dice: random.Random) -> None:
        self._port, self._token, self._dice = port, token, dice
        self.tries: Counter[str] = Counter()

    def post(self, path: str, told: dict[str, Any], key: str) -> Asked:
        body = json.dumps(told).encode()
        return Asked(path, body, key, self._final("POST", path, body, key))

    def again(self, asked: Asked) -> Answer:
        """The answer to the same request under the same key."""
        return self._final("POST", asked.path, asked.body, asked.key)

    def get(self, path: str) -> Answer:
        return self._final("GET", path, b"", "")

    def _final(self, method: str, path: str, body: bytes, key: str) -> Answer:
        until = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < until:
            answer = self._once(method, path, body, key)
            if answer is not None and not self._goes_on(answer):
                self.tries["final"] += 1
                return answer
            time.sleep(self._dice.uniform(0.01, 0.25))
        raise NeverAnswered(f"{method} {path} {key}")

    def _goes_on(self, answer: Answer) -> bool:
        if answer.status in NOT_FINAL or (answer.status == 409 and answer.told["code"] in HURRY):
            self.tries[f"told to wait: {answer.status}"] += 1
            return True
        return False

    def _once(self, method: str, path: str, body: bytes, key: str) -> Answer | None:
        headers = {"Authorization": f"Bearer {self._token}", "Accept-Language": "en"}
        if method == "POST":
            headers |= {"Content-Type": "application/json", "Idempotency-Key": key}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            connection.request(method, f"/api/v1{path}", body, headers)
            response = connection.getresponse()
            said = response.read()
            return Answer(response.status, said, response.getheader("Idempotent-Replayed") == "true")
        except (OSError, http.client.HTTPException) as error:
            self.tries[f"line broke: {type(error).__name__}"] += 1
            return None
        finally:
            connection.close()


# Conflicts of the moment: the same request succeeds, or is refused for good, a little later.
HURRY = frozenset({"key_in_use", "purchase_moved"})
