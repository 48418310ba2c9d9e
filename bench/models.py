"""Where Django looks for models."""

from bench.naive import NaiveAccount, NaiveEntry, NaiveLot, NaiveMessage

__all__ = ["NaiveAccount", "NaiveEntry", "NaiveLot", "NaiveMessage"]
