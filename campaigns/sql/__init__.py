"""SQL functions of campaigns, one file each, versioned by name; migrations apply them.

They follow the rules of `backoffice/sql`, and call those of the floors below.
"""

from pathlib import Path

HERE = Path(__file__).parent


def read(*names: str) -> str:
    """The SQL of these files, in this order. Raises FileNotFoundError."""
    return "\n".join((HERE / f"{name}.sql").read_text(encoding="utf-8") for name in names)
