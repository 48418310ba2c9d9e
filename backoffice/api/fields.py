"""Fields that take what the schema says and nothing that resembles it, and serializers that refuse the rest.

The library's IntegerField takes "1_000", " 10 " and full-width digits, its CharField takes numbers, its
serializers drop unknown fields in silence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import MaxLengthValidator, ProhibitNullCharactersValidator
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from backoffice.api.parsing import is_storable

MOST_POINTS = 1_000_000
EARLIEST, LATEST = 2000, 2100
MONEY = re.compile(r"(0|[1-9][0-9]{0,9})(\.[0-9]{1,2})?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# What the library gives to every text; `StrictText` asks the same in one step.
COMMON_RULES = (MaxLengthValidator, ProhibitNullCharactersValidator, ProhibitSurrogateCharactersValidator)


class Quick(serializers.Field):
    """A field that says yes in one step. For whatever is not plainly right (nothing, null, a fault) the
    library's own steps are taken, which know every message.
    """

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data is not serializers.empty and data is not None and not self.read_only:
            # None of ours asks for the field as well, as the library's may.
            rules: list[Any] = self.validators
            try:
                value = self.to_internal_value(data)
                for validator in rules:
                    validator(value)
            except (serializers.ValidationError, DjangoValidationError):
                # Told below, where faults of several validators are put together.
                pass
            else:
                return value
        return super().run_validation(data)


class StrictSerializer(serializers.Serializer):
    """Fields that are not named here are refused."""

    # A misspelt field is a mistake, not a wish to be ignored. (The schema shows the docstring.)

    unknown_field = _("There is no such field.")

    @cached_property
    def _taken(self) -> dict[str, serializers.Field]:
        """The fields that a request may fill."""
        return {name: field for name, field in self.fields.items() if not field.read_only}

    @cached_property
    def _is_plain(self) -> bool:
        """Whether each field means the key of its own name, and nothing about it depends on the request."""
        return all(
            field.source_attrs == [name]
            and not hasattr(self, f"validate_{name}")
            and not getattr(field.default, "requires_context", False)
            for name, field in self._taken.items()
        )

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        if unknown := data.keys() - self._taken.keys():
            texts = {name[:100]: [str(self.unknown_field)] for name in sorted(unknown)[:20]}
            raise serializers.ValidationError(texts, code="unknown")
        if type(data) is dict and self._is_plain:
            with suppress(serializers.ValidationError, DjangoValidationError, serializers.SkipField):
                return self._filled(data)
        # Also for the second time: now for all faults and not only the first.
        return super().to_internal_value(data)

    def _filled(self, data: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, field in self._taken.items():
            if name in data:
                found[name] = field.run_validation(data[name])
            elif field.required:
                field.fail("required")
            elif field.default is not serializers.empty:
                found[name] = field.default() if callable(field.default) else field.default
        return found

    def run_validators(self, value: Any) -> None:
        if self.validators:
            super().run_validators(value)


class StrictInteger(Quick, serializers.IntegerField):
    """A JSON integer: no text, no 1.0, no true."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return int(data)


class PointsField(StrictInteger):
    """A number of points in a request: 1 to 1,000,000."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": MOST_POINTS, **kwargs})


class StrictBoolean(Quick, serializers.BooleanField):
    """true or false, no "yes", no 1."""

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("invalid", input=data)
        return bool(data)


class StrictText(serializers.CharField):
    """A JSON text; blanks around it are cut off."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if type(data) is str:
            text = data.strip() if self.trim_whitespace else data
            if not text and self.allow_blank:
                return ""
            if text and len(text) <= self._longest and is_storable(text):
                return self.to_internal_value(text)
        return super().run_validation(data)

    @cached_property
    def _longest(self) -> int:
        """Up to where a text breaks no rule; none where there are rules besides those that every text has."""
        return int(self.max_length or 0) if all(type(one) in COMMON_RULES for one in self.validators) else 0

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class StrictChoice(Quick, serializers.ChoiceField):
    """Exactly one of the values: no other case, no blanks, no look-alikes."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice", input=str(data)[:40])
        return data


@extend_schema_field({"type": "string", "format": "date"})
class StrictDate(Quick):
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
class StrictDateTime(Quick):
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
class MoneyField(Quick):
    """NT$ as text with at most two places ("120.00"), because a JSON number may lose them on its way."""

    default_error_messages = {"invalid": _('An amount looks like "120.00".')}

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str) or not MONEY.fullmatch(data):
            self.fail("invalid")
        return Decimal(data)

    def to_representation(self, value: Decimal) -> str:
        return str(value.quantize(Decimal("0.01")))
