"""The columns of member files as SQL: where a value stands in the staging table, and how it compares.

Values are staged as text. `text` of a field is how its present value in the row looks as that same text, so
that a preview, an apply and an undo all compare and restore one notation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backoffice.models import ImportBatch
from backoffice.services.imports.kinds import Span


@dataclass(frozen=True, slots=True)
class RowField:
    """One field of a member's row. `empty` is what a cleared one holds; None: it cannot be cleared."""

    column: str
    stored: str
    cast: str
    empty: str | None

    def text(self, table: str) -> str:
        """The stored value as staged text, '' for none."""
        if self.cast == "text":
            return f"{table}.{self.stored}"
        return f"coalesce({table}.{self.stored}::text, '')"

    def value(self, text: str) -> str:
        """SQL that turns staged text back into a value of the row."""
        if self.cast == "text":
            return f"coalesce({text}, '')"
        return f"nullif({text}, '')::{self.cast}"


FIELDS = (
    RowField("phone", "phone", "text", None),
    RowField("external_id", "external_id", "text", None),
    RowField("name", "name", "text", ""),
    RowField("gender", "gender", "text", ""),
    RowField("birthday", "birthday", "date", ""),
    RowField("email", "email", "text", ""),
    RowField("county", "county", "text", ""),
    RowField("district", "district", "text", ""),
    RowField("address", "address", "text", ""),
    RowField("referring_store", "referring_store_id", "bigint", ""),
    RowField("joined_at", "joined_at", "timestamptz", None),
)
CONSENTS = ("marketing_sms", "marketing_email", "marketing_line")
LIVING = "('active', 'frozen')"
# In the order in which rows are staged; the resources list their columns by these.
MEMBER_COLUMNS = (
    "external_id", "phone", "card_no", "name", "gender", "birthday", "email", "county", "district", "address",
    "referring_store", "joined_at", *CONSENTS, "consent_source", "consent_date", "tags",
)  # fmt: skip
TAG_LIST_COLUMNS = ("phone", "card_no", "external_id", "tags")
# A column of a file that is one tag: its id, or the place of a head that is to become a tag.
TAG_FIELD, NEW_TAG_FIELD = "tag-", "newtag-"


def cell(name: str, columns: Sequence[str] = MEMBER_COLUMNS, row: str = "r") -> str:
    """Where a column's staged text stands: `r.cells[3]`."""
    return f"{row}.cells[{columns.index(name) + 1}]"


def mapped(batch: ImportBatch) -> list[RowField]:
    """The fields of the row that the file speaks of."""
    return [field for field in FIELDS if field.column in batch.layout["fields"]]


def tag_fields(batch: ImportBatch) -> list[str]:
    """The columns that are a tag each."""
    return [field for field in batch.layout["fields"] if field.startswith((TAG_FIELD, NEW_TAG_FIELD))]


def speaks_of_tags(batch: ImportBatch) -> bool:
    return "tags" in batch.layout["fields"] or bool(tag_fields(batch))


def replaces_listed(batch: ImportBatch) -> bool:
    """Whether a cell with a list of tags speaks for all tags of a member; columns speak for their own."""
    return "tags" in batch.layout["fields"]


def one_way(batch: ImportBatch) -> bool:
    """Whether rows of a tag list only add, so that none of them depends on another."""
    return bool(batch.policy.get("tags") == "add")


def mapped_consents(batch: ImportBatch) -> list[str]:
    return [name for name in CONSENTS if name in batch.layout["fields"]]


def wanted(field: RowField, policy: Mapping[str, str]) -> str:
    """The staged text that the row asks for; NULL keeps what is there."""
    text = cell(field.column)
    return f"coalesce({text}, '')" if policy["empty"] == "clear" and field.empty is not None else text


def parameters(span: Span, **more: Any) -> dict[str, Any]:
    return {
        "batch": span.batch.pk,
        "first": span.first,
        "last": span.last,
        "brand": span.batch.brand_id,
        "now": span.now,
        **more,
    }


SPAN = "r.batch_id = %(batch)s AND r.line BETWEEN %(first)s AND %(last)s"
