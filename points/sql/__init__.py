"""The ledger's SQL, one file a function or a family of triggers, versioned by name.

A function that Python calls and that changes gets a new file and a new name (`spend_v2.sql`), so that old
code keeps running while a migration is on its way; the old one is dropped by a later migration, and closed to
the application at once where it would be a way around a new rule (`grants_v4.sql`). A function that only
others call keeps its name and its arguments: the new file says CREATE OR REPLACE.
"""

import re
from pathlib import Path

HERE = Path(__file__).parent


def read(*names: str) -> str:
    """The SQL of these files, in this order. Raises FileNotFoundError."""
    return "\n".join((HERE / f"{name}.sql").read_text(encoding="utf-8") for name in names)


def read_function(file: str, function: str) -> str:
    """One function of a file as CREATE OR REPLACE: the way back to an earlier text. Raises LookupError."""
    found = re.search(rf"CREATE FUNCTION {function}\(.*?AS \$\$.*?\$\$;", read(file), re.DOTALL)
    if found is None:
        raise LookupError(f"{file}.sql has no function {function}")
    return found[0].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
