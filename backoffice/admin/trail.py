"""The audit trail for people: who did what to which row, in words; codes stay in the rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, Model
from django.urls import NoReverseMatch, reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.acts import act_title, actor_text, reason_text
from backoffice.admin.base import EVERYBODY, ReadOnlyAdmin
from backoffice.admin.display import display, moment
from backoffice.choices import Role
from backoffice.models import AuditEvent

# Roles are groups, which have no choices; no other word of the trail is spelled like one.
ROLES = dict(Role.choices)


def model_of(label: str) -> type[Model] | None:
    """The model of "members.member"; None for one that is no longer there."""
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None


def field_of(model: type[Model] | None, name: str) -> Field[Any, Any] | None:
    try:
        found = model._meta.get_field(name) if model else None
    except FieldDoesNotExist:
        return None
    return found if isinstance(found, Field) else None


def value_text(value: Any, field: Field[Any, Any] | None = None, model: type[Model] | None = None) -> str:
    """One value of the trail in words: choices by label, times as lists show them, nothing as a dash."""
    labels = dict(field.flatchoices) if field is not None else ROLES
    if value in (None, "", [], {}):
        return "-"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(value_text(one, field, model) for one in value)
    if isinstance(value, dict):
        inner = ((field_of(model, name), name, one) for name, one in value.items())
        return ", ".join(f"{label_of(name, of)}: {value_text(one, of, model)}" for of, name, one in inner)
    if value in labels:
        return str(labels[value])
    at = parse_datetime(value) if isinstance(value, str) and "T" in value else None
    return moment(at) if isinstance(at, datetime) and at.tzinfo else str(value)


def label_of(name: str, field: Field[Any, Any] | None = None) -> str:
    """What a changed field is called; a name that is no field is looked up among the words of the house."""
    return str(field.verbose_name) if field is not None else _(name.replace("_", " "))


def changes_table(subject_type: str, changes: Mapping[str, Any]) -> SafeString | str:
    """Field, old and new value, a row each; a bare value has no old one."""
    if not changes:
        return "-"
    model, rows = model_of(subject_type), []
    for name, value in changes.items():
        field = field_of(model, name)
        pair = value if isinstance(value, list) and len(value) == 2 else [None, value]
        rows.append(
            (label_of(name, field), value_text(pair[0], field, model), value_text(pair[1], field, model))
        )
    body = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>', rows)
    return format_html(
        '<table class="sk-table sk-changes"><thead><tr><th>{}</th><th>{}</th><th>{}</th></tr></thead>'
        "<tbody>{}</tbody></table>",
        _("Field"), _("Before"), _("After"), body,
    )  # fmt: skip


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    scope = EVERYBODY
    list_display = ("at", "who", "act", "about", "why")
    list_filter = ("actor_type",)
    ordering = ("-id",)
    sortable_by = ()
    fields = ("at", "who", "act", "code", "about", "changed", "why", "request_id")
    readonly_fields = ("who", "act", "code", "about", "changed", "why")

    @display(description=gettext_lazy("actor"))
    def who(self, event: AuditEvent) -> str:
        return actor_text(event.actor_type, event.actor_id, event.actor_name)

    @display(description=gettext_lazy("action"))
    def act(self, event: AuditEvent) -> str:
        return act_title(event.action)

    @display(description=gettext_lazy("reason"))
    def why(self, event: AuditEvent) -> str:
        return reason_text(event.reason) or "-"

    @display(description=gettext_lazy("code"))
    def code(self, event: AuditEvent) -> str:
        return format_html("<code>{}</code>", event.action)

    @display(description=gettext_lazy("object"))
    def about(self, event: AuditEvent) -> str:
        model = model_of(event.subject_type)
        if model is None:
            return f"{event.subject_type} {event.subject_id}"
        text = f"{model._meta.verbose_name} {event.subject_id}"
        try:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
            return format_html(
                '<a class="sk-link" href="{}">{}</a>', reverse(name, args=[event.subject_id]), text
            )
        except NoReverseMatch:
            return text

    @display(description=gettext_lazy("changes"))
    def changed(self, event: AuditEvent) -> str:
        return changes_table(event.subject_type, event.changes)
