"""The shape of the house, held by a tool, not by a habit; each rule is broken once, to see it caught."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import ForeignKey, ManyToManyField

from tests.contracts import source
from tests.contracts.source import FLOORS, ROOT

pytestmark = pytest.mark.contract
Rule = Callable[[Path, list[str]], list[str]]

RULES: dict[str, tuple[Rule, str, str]] = {
    "files are short": (source.too_long_files, "services/verbs.py", "x = 1\n" * 401),
    "functions are short": (
        source.too_long_functions,
        "services/verbs.py",
        "def act():\n" + "    x = 1\n" * 51,
    ),
    "modules have names": (source.nameless_modules, "helpers.py", ""),
    "models do not override save": (
        source.saves_of_models,
        "models/thing.py",
        "class Thing:\n    def save(self):\n        pass\n",
    ),
    "no domain signals": (source.signals, "apps.py", "from django.db.models.signals import post_save\n"),
    "nobody writes past the ledger": (
        source.writes_past_the_ledger,
        "services/verbs.py",
        "Entry.objects.filter(pk=1).update(points=5)\n",
    ),
    "no SQL past the ledger": (
        source.sql_past_the_ledger,
        "services/verbs.py",
        'cursor.execute("INSERT INTO points_entry VALUES (1)")\n',
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_the_rule(rule: str) -> None:
    check, _, _ = RULES[rule]
    assert check(ROOT, FLOORS) == []


@pytest.mark.parametrize("rule", RULES)
def test_a_breach_is_caught(rule: str, tmp_path: Path) -> None:
    check, name, text = RULES[rule]
    path = tmp_path / "app" / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    assert len(check(tmp_path, ["app"])) == 1


def test_no_address_and_no_machine_path() -> None:
    assert source.addresses_and_machine_paths(ROOT) == []


def test_foreign_keys_point_downwards() -> None:
    height = {name: n for n, name in enumerate(FLOORS)}
    siblings = {"coupons", "tiers", "partners"}
    upwards = []
    for model in apps.get_models():
        here = model._meta.app_label
        if here not in height:
            continue
        for relation in model._meta.get_fields():
            if not isinstance(relation, ForeignKey | ManyToManyField):
                continue
            there = relation.related_model._meta.app_label  # type: ignore[union-attr]
            if there not in height or there == here:
                continue
            if height[there] > height[here] or {here, there} <= siblings:
                upwards.append(f"{model._meta.label}.{relation.name} -> {there}")
    assert upwards == []


@pytest.mark.parametrize("app", FLOORS[:-1])
def test_every_app_says_what_it_owns(app: str) -> None:
    text = (ROOT / app / "README.md").read_text(encoding="utf-8")
    assert "own" in text.lower()


def test_every_file_of_the_ledgers_sql_is_applied() -> None:
    applied = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "points" / "migrations").glob("*.py")
    )
    missing = [
        path.stem for path in (ROOT / "points" / "sql").glob("*.sql") if f'"{path.stem}"' not in applied
    ]
    assert missing == []


def test_silenced_checks_give_their_reason() -> None:
    """`noqa` and `type: ignore` name what they silence; a skipped test says why."""
    bare = []
    for path in source.python_files(ROOT, [*FLOORS, "tests", "bench"]):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.rstrip().endswith(("# noqa", "# type: ignore")):
                bare.append(f"{path.relative_to(ROOT)}:{number}")
    assert bare == []
