"""The rules of the points for whoever asks, before he joins as well (S96, S99, S102)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.api.operations import Operation
from points.models import Program, ProgramTerms
from points.selectors import programs_with_terms


class ProgramTermsAnswer(serializers.Serializer):
    version = serializers.CharField()
    effective_from = serializers.DateTimeField()
    url = serializers.CharField()
    text = serializers.CharField()


class ProgramAnswer(serializers.Serializer):
    """Each full `earn_amount` NT$ gives `earn_points`, before campaigns; `cash_points` pay `cash_amount` NT$.
    On one bill: at least `min_spend`, at most `max_spend` points (null: no limit), and at most
    `max_share_percent` of it, in steps of `spend_step`. `terms` are those in force; null: none are published.
    """

    program = serializers.CharField()
    name = serializers.CharField()
    unit = serializers.CharField()
    brand = serializers.CharField(allow_null=True)
    spendable = serializers.BooleanField()
    time_zone = serializers.CharField()
    earn_amount = serializers.CharField()
    earn_points = serializers.IntegerField()
    cash_points = serializers.IntegerField()
    cash_amount = serializers.CharField()
    spend_step = serializers.IntegerField()
    min_spend = serializers.IntegerField()
    max_spend = serializers.IntegerField(allow_null=True)
    max_share_percent = serializers.IntegerField()
    terms = ProgramTermsAnswer(allow_null=True)


class ProgramsAnswer(serializers.Serializer):
    items = ProgramAnswer(many=True)


class Programs(Operation):
    @extend_schema(
        operation_id="programs",
        summary="The points programs: what is given, what points pay, and their terms",
        tags=["points"],
        responses=ProgramsAnswer,
    )
    def get(self, request: Request) -> Response:
        found = programs_with_terms(now=self.now)
        return self.answer({"items": [program_body(program, terms) for program, terms in found]})


def program_body(program: Program, terms: ProgramTerms | None) -> dict[str, Any]:
    told = (
        {
            "version": terms.version,
            "effective_from": terms.effective_from.isoformat(),
            "url": terms.url,
            "text": terms.text,
        }
        if terms
        else None
    )
    return {
        "program": program.code,
        "name": program.name,
        "unit": program.unit,
        "brand": program.brand.code if program.brand else None,
        "spendable": program.spendable,
        "time_zone": program.time_zone,
        "earn_amount": str(program.earn_amount),
        "earn_points": program.earn_points,
        "cash_points": program.cash_points,
        "cash_amount": str(program.cash_amount),
        "spend_step": program.spend_step,
        "min_spend": program.min_spend,
        "max_spend": program.max_spend,
        "max_share_percent": program.max_share_percent,
        "terms": told,
    }
