"""For tests that start another process on the database of the test itself."""

from __future__ import annotations

import os
from urllib.parse import urlsplit, urlunsplit

from django.db import connection


def database_url() -> str:
    """DATABASE_URL with the test database's name: whatever else it says (socket, port) stays as it is."""
    given = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(given._replace(path=f"/{connection.settings_dict['NAME']}"))
