"""Every app goes down to zero and up again: what an undo drops, nothing that is still there may stand on."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps
from django.db.migrations.loader import MigrationLoader

OURS = ("backoffice", "members", "points", "campaigns", "coupons", "tiers", "partners")
SHARED = ("backoffice", "0002_roles_and_audit_schema")


def standing_on_the_shared_guard() -> list[tuple[str, str]]:
    """Migrations with triggers of `refuse_change` or views in `audit`, which both are of one early one."""
    found = []
    for app in OURS:
        for path in sorted(Path(apps.get_app_config(app).path, "migrations").glob("0*.py")):
            text = path.read_text(encoding="utf-8")
            if ("refuse_change" in text or " audit." in text) and (app, path.stem) != SHARED:
                found.append((app, path.stem))
    return found


@pytest.mark.parametrize("name", standing_on_the_shared_guard(), ids=".".join)
def test_what_stands_on_the_shared_guard_is_undone_before_it(name: tuple[str, str]) -> None:
    graph = MigrationLoader(None, ignore_no_migrations=True).graph
    assert SHARED in graph.forwards_plan(name)
    backwards = graph.backwards_plan(("backoffice", "0001_initial"))
    assert backwards.index(name) < backwards.index(SHARED)
