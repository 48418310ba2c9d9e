"""Staged receipts are personal data too: an erased person's rows lose what they say."""

from __future__ import annotations

from backoffice.services.imports.retention import forget_cells
from campaigns.services.imports.people import FIELDS
from campaigns.services.imports.reading import RECEIPT_COLUMNS
from members.models import Member

KIND = "purchases"


def forget_buyer(*, member: Member) -> None:
    """Blank the staged rows that name this member by number, card or phone, before he is erased."""
    values = {RECEIPT_COLUMNS.index(column): getattr(member, field) for column, field in FIELDS.items()}
    forget_cells(kind=KIND, values=values)
