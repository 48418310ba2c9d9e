"""SQL functions that stand on the lowest floor, one file each, versioned by name; migrations apply them.

A function that changes gets a new file and a new name, so that old code keeps running while a migration is on
its
way. Each runs with its caller's rights and in his search path.
"""

from pathlib import Path

HERE = Path(__file__).parent


def read(*names: str) -> str:
    """The SQL of these files, in this order. Raises FileNotFoundError."""
    return "\n".join((HERE / f"{name}.sql").read_text(encoding="utf-8") for name in names)
