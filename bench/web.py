"""One server for both: the product as it is served, and the stock way beside it behind its own middleware."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from config.wsgi import application as product

# Only now: the import above has set Django up, which models need.
stock_way = import_module("bench.stock")
stock = stock_way.StockHandler()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    chosen = stock if environ["PATH_INFO"].startswith(stock_way.PREFIX) else product
    return chosen(environ, start_response)
