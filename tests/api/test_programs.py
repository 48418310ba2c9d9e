"""The rules of the points, for whoever asks (S96, S99, S102)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from points.models import Program, ProgramTerms
from tests.api.conftest import Api, House
from tests.factories.points import ProgramFactory

pytestmark = pytest.mark.django_db


def test_anybody_reads_what_points_are_given_and_what_they_pay(house: House) -> None:
    Program.objects.filter(pk=house.program.pk).update(
        cash_points=60, cash_amount=Decimal("2.00"), min_spend=60, max_share_percent=50
    )
    ProgramFactory(code="own", brand=house.brand)
    ProgramFactory(code="over", is_active=False)
    [main, own] = Api().get("/programs").json()["items"]
    assert (main["program"], main["brand"], own["program"], own["brand"]) == ("main", None, "own", "shuke")
    told = {
        "cash_points": 60,
        "cash_amount": "2.00",
        "min_spend": 60,
        "max_spend": None,
        "max_share_percent": 50,
    }
    assert {name: main[name] for name in told} == told and main["terms"] is None


def test_terms_change_at_their_first_instant(house: House) -> None:
    now = timezone.now()
    for version, days in (("1", -9), ("2", 1), ("0", -30)):
        ProgramTerms.objects.create(
            program=house.program, version=version, effective_from=now + timedelta(days=days),
            url=f"https://example.com/{version}",
        )  # fmt: skip

    def read(moment: Any) -> Any:
        with time_machine.travel(moment, tick=False):
            return Api().get("/programs").json()["items"][0]["terms"]["version"]

    start = ProgramTerms.objects.get(version="2").effective_from
    assert [read(start - timedelta(seconds=1)), read(start)] == ["1", "2"]


def test_it_takes_two_statements_however_many_there_are(house: House, django_assert_num_queries: Any) -> None:
    for number in range(5):
        program = ProgramFactory(code=f"p{number}", brand=house.brand)
        ProgramTerms.objects.create(program=program, version="1", effective_from=timezone.now())
    api = Api()
    api.get("/terms")
    with django_assert_num_queries(2):
        assert len(api.get("/programs").json()["items"]) == 6
