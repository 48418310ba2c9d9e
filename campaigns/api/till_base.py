"""What the operations of a till have in common, and the fields that only they take."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field

from backoffice.api.callers import TILLS
from backoffice.api.fields import Quick, StrictText
from backoffice.api.operations import Operation
from campaigns.services.tills.till import Till

SIGNED_MONEY = re.compile(r"-?(0|[1-9][0-9]{0,9})(\.[0-9]{1,2})?")
QUANTITY = re.compile(r"(0|[1-9][0-9]{0,6})(\.[0-9]{1,3})?")
NUMBER = re.compile(r"[\x21-\x2e\x30-\x7e]+")


class TillOperation(Operation):
    """Called by a till about its own store: no address or body names another one."""

    callers = TILLS

    @property
    def till(self) -> Till:
        caller = self.caller
        assert caller.store is not None, "a till's key is bound to its store"
        key_id = int(caller.client.partition(":")[2])
        return Till(key_id, caller.store.pk, caller.store.brand_id)


class NumberField(StrictText):
    """A number that the till makes: visible ASCII without a slash, so that it can stand in an address."""

    default_error_messages = {"characters": _("Only visible ASCII characters without “/” are possible here.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 64, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text and not NUMBER.fullmatch(text):
            self.fail("characters")
        return text


@extend_schema_field(
    {"type": "string", "pattern": r"^-?(0|[1-9][0-9]{0,9})(\.[0-9]{1,2})?$", "example": "-20.00"}
)
class SignedMoneyField(Quick):
    """NT$ as text; a line may be a discount and below 0."""

    default_error_messages = {"invalid": _("An amount looks like “120.00” or “-20.00”.")}

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str) or not SIGNED_MONEY.fullmatch(data):
            self.fail("invalid")
        return Decimal(data)

    def to_representation(self, value: Decimal) -> str:
        return str(value)


@extend_schema_field({"type": "string", "pattern": r"^(0|[1-9][0-9]{0,6})(\.[0-9]{1,3})?$", "example": "1.5"})
class QuantityField(Quick):
    """A quantity above 0 as text, with at most three places."""

    default_error_messages = {"invalid": _("A quantity looks like “2” or “0.350” and is above 0.")}

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str) or not QUANTITY.fullmatch(data) or not Decimal(data):
            self.fail("invalid")
        return Decimal(data)

    def to_representation(self, value: Decimal) -> str:
        return str(value)
