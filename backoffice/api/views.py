"""Operations that belong to no app in particular: what became of a request, and what is not there."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.api.callers import EVERYBODY
from backoffice.api.operations import Operation
from backoffice.services import idempotency


class OutcomeAnswer(serializers.Serializer):
    """`status` and `answered_at` are those of the final answer."""

    state = serializers.ChoiceField(choices=["final", "in_progress", "never_seen"])
    status = serializers.IntegerField(allow_null=True)
    answered_at = serializers.DateTimeField(allow_null=True)


class OperationOutcome(Operation):
    """What became of a write whose answer was lost on the line (N12)."""

    callers = EVERYBODY

    @extend_schema(
        operation_id="operation_outcome",
        summary="What became of a write",
        description=(
            "Asked with the Idempotency-Key of a write of the same caller. `final`: it has been carried out; "
            "send it again to get its answer. `in_progress`: wait. `never_seen`: it has not arrived, or was "
            "refused."
        ),
        tags=["operations"],
        responses=OutcomeAnswer,
    )
    def get(self, request: Request, key: str) -> Response:
        found = idempotency.state_of(client=self.caller.client, key=key, now=self.now)
        return self.answer({"state": found.state, "status": found.status, "answered_at": found.at})


class NothingHere(Operation):
    """The last route: an address that is none answers as every error does."""

    schema = None
    http_method_names = ["get", "head", "post", "put", "patch", "delete", "options"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Http404
