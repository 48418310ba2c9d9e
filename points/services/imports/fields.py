"""The columns of points files as SQL, and the words of their policy."""

from __future__ import annotations

from typing import Any

from backoffice.models import ImportBatch
from backoffice.services.imports.kinds import Span

# In the order in which rows are staged; the resource lists its columns by it.
POINT_COLUMNS = (
    "phone", "card_no", "external_id", "points", "reason", "expires", "program", "reference", "note",
)  # fmt: skip
OPENING, GRANT, DEDUCT = "opening", "grant", "deduct"
NEVER = "never"
# The business event behind an entry, `("import", "17:42")`, and behind its undoing.
SOURCE_TYPE, UNDO_SOURCE_TYPE = "import", "import_undo"
RULE, UNDO_RULE = "points_import", "points_import_undone"
SPAN = "r.batch_id = %(batch)s AND r.line BETWEEN %(first)s AND %(last)s"


def cell(name: str) -> str:
    """Where a column's staged text stands: `r.cells[4]`."""
    return f"r.cells[{POINT_COLUMNS.index(name) + 1}]"


def parameters(span: Span, **more: Any) -> dict[str, Any]:
    return {
        "batch": span.batch.pk,
        "first": span.first,
        "last": span.last,
        "brand": span.batch.brand_id,
        "now": span.now,
        **more,
    }


def takes(batch: ImportBatch) -> bool:
    """Whether the file's rows take points."""
    return bool(batch.policy.get("operation") == DEDUCT)


def source_id(batch: ImportBatch, line: int) -> str:
    return f"{batch.pk}:{line}"
