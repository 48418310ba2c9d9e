"""Logs: one structured line an event, with what nobody may read in a log taken out of it.

structlog and the standard library's loggers go through the same chain, so that a phone number is masked
whoever logs it. `logging_config` is pure; structlog itself is configured when Django applies the dict.
"""

import logging
import re
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

import structlog

type_of_event = MutableMapping[str, Any]
HIDDEN = "[hidden]"
LONGEST_REMEMBERED, LONGEST_PATH_REMEMBERED = 40, 120
API_REQUESTS = "backoffice.api"

# Keys whose value is a secret, wherever the word stands in the key (`csrf_token`, `HTTP_AUTHORIZATION`).
SECRET_WORDS = ("password", "passwd", "token", "authorization", "secret", "api_key", "apikey", "cookie")
# Keys that are secret only as a whole word: "otp" stands in no longer word by right, "code" in many.
SECRET_KEYS = frozenset(
    {"code", "otp", "otp_code", "pin", "coupon_code", "invite_code", "serial_code", "verification_code"}
)

# Digits in full width count too, `\d` knows them. Hyphens, dots, spaces and brackets may stand between.
_SEPARATOR = r"[\s\-.()‐-―－]*"
_MOBILE = re.compile(
    r"(?<!\d)(?:(?:[+＋]|00)?(?:8|８){2}(?:6|６)"
    + _SEPARATOR
    + r"(?:0|０)?|(?:0|０))"
    + _SEPARATOR
    # The first digit of a mobile number, then eight more.
    + r"(?:9|９)(?:"
    + _SEPARATOR
    + r"\d){8}(?!\d)"
)
_INTERNATIONAL = re.compile(r"[+＋]\d(?:[\s\-.()]{0,2}\d){7,14}(?!\d)")
# Written with bounded pieces: an unbounded local part makes a long line without "@" quadratic.
_EMAIL = re.compile(r"[\w.%+\-]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,8}")
_ASSIGNED_SECRET = re.compile(
    r"(?i)((?:password|passwd|token|authorization|secret|api[_-]?key|otp)[\"']?\s{0,3}[=:]\s{0,3}[\"']?|"
    r"(?<![a-z_])(?:(?:one_time|otp|verification|coupon|invite|serial)_)?code[\"']?=[\"']?)"
    r"(?:(?:bearer|token|basic)\s+)?[^\s&\"',;\]})]+"
)
# Keys and tokens of ours, wherever they stand: they say what they are.
_OWN_SECRET = re.compile(r"(?<![A-Za-z])(sk[kmrtu]_|whsec_)[A-Za-z0-9_\-.+/=]{6,}")
# Of a path and its query; each is judged by itself.
_PARTS = re.compile(r"([?&])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def mask_phones(text: str) -> str:
    """`text` with every phone number replaced, its last three digits kept for the help desk.

    >>> mask_phones("call +886912345678 or 0912-345-678, 電話0987654321。")
    'call [phone ..678] or [phone ..678], 電話[phone ..321]。'
    >>> mask_phones("order 1098765432109 at 2026-11-22 02:15")
    'order 1098765432109 at 2026-11-22 02:15'
    """

    def masked(match: re.Match[str]) -> str:
        digits = "".join(str(int(character)) for character in match.group() if character.isdecimal())
        return f"[phone ..{digits[-3:]}]"

    return _INTERNATIONAL.sub(masked, _MOBILE.sub(masked, text))


def mask_text(text: str) -> str:
    """`text` without phone numbers, e-mail addresses and secrets that are spelt out as `name=value`.

    >>> mask_text("a.b@example.com asked GET /x?token=abc&page=2")
    '[email] asked GET /x?token=[hidden]&page=2'
    >>> mask_text("Authorization: Bearer abc.def")
    'Authorization: [hidden]'
    >>> mask_text("no session for skm_4fT-9x2Lq_Zw8")
    'no session for skm_[hidden]'
    """
    text = _ASSIGNED_SECRET.sub(lambda match: match.group(1) + HIDDEN, text)
    text = _OWN_SECRET.sub(lambda match: match.group(1) + HIDDEN, text)
    return mask_phones(_EMAIL.sub("[email]", text))


def on_one_line(text: str) -> str:
    r"""`text` with line breaks and control characters written out, so that a value cannot forge a record.

    >>> on_one_line("a\nINFO forged")
    'a\\nINFO forged'
    """
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)


@lru_cache(maxsize=1024)
def is_secret_key(key: str) -> bool:
    """Whether values under `key` never belong into a log.

    >>> [is_secret_key(key) for key in ("csrf_token", "code", "currency_code", "X-API-Key", "note")]
    [True, True, False, True, False]
    """
    name = key.lower().replace("-", "_")
    return name in SECRET_KEYS or any(word in name for word in SECRET_WORDS)


def _is_http_status(value: object) -> bool:
    # django-structlog names the response's status "code"; a one-time code is no int between 100 and 599.
    return isinstance(value, int) and 100 <= value <= 599


@lru_cache(maxsize=2048)
def _short(text: str) -> str:
    # Names, levels, paths and addresses come again with every line.
    return on_one_line(mask_text(text))


def _scrubbed(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return _short(value) if len(value) <= LONGEST_REMEMBERED else on_one_line(mask_text(value))
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        # A phone number may have become an int on its way; then it is masked like its text.
        text = mask_phones(str(value))
        return value if text == str(value) else text
    if depth >= 6:
        return HIDDEN
    if isinstance(value, Mapping):
        return {_scrubbed(key): _scrubbed_pair(str(key), item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_scrubbed(item, depth + 1) for item in value]
    return on_one_line(mask_text(str(value)))


def _scrubbed_pair(key: str, value: Any, depth: int = 0) -> Any:
    if is_secret_key(key) and value not in (None, "") and not (key == "code" and _is_http_status(value)):
        return HIDDEN
    return _scrubbed(value, depth)


def scrub(_logger: Any, _method: str, event: type_of_event) -> type_of_event:
    r"""structlog processor: mask personal data and secrets in every key and value of `event`.

    Tracebacks keep their lines, each one marked, so that no line of them can pass for a record.

    >>> scrub(None, "info", {"event": "sent to 0912345678", "otp": "123456", "code": 200})
    {'event': 'sent to [phone ..678]', 'otp': '[hidden]', 'code': 200}
    """
    clean: dict[str, Any] = {}
    for key, value in event.items():
        if key in ("exception", "stack") and isinstance(value, str):
            clean[key] = "\n".join(f"  | {on_one_line(mask_text(line))}" for line in value.splitlines())
        elif key == "request" and isinstance(value, str):
            clean[key] = _path(value)
        else:
            clean[_scrubbed(key)] = _scrubbed_pair(key, value)
    return clean


def _shared_processors() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def formatter(*, json: bool) -> logging.Formatter:
    """The formatter of all handlers; building it also points structlog at the standard library's loggers."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_processors(),
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Any = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    if json:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    return LineFormatter(
        foreign_pre_chain=[*_shared_processors(), structlog.stdlib.ExtraAdder(allow=[])],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            # Last before the renderer: whatever an earlier step added is masked as well.
            scrub,
            renderer,
        ],
    )


class LineFormatter(structlog.stdlib.ProcessorFormatter):
    """The chain for whatever is logged, and a short way for the one line that each API request leaves."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] | None = getattr(record, "event", None)
        if record.name != API_REQUESTS or event is None:
            return super().format(record)
        # The keys are ours (`backoffice/api/lane.py`). Only these two values hold what a client has written.
        told = event | {"request": _path(event["request"]), "request_id": mask_text(event["request_id"])}
        told["level"], told["logger"] = record.levelname.lower(), record.name
        told["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat()[:-6] + "Z"
        return str(self.processors[-1](None, told["level"], told))


def _path(text: str) -> str:
    return _short_path(text) if len(text) <= LONGEST_PATH_REMEMBERED else _masked_path(text)


@lru_cache(maxsize=1024)
def _short_path(text: str) -> str:
    return _masked_path(text)


def _masked_path(text: str) -> str:
    """A path and query, masked also where it was written in escapes: %20 parts a phone's digits."""
    return on_one_line("".join(_masked_part(part) for part in _PARTS.split(text)))


def _masked_part(part: str) -> str:
    masked = mask_text(part)
    if masked != part or ("%" not in part and "+" not in part):
        return masked
    plain = unquote_plus(part)
    told = mask_text(plain)
    # Without a secret it stays as it was sent.
    return part if told == plain else told


def logging_config(*, json: bool, level: str) -> dict[str, Any]:
    """Django's LOGGING: everything to standard error, as JSON or for a terminal, from `level` upwards.

    `level` is a standard level name, in any case. Raises ValueError for another word.
    """
    name = level.upper()
    if name not in logging.getLevelNamesMapping():
        raise ValueError(f"LOG_LEVEL {level!r} is not one of {sorted(logging.getLevelNamesMapping())}")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "config.logs.formatter", "json": json}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": name},
        "loggers": {
            # Django installs handlers of its own on these two; ours would print the record twice.
            "django": {"handlers": [], "level": name, "propagate": True},
            "django.server": {"handlers": [], "level": name, "propagate": True},
            # The wire protocol's own chatter says nothing about our work.
            "amqp": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
        },
    }
