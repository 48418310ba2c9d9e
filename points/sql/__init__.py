"""The ledger's SQL, one file a function or a family of triggers, versioned by name.

A function that changes gets a new file and a new name (`spend_v2.sql`), so that old code keeps running while
a migration is on its way; the old one is dropped by a later migration.
"""

from pathlib import Path

HERE = Path(__file__).parent


def read(*names: str) -> str:
    """The SQL of these files, in this order. Raises FileNotFoundError."""
    return "\n".join((HERE / f"{name}.sql").read_text(encoding="utf-8") for name in names)
