"""What the schema says about things that no serializer knows: keys, errors, who may call."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457). `code` never changes; `message` speaks the Accept-Language.",
    "required": ["type", "title", "status", "code", "detail", "message", "fields", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:shuke:problem:insufficient_points"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "examples": ["insufficient_points"]},
        "detail": {"type": "string"},
        "message": {"type": "string"},
        "fields": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "request_id": {"type": "string"},
    },
}
RATE_HEADERS = {
    "RateLimit-Limit": {"schema": {"type": "integer"}, "description": "Requests a minute."},
    "RateLimit-Remaining": {"schema": {"type": "integer"}},
    "RateLimit-Reset": {"schema": {"type": "integer"}, "description": "Seconds until the minute ends."},
    "X-Request-ID": {"schema": {"type": "string"}},
}
READ_ERRORS = ("400", "401", "403", "404", "429", "503")
WRITE_ERRORS = ("400", "401", "403", "404", "409", "412", "413", "415", "422", "428", "429", "503")


class OperationSchema(AutoSchema):
    """Adds to each operation its callers, the Idempotency-Key of a write, and the one shape of errors."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        write = self.method not in ("GET", "HEAD")
        if write:
            operation.setdefault("parameters", []).append(
                {
                    "in": "header",
                    "name": "Idempotency-Key",
                    "required": True,
                    "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,128}$"},
                    "description": "A new value for each act, the same one for a retry.",
                }
            )
        callers = sorted(getattr(self.view, "callers", ()))
        operation["x-callers"] = [str(caller) for caller in callers] or ["anybody"]
        scope = getattr(self.view, "write_scope" if write else "read_scope", None)
        if scope:
            operation["x-scope"] = scope.value
        for status in WRITE_ERRORS if write else READ_ERRORS:
            operation["responses"].setdefault(status, {"$ref": "#/components/responses/Problem"})
        return operation

    def get_auth(self) -> list[dict[str, Any]]:
        callers: frozenset[str] = getattr(self.view, "callers", frozenset())
        if not callers:
            return []
        schemes: list[dict[str, Any]] = []
        if "member" in callers:
            schemes.append({"memberToken": []})
        if callers - {"member"}:
            schemes.append({"apiKey": []})
        return schemes


class Silent(OpenApiAuthenticationExtension):
    """The schemes are written down once, in the settings; each operation names its own."""

    target_class = "backoffice.api.authentication.ApiKeyAuthentication"
    match_subclasses = True
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer"}


def add_shared_parts(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Postprocessing: the parts that every operation refers to."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components["responses"] = {
        "Problem": {
            "description": "Refused, with the reason.",
            "headers": RATE_HEADERS,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    }
    components["securitySchemes"] = {
        "memberToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "The access token of a signed-in member (`skm_…`), fifteen minutes old at most.",
        },
        "apiKey": {
            "type": "http",
            "scheme": "bearer",
            "description": "The key of a till, a partner or a person (`skk_…`), made in the back office.",
        },
    }
    return result
