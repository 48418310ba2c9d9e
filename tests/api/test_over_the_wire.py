"""What only a real server can show: bodies whose length is a lie (P15), a body that never ends (P16), and
what never gets as far as a view (P18, P38).
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
from gunicorn.http import errors

from backoffice.models import IdempotencyKey
from config.web_worker import Worker
from tests.api.conftest import House
from tests.api.servers import gunicorn
from tests.api.test_tills import hold, ok, points_of, till
from tests.factories.points import give

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def port(transactional_db: Any) -> Iterator[int]:
    with gunicorn("--threads", "4") as (number, _process):
        yield number


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


HOST = "Host: 127.0.0.1"
# (request line, headers, status, code)
NO_VIEW = [
    ("GET /api/v1/terms", "Host: evil.example", 400, "host_unknown"),
    ("GET /api/v2/x", "Host: evil.example", 400, "host_unknown"),
    ("GET /api/schema/", "Host: evil.example", 400, "host_unknown"),
    ("POST /api/v1/codes", "Host: a b", 400, "host_unknown"),
    ("GET /api/v1/terms", f"{HOST}\n{HOST}", 400, "bad_request"),
    ("GET /api/v1/terms?x=" + "a" * 9000, HOST, 414, "address_too_long"),
    ("GET /api/v1/terms", f"{HOST}\nX-A: " + "a" * 9000, 431, "headers_too_large"),
    ("GET /api/v1/terms", HOST + "\nX-A: 1" * 200, 431, "headers_too_large"),
    ("GET /api/v1/terms", f"{HOST}\nno colon", 400, "bad_request"),
    ("GET /api/v1/terms", f"{HOST}\nX-A: 1\n folded", 400, "bad_request"),
    ("GET /api/v1/a b", HOST, 400, "bad_request"),
    ("GET /api/v1/\x00", HOST, 400, "bad_request"),
    ("get /api/v1/terms", HOST, 400, "bad_request"),
    ("POST /api/v1/codes", f"{HOST}\nExpect: nonsense\nContent-Length: 0", 417, "expectation_failed"),
    ("POST /api/v1/codes", f"{HOST}\nTransfer-Encoding: nonsense", 501, "not_supported"),
    ("GET /api/v1/%zz", HOST, 404, "not_found"),
    ("GET /api/v1/%ff%fe", HOST, 404, "not_found"),
    ("GET /api/v1/%00", HOST, 404, "not_found"),
    ("GET /api/v1/../v1/terms", HOST, 404, "not_found"),
    ("GET /api/v1/..%2f..%2fadmin", HOST, 404, "not_found"),
    ("GET /api/v1", HOST, 404, "not_found"),
    ("TRACE /api/v1/terms", HOST, 405, "method_not_allowed"),
    ("DELETE /api/schema/", HOST, 405, "method_not_allowed"),
]


def test_p15_p18_p38_what_never_reaches_a_view_answers_like_every_error(house: House, port: int) -> None:
    for line, headers, status, code in NO_VIEW:
        head, _gap, body = said(
            port, f"{line} HTTP/1.1\n{headers}\nAccept-Language: en\nConnection: close\n\n", hang_up=False
        ).partition(b"\r\n\r\n")
        names = dict(part.split(b": ", 1) for part in head.lower().split(b"\r\n")[1:])
        told = json.loads(body)
        assert (told["status"], told["code"]) == (status, code), (line[:60], head, body)
        assert head.split(b" ")[1] == str(status).encode()
        assert names[b"content-type"] == b"application/problem+json", line
        assert names[b"x-request-id"].decode() == told["request_id"] and told["message"] == told["detail"]
        assert set(told) >= {"type", "title", "fields"} and b"<" not in body
    assert b" 200 " in said(port, f"GET /api/v1/terms HTTP/1.1\n{HOST}\nConnection: close\n\n")[:20]


def test_p15_a_body_in_pieces_is_refused_and_never_taken_for_none(house: House, port: int) -> None:
    """A commit of 5 of 20 points must not become a commit of all of them."""
    give(house.account, 400)
    api = till(house)
    ok(api.post("/holds", hold(house, 20, hold_no="H1")), 201)
    start = f"POST /api/v1/holds/H1/commit HTTP/1.1\n{HOST}\nAuthorization: Bearer {api.token}\n"
    start += "Content-Type: application/json\nIdempotency-Key: k1\nAccept-Language: en\nConnection: close\n"
    body = b'{"points":5}'
    pieces = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    before = IdempotencyKey.objects.count()
    answer = said(port, f"{start}Transfer-Encoding: chunked\n\n", pieces)
    assert b" 400 " in answer[:20] and b'"length_missing"' in answer, answer
    assert IdempotencyKey.objects.count() == before
    assert points_of(house) == (400, 20)
    answer = said(port, f"{start}Content-Length: {len(body)}\n\n", body)
    assert b" 200 " in answer[:20], answer
    assert points_of(house) == (395, 0)


def test_t34_what_is_no_request_is_not_quoted_in_the_log() -> None:
    ours, theirs = socket.socketpair()
    worker: Any = Worker.__new__(Worker)
    worker.log = Mock()
    with ours, theirs:
        worker.handle_error(
            None, ours, ("192.0.2.1", 1), errors.InvalidHeader("Authorization Bearer skm_secret")
        )
        assert b"skm_secret" not in theirs.recv(65536)
    assert worker.log.warning.call_count == 1 and "skm_secret" not in str(worker.log.mock_calls)
