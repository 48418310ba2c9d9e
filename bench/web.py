"""One server for both: the product as it is served, and the stock way beside it behind its own middleware."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from bench.stock import PREFIX, StockHandler
from config.wsgi import application as product

stock = StockHandler()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    chosen = stock if environ["PATH_INFO"].startswith(PREFIX) else product
    return chosen(environ, start_response)
