"""Fields that take what the schema says and nothing that resembles it, and serializers that refuse the rest.

The library's IntegerField takes "1_000", " 10 " and full-width digits, its CharField takes numbers, its
serializers drop unknown fields in silence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

MOST_POINTS = 1_000_000
EARLIEST, LATEST = 2000, 2100
MONEY = re.compile(r"(0|[1-9][0-9]{0,9})(\.[0-9]{1,2})?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class StrictSerializer(serializers.Serializer):
    """Fields that are not named here are refused."""

    # A misspelt field is a mistake, not a wish to be ignored. (The schema shows the docstring.)

    unknown_field = _("There is no such field.")

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            if unknown := sorted(set(data) - known):
                texts = {name[:100]: [str(self.unknown_field)] for name in unknown[:20]}
                raise serializers.ValidationError(texts, code="unknown")
        return super().to_internal_value(data)


class StrictInteger(serializers.IntegerField):
    """A JSON integer: no text, no 1.0, no true."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return int(data)


class PointsField(StrictInteger):
    """A number of points in a request: 1 to 1,000,000."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": MOST_POINTS, **kwargs})


class StrictBoolean(serializers.BooleanField):
    """true or false, no "yes", no 1."""

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("invalid", input=data)
        return bool(data)


class StrictText(serializers.CharField):
    """A JSON text; blanks around it are cut off."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class StrictChoice(serializers.ChoiceField):
    """Exactly one of the values: no other case, no blanks, no look-alikes."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice", input=str(data)[:40])
        return data


@extend_schema_field({"type": "string", "format": "date"})
class StrictDate(serializers.Field):
    """2026-01-31."""

    default_error_messages = {"invalid": _("A date looks like 2026-01-31.")}

    def to_internal_value(self, data: Any) -> date:
        if not isinstance(data, str) or not DAY.fullmatch(data):
            self.fail("invalid")
        try:
            return date.fromisoformat(data)
        except ValueError:
            self.fail("invalid")

    def to_representation(self, value: date) -> str:
        return value.isoformat()


@extend_schema_field(OpenApiTypes.DATETIME)
class StrictDateTime(serializers.Field):
    """2026-01-31T12:00:00+08:00: always with its zone, between 2000 and 2100."""

    default_error_messages = {"invalid": _("A time looks like 2026-01-31T12:00:00+08:00.")}

    def to_internal_value(self, data: Any) -> datetime:
        try:
            value = parse_datetime(data) if isinstance(data, str) and len(data) <= 40 else None
        except ValueError:
            value = None
        if value is None or value.utcoffset() is None or not EARLIEST <= value.year < LATEST:
            self.fail("invalid")
        return value

    def to_representation(self, value: datetime) -> str:
        return value.isoformat()


@extend_schema_field(
    {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,9})(\.[0-9]{1,2})?$", "example": "120.00"}
)
class MoneyField(serializers.Field):
    """NT$ as text with at most two places ("120.00"), because a JSON number may lose them on its way."""

    default_error_messages = {"invalid": _('An amount looks like "120.00".')}

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str) or not MONEY.fullmatch(data):
            self.fail("invalid")
        return Decimal(data)

    def to_representation(self, value: Decimal) -> str:
        return str(value.quantize(Decimal("0.01")))
