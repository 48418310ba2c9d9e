"""The schema is a file: whoever changes the API shows it in the diff. `REGENERATE=1` writes it anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from backoffice.api.statuses import STATUS_OF, status_of
from backoffice.errors import Refusal

SCHEMA = Path(__file__).with_name("schema.json")
STATUSES = Path(__file__).with_name("statuses.txt")

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    answer = Client().get("/api/schema/", headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    return json.loads(answer.content)


def test_the_schema_is_the_one_in_the_file(schema: dict[str, Any], regenerate: bool) -> None:
    text = json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if regenerate:
        SCHEMA.write_text(text, encoding="utf-8")
    assert SCHEMA.read_text(encoding="utf-8") == text


def test_it_is_openapi_31_and_every_write_asks_for_a_key(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            headers = {row["name"] for row in operation.get("parameters", []) if row["in"] == "header"}
            assert ("Idempotency-Key" in headers) == (method != "get"), (method, path)
            assert operation["x-callers"] and operation["summary"] and operation["tags"]
            assert "401" in operation["responses"]


def test_the_pages_of_the_schema_load_nothing_from_elsewhere() -> None:
    page = Client().get("/api/docs/")
    text = page.content.decode()
    assert page.status_code == 200 and "swagger" in text.lower()
    assert "https://" not in text and "cdn" not in text
    assert "<script>" not in text


@pytest.mark.django_db
def test_there_is_no_browsable_api() -> None:
    answer = Client().get("/api/v1/terms", headers={"Accept": "text/html"})
    assert answer.headers["Content-Type"] == "application/json"


def everything_refused() -> list[type[Refusal]]:
    found, waiting = [], [Refusal]
    while waiting:
        kind = waiting.pop()
        found.append(kind)
        waiting += kind.__subclasses__()
    return [kind for kind in found if kind.__module__.endswith((".errors", ".faults"))]


def test_every_refusal_has_its_status(regenerate: bool) -> None:
    lines = sorted({f"{kind.code:<28} {status_of(kind)}" for kind in everything_refused()})
    text = "\n".join(lines) + "\n"
    if regenerate:
        STATUSES.write_text(text, encoding="utf-8")
    assert STATUSES.read_text(encoding="utf-8") == text
    known = {kind.code for kind in everything_refused()}
    assert set(STATUS_OF) <= known, set(STATUS_OF) - known
