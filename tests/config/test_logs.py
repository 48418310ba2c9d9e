"""Nothing that identifies a person or opens a door stays in a log line."""

import doctest
import json
import logging
import logging.config
import time
from typing import Any

import pytest

from config import logs

PHONES = [
    "+886912345678",
    "+886 912 345 678",
    "+886-912-345-678",
    "+886 0912 345 678",
    "886912345678",
    "00886912345678",
    "0912345678",
    "0912-345-678",
    "0912 345 678",
    "(09)12-345-678",
    "0 9 1 2 3 4 5 6 7 8",
    "０９１２３４５６７８",
    "+81 90 1234 5678",
]


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(logs).failed == 0


@pytest.mark.parametrize("phone", PHONES)
@pytest.mark.parametrize("text", ["{}", "member {}.", "電話{}請回電", "a={},b", "['{}']", "tel{}x"])
def test_phone_is_masked_wherever_it_stands(phone: str, text: str) -> None:
    masked = logs.mask_text(text.format(phone))
    assert "678" in masked
    assert sum(character.isdigit() for character in masked) == 3


@pytest.mark.parametrize(
    "text",
    ["2026-11-22T02:15:00+08:00", "order 20261122000123456", "NT$ 912,345,678", "1.0912345", "id 912345678"],
)
def test_other_numbers_stay(text: str) -> None:
    assert logs.mask_text(text) == text


@pytest.mark.parametrize(
    "event",
    [
        {"password": "hunter2"},
        {"request": {"headers": {"Authorization": "Bearer hunter2"}}},
        {"HTTP_X_API_KEY": "hunter2"},
        {"otp": "hunter2"},
        {"code": "hunter2"},
        {"event": "GET /login?token=hunter2&next=/"},
        {"event": '{"password": "hunter2"}'},
        {"event": "api_key=hunter2"},
        {"list": [{"sessionCookie": "hunter2"}]},
        {"event": ("secret: hunter2",)},
    ],
)
def test_secret_is_hidden(event: dict[str, Any]) -> None:
    assert "hunter2" not in json.dumps(logs.scrub(None, "info", event), ensure_ascii=False)


@pytest.mark.parametrize(
    "query",
    [
        "phone=0912%20345%20678", "phone=0912+345+678", "phone=%30%39%31%32345678",
        "phone=%2B886%20912345678",
        "phone=%EF%BC%90912345678", "a=1&b=%20&q=0912+345678", "mail=a%40b.example&phone=0912%2D345%2D678",
    ],
)  # fmt: skip
@pytest.mark.parametrize("short", [True, False])
def test_a_phone_in_escapes_is_masked(query: str, short: bool) -> None:
    told = _line_of(f"GET /api/v1/me?{query}", short=short)
    assert "[phone ..678]" in told and "345" not in told and "b.example" not in told


@pytest.mark.parametrize(
    "query",
    [
        "t%6Fken=hunter2", "otp%3Dhunter2", "q=skm%5Fhunter2_x", "q=為skm_hunter2", "one_time_code=hunter2",
        "verification_code=hunter2", "x=%20&otp_code=hunter2",
    ],
)  # fmt: skip
@pytest.mark.parametrize("short", [True, False])
def test_a_secret_in_escapes_is_hidden(query: str, short: bool) -> None:
    told = _line_of(f"GET /api/v1/me?{query}", short=short)
    assert "hidden" in told and "hunter2" not in told


@pytest.mark.parametrize("short", [True, False])
def test_a_harmless_query_stays_as_it_was_sent(short: bool) -> None:
    told = _line_of("GET /api/v1/purchases/%0AR-1?a=1%202&b=%E7%8E%8B", short=short)
    assert "GET /api/v1/purchases/%0AR-1?a=1%202&b=%E7%8E%8B" in told and "\n" not in told


def _line_of(request: str, *, short: bool) -> str:
    """The short way of the API's line, or the chain that all others take."""
    event = {"request": request, "request_id": "r-1", "event": "request_finished"}
    if not short:
        return json.dumps(logs.scrub(None, "info", event), ensure_ascii=False)
    record = logging.LogRecord(logs.API_REQUESTS, logging.INFO, "", 1, "request_finished", None, None)
    record.event = event
    return logs.formatter(json=True).format(record)


def test_http_status_stays_but_a_numeric_code_goes() -> None:
    assert logs.scrub(None, "info", {"code": 404})["code"] == 404
    assert logs.scrub(None, "info", {"code": 123456})["code"] == logs.HIDDEN


def test_phone_as_number_or_key_is_masked() -> None:
    clean = logs.scrub(None, "info", {"member": 886912345678, "0912345678": 1})
    assert "12345678" not in json.dumps(clean)


def test_nothing_deep_or_recursive_escapes() -> None:
    loop: dict[str, Any] = {"phone": "0912345678"}
    loop["self"] = loop
    assert "0912345678" not in json.dumps(logs.scrub(None, "info", {"event": "x", "loop": loop}))


def _written(capsys: pytest.CaptureFixture[str], *, as_json: bool) -> str:
    root, django = logging.getLogger(), logging.getLogger("django")
    kept = root.handlers[:], root.level, django.handlers[:], django.level
    try:
        logging.config.dictConfig(logs.logging_config(json=as_json, level="info"))
        try:
            raise ValueError("bad phone 0912345678\nINFO forged line")
        except ValueError:
            logging.getLogger("shuke.test").exception("failed for %s\nforged", "a.b@example.com")
    finally:
        root.handlers[:], root.level = kept[0], kept[1]
        django.handlers[:], django.level = kept[2], kept[3]
    return capsys.readouterr().err


def test_json_record_is_one_line_and_clean(capsys: pytest.CaptureFixture[str]) -> None:
    written = _written(capsys, as_json=True)
    record = json.loads(written)
    assert written.count("\n") == 1
    assert record["event"] == "failed for [email]\\nforged"
    assert record["level"] == "error"
    assert "0912345678" not in written


def test_terminal_record_cannot_be_forged(capsys: pytest.CaptureFixture[str]) -> None:
    lines = _written(capsys, as_json=False).splitlines()
    assert "0912345678" not in "".join(lines)
    # A record, then a traceback of which each line is marked.
    assert all(line.startswith("  | ") for line in lines[1:] if line)


def test_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="LOG_LEVEL"):
        logs.logging_config(json=False, level="loud")


def test_long_line_takes_no_long_time() -> None:
    began = time.perf_counter()
    for text in (
        "a" * 100_000,
        "09" * 50_000,
        "a.b" * 30_000,
        "+1 " * 30_000,
        "token" * 20_000,
        "(" * 50_000,
    ):
        logs.mask_text(text)
    assert time.perf_counter() - began < 5
