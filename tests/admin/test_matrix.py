"""Which role may open which door: a table in a file, compared. A change of rights shows up in review.

`REGENERATE=1 pytest tests/admin/test_matrix.py` writes the tables anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backoffice.choices import Role
from tests.admin.pages import all_pages

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

HERE = Path(__file__).parent
MATRIX = HERE / "matrix.txt"
QUERY_COUNTS = HERE / "query_counts.json"
ROLES = [*(role.value for role in Role), "root"]

pytestmark = pytest.mark.contract


def test_door_by_role(shop: Shop, regenerate: bool) -> None:
    pages = all_pages(shop)
    answers = {name: [] for name, _address in pages}
    for role in ROLES:
        client = shop.client(role)
        for name, address in pages:
            answers[name].append(client.get(address).status_code)
    width = max(len(name) for name in answers)
    lines = [f"{'':{width}}  " + " ".join(f"{role:>13}" for role in ROLES)]
    lines += [
        f"{name:{width}}  " + " ".join(f"{status:>13}" for status in row) for name, row in answers.items()
    ]
    table = "\n".join(line.rstrip() for line in lines) + "\n"
    assert not [name for name, row in answers.items() if any(status >= 500 for status in row)]
    if regenerate:
        MATRIX.write_text(table, encoding="utf-8")
    assert MATRIX.read_text(encoding="utf-8") == table


def test_queries_per_page(shop: Shop, regenerate: bool, time_machine: Any) -> None:
    # A session notes once a minute that it is in use: on a busy machine that fell into some page.
    time_machine.move_to(timezone.now(), tick=False)
    counts = {}
    client = shop.client("administrator")
    for name, address in all_pages(shop):
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            response = client.get(address)
        if response.status_code == 200:
            counts[name] = len(queries)
    text = json.dumps(counts, indent=2, sort_keys=True) + "\n"
    if regenerate:
        QUERY_COUNTS.write_text(text, encoding="utf-8")
    assert json.loads(QUERY_COUNTS.read_text(encoding="utf-8")) == counts
