"""Requests that nobody thought of, drawn from the schema: every operation, every caller, right and wrong.

No answer is a server error, none is one that the schema does not know, and nothing that breaks the schema is
accepted. Draws are the same in each run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from backoffice.api.rate_limits import LIMITER
from backoffice.choices import ApiKeyKind
from tests.api.conftest import House

pytestmark = pytest.mark.django_db
FILE = Path(__file__).parent / "schema.json"
RAW = json.loads(FILE.read_text())
OPERATIONS = sorted(
    (told["operationId"], path, method)
    for path, methods in RAW["paths"].items()
    for method, told in methods.items()
)
load_all_checks()
CHECKED = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
    ]
)
# Each operation several times by who may call it, and once by everybody else.
DRAWS, FOREIGN_DRAWS = 6, 2
CALLERS = ("member", "till", "partner", "staff", "nobody")


@pytest.fixture
def app() -> Iterator[Any]:
    """The house as a server calls it, within the transaction of the test."""
    application = get_wsgi_application()
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield application
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(autouse=True)
def often(settings: Any) -> None:
    settings.API_FAILED_CALLS_PER_MINUTE = settings.API_STRANGERS_CALLS_PER_MINUTE = 10**6
    settings.API_CALLS_PER_MINUTE = 10**6


def headers_of(house: House, caller: str) -> dict[str, str]:
    if caller == "nobody":
        return {}
    token = house.as_member().token if caller == "member" else house.key(ApiKeyKind(caller)).secret
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(("name", "path", "method"), OPERATIONS, ids=[name for name, *_rest in OPERATIONS])
def test_nothing_that_is_drawn_breaks_it(name: str, path: str, method: str, house: House, app: Any) -> None:
    schema = schemathesis.openapi.from_dict(RAW)
    schema.app = app
    operation = schema[path][method.upper()]
    told = RAW["paths"][path][method]
    able = told.get("x-callers") or ["nobody"]
    # What takes nothing cannot be told anything wrong.
    takes = bool(told.get("parameters") or told.get("requestBody"))
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if takes else (GenerationMode.POSITIVE,)
    for caller in CALLERS:
        draws = DRAWS if caller in able else FOREIGN_DRAWS
        sent = headers_of(house, caller)
        for mode in modes:
            drawn(operation, mode, draws, sent)


def drawn(operation: Any, mode: GenerationMode, draws: int, headers: dict[str, str]) -> None:
    @settings(
        max_examples=draws,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        # What is tested is not how often one may ask.
        LIMITER.clear()
        response = case.call(headers=headers)
        case.validate_response(response, checks=CHECKED)

    one()
