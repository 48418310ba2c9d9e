"""What the contracts look at: our source files as text and as trees."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ["backoffice", "members", "points", "coupons", "tiers", "partners", "campaigns", "config"]
LONGEST_FILE = 400
LONGEST_FUNCTION = 50
NAMELESS = {"utils", "helpers", "common", "misc"}
LEDGER_MODELS = {
    "Account",
    "Entry",
    "Lot",
    "LotUse",
    "LotExtension",
    "Hold",
    "HoldLot",
    "PendingCredit",
}
WRITES = {"create", "bulk_create", "get_or_create", "update_or_create", "bulk_update", "update", "delete"}


def python_files(root: Path, folders: list[str]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def too_long_files(root: Path, folders: list[str]) -> list[str]:
    return [
        f"{path.relative_to(root)}: {lines} lines"
        for path in python_files(root, folders)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    ]


def too_long_functions(root: Path, folders: list[str]) -> list[str]:
    found = []
    for path in python_files(root, folders):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                length = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
                if length > LONGEST_FUNCTION:
                    found.append(f"{path.relative_to(root)}:{node.lineno} {node.name}: {length} lines")
    return found


def nameless_modules(root: Path, folders: list[str]) -> list[str]:
    return [str(path.relative_to(root)) for path in python_files(root, folders) if path.stem in NAMELESS]


def saves_of_models(root: Path, folders: list[str]) -> list[str]:
    """`save()` and `delete()` overrides in models: rules belong into services and the database."""
    found = []
    for path in python_files(root, folders):
        if "models" not in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name in {"save", "delete"}:
                found.append(f"{path.relative_to(root)}:{node.lineno} {node.name}")
    return found


def signals(root: Path, folders: list[str]) -> list[str]:
    pattern = re.compile(r"\b(post_save|pre_save|post_delete|pre_delete|m2m_changed)\b")
    return [
        f"{path.relative_to(root)}"
        for path in python_files(root, folders)
        if pattern.search(path.read_text(encoding="utf-8"))
    ]


def writes_past_the_ledger(root: Path, folders: list[str]) -> list[str]:
    """`Entry.objects.create(...)` and the like, anywhere: only the SQL functions insert."""
    found = []
    for path in python_files(root, folders):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            chain = ast.unparse(node.func)
            model = chain.split(".", 1)[0]
            if node.func.attr in WRITES and model in LEDGER_MODELS and ".objects" in chain:
                found.append(f"{path.relative_to(root)}:{node.lineno} {chain}")
    return found


def sql_past_the_ledger(root: Path, folders: list[str]) -> list[str]:
    tables = "points_(entry|account|lot|lotuse|lotextension|hold|holdlot|pendingcredit)"
    pattern = re.compile(rf"(INSERT\s+INTO|UPDATE|DELETE\s+FROM|COPY)\s+{tables}\b", re.IGNORECASE)
    return [
        f"{path.relative_to(root)}: {match.group(0)}"
        for path in python_files(root, folders)
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    ]


def addresses_and_machine_paths(root: Path) -> list[str]:
    """Files under version control that name a registry's address or a path of somebody's machine."""
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=False)
    # Written in halves, or this file would name them itself.
    halves = [
        ("--(extra-)?index", "-url"),
        ("pypi\\.org/si", "mple"),
        ("files\\.python", "hosted"),
        ("/wo", "rk/"),
        ("/ho", "me/\\w+/"),
    ]
    pattern = re.compile("|".join(first + second for first, second in halves))
    found = []
    for name in listed.stdout.splitlines():
        path = root / name
        if path.suffix in {".mo", ".png", ".gz", ".woff2"} or not path.is_file():
            continue
        if match := pattern.search(path.read_text(encoding="utf-8", errors="replace")):
            found.append(f"{name}: {match.group(0)}")
    return found
