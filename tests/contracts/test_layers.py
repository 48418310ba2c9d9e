"""The import contracts are kept by import-linter in `make check`; each is broken once here, to see it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contracts.source import FLOORS, ROOT

pytestmark = pytest.mark.contract

# The contract's name begins so -> the file that breaks it and the line that does.
BREACHES = {
    "Floors": ("members/services/standing.py", "import points.models"),
    "Rooms": ("points/selectors.py", "import points.services.holds"),
    "The theme": ("members/selectors/__init__.py", "import unfold.admin"),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Contract name -> KEPT or BROKEN, for a copy of the house in which every contract is broken."""
    house = tmp_path_factory.mktemp("house")
    for floor in FLOORS:
        shutil.copytree(ROOT / floor, house / floor, ignore=shutil.ignore_patterns("__pycache__", "sql"))
    shutil.copy(ROOT / "pyproject.toml", house)
    for name, line in BREACHES.values():
        path = house / name
        path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=house,
        env={"PYTHONPATH": str(house), "PATH": "", "COLUMNS": "200", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert linted.returncode == 1, linted.stdout + linted.stderr
    lines = [line.rsplit(" ", 1) for line in linted.stdout.splitlines() if line.endswith(("KEPT", "BROKEN"))]
    return dict(lines)


@pytest.mark.parametrize("contract", BREACHES)
def test_a_breach_of_the_contract_is_caught(contract: str, verdicts: dict[str, str]) -> None:
    assert [verdict for name, verdict in verdicts.items() if name.startswith(contract)] == ["BROKEN"]
