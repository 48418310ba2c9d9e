"""Where Django looks for models."""

from bench.import_stock import StockCarrier, StockMember, StockTag
from bench.naive import NaiveAccount, NaiveEntry, NaiveLot, NaiveMessage

__all__ = [
    "NaiveAccount",
    "NaiveEntry",
    "NaiveLot",
    "NaiveMessage",
    "StockCarrier",
    "StockMember",
    "StockTag",
]
