"""Which constraint a write ran into, so that a verb can answer with its own refusal."""

from __future__ import annotations

from django.db import IntegrityError


def violated(error: IntegrityError) -> str:
    """The name of the constraint as PostgreSQL reports it, or an empty text."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return str(getattr(diagnosis, "constraint_name", "") or "")
