"""Columns that only go out, and how their values are written."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db.models import Choices
from django.utils import timezone

from backoffice.services.imports.columns import ImportColumn, ImportWidget, Text


class MomentWidget(ImportWidget):
    """A time of the house's zone to the second; spreadsheets take it for a date."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        if isinstance(value, datetime):
            value = timezone.localtime(value)
        return f"{value:%Y-%m-%d %H:%M:%S}" if value else ""


class LabelWidget(ImportWidget):
    """A code as people know it, in the language of the export."""

    def __init__(self, labels: type[Choices]) -> None:
        super().__init__()
        self.labels = labels

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return str(dict(self.labels.choices).get(value, value or ""))


class JsonWidget(ImportWidget):
    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""


class HexWidget(ImportWidget):
    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return bytes(value).hex() if value else ""


def out(
    attribute: str, title: Text, widget: ImportWidget | None = None, *, personal: bool = False
) -> ImportColumn:
    """A column of exports; `attribute` leads to the value ("store__code")."""
    return ImportColumn(
        attribute=attribute, title=title, expected="", widget=widget, personal=personal, export_only=True
    )


def moment(attribute: str, title: Text) -> ImportColumn:
    return out(attribute, title, MomentWidget())


def label(attribute: str, title: Text, labels: type[Choices]) -> ImportColumn:
    return out(attribute, title, LabelWidget(labels))
