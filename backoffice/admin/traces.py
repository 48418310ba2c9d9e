"""Sign-ins and background work: read only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.acts import work_title
from backoffice.admin.base import EVERYBODY, ReadOnlyAdmin
from backoffice.admin.bell import looked_at
from backoffice.admin.display import display, number, pretty
from backoffice.admin.job_verbs import (
    JOB_VERBS,
    JobDurationFilter,
    JobKindFilter,
    JobOwnerFilter,
    job_buttons,
    whose,
)
from backoffice.admin.verbs import verb_paths
from backoffice.choices import JobState, LoginEventKind, NoticeSubject
from backoffice.models import Heartbeat, Job, LoginEvent, OutboxMessage
from backoffice.selectors import job_figures

JOB_COLOURS = {
    JobState.QUEUED.value: "info",
    JobState.RUNNING.value: "primary",
    JobState.DONE.value: "success",
    JobState.FAILED.value: "danger",
    JobState.CANCELLED.value: "warning",
    JobState.PAUSED.value: "warning",
}


LOGIN_COLOURS = {
    LoginEventKind.SIGNED_IN.value: "success",
    LoginEventKind.PROVED.value: "success",
    LoginEventKind.CODE_AWAITED.value: "info",
    LoginEventKind.WRONG_PASSWORD.value: "warning",
    LoginEventKind.WRONG_CODE.value: "warning",
    LoginEventKind.LOCKED.value: "danger",
    LoginEventKind.FACTOR_RESET.value: "danger",
    LoginEventKind.PASSWORD_RESET.value: "danger",
}


@admin.register(LoginEvent)
class LoginEventAdmin(ReadOnlyAdmin):
    scope = EVERYBODY
    list_display = ("at", "coloured_kind", "who", "method", "address")
    list_filter = ("kind", "method", "at")
    list_select_related = ("user",)
    search_fields = ("user__username", "user__name", "address")
    search_help_text = _("Username, full name or network address")
    ordering = ("-id",)
    fields = ("at", "kind", "who", "method", "address", "request_id")
    readonly_fields = ("who",)

    @display(description=_("event"), label=LOGIN_COLOURS)
    def coloured_kind(self, event: LoginEvent) -> tuple[str, str]:
        return event.kind, event.get_kind_display()

    @display(description=_("staff user"))
    def who(self, event: LoginEvent) -> str:
        return str(event.user) if event.user else str(_("nobody of this name"))


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    scope = EVERYBODY
    list_display = (
        "id",
        "work",
        "coloured_state",
        "progress",
        "pace",
        "took",
        "attempts",
        "owner",
        "created_at",
    )
    list_filter = (
        "state", JobKindFilter, JobOwnerFilter, JobDurationFilter, ("created_at", admin.DateFieldListFilter),
    )  # fmt: skip
    list_select_related = ("owner",)
    ordering = ("-id",)
    fields = (
        "work", "kind", "key", "target", "state", "progress", "pace", "took", "attempts", "owner", "run_at",
        "created_at", "started_at", "finished_at", "locked_until", "parameters", "outcome", "error",
    )  # fmt: skip
    readonly_fields = ("work", "progress", "pace", "took", "parameters", "outcome")
    change_form_outer_before_template = "admin/job_verbs.html"
    list_before_template = "admin/job_figures.html"

    def get_urls(self) -> list[Any]:
        return [*verb_paths(self, JOB_VERBS), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        asked = request.GET.get(JobOwnerFilter.parameter_name, "")
        figures = {"kinds_of_jobs": job_figures(timezone.now(), whose(request, asked)), "whose": asked}
        return super().changelist_view(request, {**(extra_context or {}), **figures})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        if object_id.isdigit():
            looked_at(request, NoticeSubject.JOB, int(object_id))
        buttons = {"job_buttons": job_buttons(request.user, self.get_object(request, object_id))}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **buttons})

    @display(description=_("work"))
    def work(self, job: Job) -> str:
        return work_title(job.kind)

    @display(description=_("per second"))
    def pace(self, job: Job) -> str:
        return number(round(job.rate)) if job.rate else "-"

    @display(description=_("time worked"))
    def took(self, job: Job) -> str:
        return f"{job.busy_ms / 1000:,.1f} s" if job.busy_ms else "-"

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
    list_display = ("part", "at")
    fields = ("part", "at", "told")
    readonly_fields = ("part", "told")

    @display(description=_("name"))
    def part(self, heartbeat: Heartbeat) -> str:
        return work_title(heartbeat.name)

    @display(description=_("detail"))
    def told(self, heartbeat: Heartbeat) -> str:
        return pretty(heartbeat.detail)
