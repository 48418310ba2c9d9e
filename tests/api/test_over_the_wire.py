"""What only a real server can show: bodies whose length is a lie (P15), and a body that never ends (P16)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import House
from tests.processes import database_url

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def port(transactional_db: Any) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = int(probe.getsockname()[1])
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "config.wsgi",
        "--bind",
        f"127.0.0.1:{number}",
        "--threads",
        "4",
    ]
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "SECRET_KEY": "",
        "ALLOWED_HOSTS": "127.0.0.1",
    }
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as server:
        for _attempt in range(200):
            try:
                socket.create_connection(("127.0.0.1", number), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield number
        server.terminate()
        server.wait(20)


def said(port: int, head: str, body: bytes = b"", *, hang_up: bool = True) -> bytes:
    """What the server answers; empty when it only closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(head.replace("\n", "\r\n").encode() + body)
        if hang_up:
            client.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while part := client.recv(65536):
                answer += part
        except ConnectionError:
            pass
        return answer


def test_lengths_that_are_a_lie(house: House, port: int) -> None:
    token = house.as_member().token
    start = f"POST /api/v1/me/consents HTTP/1.1\nHost: 127.0.0.1\nAuthorization: Bearer {token}\n"
    start += "Content-Type: application/json\nIdempotency-Key: k1\nConnection: close\n"
    body = b'{"purpose":"marketing_sms","given":true}'
    refused = {
        "cut off": said(port, f"{start}Content-Length: 400\n\n", body),
        "both": said(
            port,
            f"{start}Content-Length: 5\nTransfer-Encoding: chunked\n\n",
            b"28\r\n" + body + b"\r\n0\r\n\r\n",
        ),
        "twice": said(port, f"{start}Content-Length: 5\nContent-Length: 40\n\n", body),
        "negative": said(port, f"{start}Content-Length: -1\n\n", body),
        "huge": said(port, f"{start}Content-Length: 5000000\n\n", b'{"a":"' + b"x" * 1000, hang_up=False),
        "huge pieces": said(
            port, f"{start}Transfer-Encoding: chunked\n\n", b"80000\r\n" + b"x" * 0x80000 + b"\r\n0\r\n\r\n"
        ),
    }
    statuses = {name: answer.split(b" ", 2)[1:2] for name, answer in refused.items()}
    assert all(status in ([], [b"400"], [b"413"]) for status in statuses.values()), statuses
    assert statuses["huge"] == [b"413"]
    assert house.member.consents.count() == 0
    good = said(port, f"{start}Content-Length: {len(body)}\n\n", body)
    assert b" 201 " in good.split(b"\r\n", 1)[0], good[:500]
