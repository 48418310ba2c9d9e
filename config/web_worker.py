"""gunicorn's threads, with an answer of ours where what arrives is no HTTP request at all.

gunicorn would answer with a page of its own, and quote in its log what was sent, a token among it.
"""

from __future__ import annotations

import json
import socket
import ssl
import uuid
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

STATUSES: list[tuple[type[Exception], int]] = [
    (errors.LimitRequestLine, 414),
    (errors.LimitRequestHeaders, 431),
    (errors.ExpectationFailed, 417),
    (errors.UnsupportedTransferCoding, 501),
    (errors.ConfigurationProblem, 500),
    (errors.InvalidResponseHeader, 500),
    (errors.InvalidResponseHeaderName, 500),
    (errors.ParseException, 400),
    (errors.InvalidChunkSize, 400),
    (errors.ChunkMissingTerminator, 400),
    (errors.InvalidChunkExtension, 400),
    (ssl.SSLError, 400),
]
CODES = {414: "address_too_long", 431: "headers_too_large", 417: "expectation_failed", 501: "not_supported"}


class Worker(ThreadWorker):
    """For `--worker-class config.web_worker.Worker`."""

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer and say in the log what kind of nonsense it was, not what it said."""
        status = next((status for kind, status in STATUSES if isinstance(exc, kind)), 500)
        request_id = uuid.uuid4().hex
        if status == 500:
            self.log.exception("Error handling request request_id=%s", request_id)
        else:
            said = (addr[0] if addr else "", type(exc).__name__, status, request_id)
            self.log.warning("Invalid request ip=%s error=%s status=%s request_id=%s", *said)
        try:
            util.write_nonblock(client, answer(status, request_id))
        except OSError:
            self.log.debug("Failed to send error message.")


def answer(status: int, request_id: str) -> bytes:
    """The whole answer as bytes. Nobody's language is known yet."""
    # gunicorn loads this module before Django is set up.
    from backoffice.api.problems import CONTENT_TYPE, problem_body

    code = "internal" if status == 500 else CODES.get(status, "bad_request")
    with translation.override(settings.LANGUAGE_CODE):
        sentence = _("The server cannot read this request.")
        if status == 500:
            sentence = _("Something went wrong here. It has been written down.")
    told = problem_body(status, code, sentence, request_id=request_id)
    body = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    head = {
        "Connection": "close",
        "Content-Type": CONTENT_TYPE,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-ID": request_id,
    }
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {head[name]}" for name in head)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
