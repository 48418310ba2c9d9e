"""Traces and background work: read only."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from backoffice.admin.base import EVERYBODY, ReadOnlyAdmin
from backoffice.admin.display import display, pretty
from backoffice.choices import JobState
from backoffice.models import AuditEvent, Heartbeat, Job, OutboxMessage

JOB_COLOURS = {
    JobState.QUEUED.value: "info",
    JobState.RUNNING.value: "primary",
    JobState.DONE.value: "success",
    JobState.FAILED.value: "danger",
    JobState.CANCELLED.value: "warning",
}


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    scope = EVERYBODY
    list_display = ("at", "actor_name", "action", "subject", "reason")
    list_filter = ("actor_type",)
    ordering = ("-id",)
    fields = (
        "at", "actor_type", "actor_id", "actor_name", "action", "subject", "changed", "reason", "request_id",
    )  # fmt: skip
    readonly_fields = ("subject", "changed")

    @display(description=_("object"))
    def subject(self, event: AuditEvent) -> str:
        return f"{event.subject_type} {event.subject_id}"

    @display(description=_("changes"))
    def changed(self, event: AuditEvent) -> str:
        return pretty(event.changes)


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    scope = EVERYBODY
    list_display = (
        "id",
        "kind",
        "coloured_state",
        "progress",
        "attempts",
        "owner",
        "created_at",
        "finished_at",
    )
    list_filter = ("state",)
    list_select_related = ("owner",)
    ordering = ("-id",)
    fields = (
        "kind", "key", "state", "progress", "attempts", "owner", "run_at", "created_at", "started_at",
        "finished_at", "locked_until", "parameters", "outcome", "error",
    )  # fmt: skip
    readonly_fields = ("progress", "parameters", "outcome")

    @display(description=_("status"), label=JOB_COLOURS)
    def coloured_state(self, job: Job) -> tuple[str, str]:
        return job.state, job.get_state_display()

    @display(description=_("progress"))
    def progress(self, job: Job) -> str:
        return f"{job.done:,}" if job.total is None else f"{job.done:,} / {job.total:,}"

    @display(description=_("parameters"))
    def parameters(self, job: Job) -> str:
        return pretty(job.params)

    @display(description=_("result"))
    def outcome(self, job: Job) -> str:
        return pretty(job.result)


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin):
    scope = EVERYBODY
    list_display = ("id", "topic", "subject_id", "created_at", "sent_at", "attempts")
    list_filter = (("sent_at", admin.EmptyFieldListFilter),)
    ordering = ("-id",)
    fields = ("topic", "subject_id", "created_at", "sent_at", "attempts", "content")
    readonly_fields = ("content",)

    @display(description=_("content"))
    def content(self, message: OutboxMessage) -> str:
        return pretty(message.payload)


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    scope = EVERYBODY
    list_display = ("name", "at")
    fields = ("name", "at", "told")
    readonly_fields = ("told",)

    @display(description=_("detail"))
    def told(self, heartbeat: Heartbeat) -> str:
        return pretty(heartbeat.detail)
