"""What an administrator does about a job: pause, resume, cancel, and try a failed one again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.acts import work_title
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text, VerbView, verb_url, visible_or_404
from backoffice.choices import JobState
from backoffice.models import Job
from backoffice.selectors import job_owners, jobs_of
from backoffice.services import jobs

STEER = "backoffice.steer_job"


class JobKindFilter(admin.SimpleListFilter):
    """Registered kinds: what is in the table need not be read for a list of choices."""

    title = gettext_lazy("work")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, work_title(kind)) for kind in jobs.kinds()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class JobOwnerFilter(admin.SimpleListFilter):
    """Whose work: one's own, the installation's, or that of somebody who ever asked for some."""

    title = gettext_lazy("asked by")
    parameter_name = "whose"
    MINE, NOBODY = "me", "none"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        own = [(self.MINE, _("me")), (self.NOBODY, _("nobody: the schedule or a terminal"))]
        return [*own, *((str(pk), name) for pk, name in job_owners())]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        # By its own value, not by the address: counts beside the choices ask for each of them in turn.
        return queryset.filter(whose(request, self.value() or ""))


def whose(request: HttpRequest, chosen: str) -> Q:
    """The jobs of one of the choices; what names nobody leaves them all."""
    if chosen == JobOwnerFilter.MINE:
        return Q(owner=request.user.pk)
    if chosen == JobOwnerFilter.NOBODY:
        return Q(owner=None)
    return Q(owner=int(chosen)) if chosen.isascii() and chosen.isdigit() and len(chosen) < 19 else Q()


class JobDurationFilter(admin.SimpleListFilter):
    """How long workers were at it, rests and waiting left out: what the column shows."""

    title = gettext_lazy("time worked")
    parameter_name = "took"
    SPANS: ClassVar[dict[str, tuple[Any, int | None, int | None]]] = {
        "second": (gettext_lazy("below a second"), None, 1_000),
        "minute": (gettext_lazy("below a minute"), 1_000, 60_000),
        "minutes": (gettext_lazy("1 to 10 minutes"), 60_000, 600_000),
        "long": (gettext_lazy("10 minutes and more"), 600_000, None),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, str(title)) for name, (title, _first, _after) in self.SPANS.items()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        _title, first, after = self.SPANS.get(self.value() or "", ("", None, None))
        if first is not None:
            queryset = queryset.filter(busy_ms__gte=first)
        return queryset if after is None else queryset.filter(busy_ms__lt=after)


class JobReasonForm(VerbForm):
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200)


class JobVerb(VerbView):
    permission = STEER

    def fetch(self, user: Any, pk: int) -> Job:
        job: Job = visible_or_404(jobs_of(user), user, pk)
        return job

    def summary(self, row: Job) -> Sequence[tuple[Text, Any]]:
        return ((_("Job"), row.pk), (_("Work"), work_title(row.kind)), (_("Status"), row.get_state_display()))

    def back_url(self, row: Job) -> str:
        return reverse("admin:backoffice_job_change", args=[row.pk])

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The job is now: %(status)s.") % {"status": JobState(body["state"]).label}


class PauseJobView(JobVerb):
    name = "jobs.pause"
    title = gettext_lazy("Pause this job")
    confirm_label = gettext_lazy("Pause")

    def perform(self, row: Job, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        return {"state": jobs.pause(job_id=row.pk, actor=act.actor, now=act.now).state}


class ResumeJobView(JobVerb):
    name = "jobs.resume"
    title = gettext_lazy("Go on with this job")
    confirm_label = gettext_lazy("Resume")

    def perform(self, row: Job, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        return {"state": jobs.resume(job_id=row.pk, actor=act.actor, now=act.now).state}


class CancelJobView(JobVerb):
    name = "jobs.cancel"
    title = gettext_lazy("Cancel this job")
    confirm_label = gettext_lazy("Stop")
    form_class = JobReasonForm
    dangerous = True

    def perform(self, row: Job, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = jobs.cancel(job_id=row.pk, actor=act.actor, reason=asked["reason"], now=act.now)
        return {"state": done.state}


class RetryJobView(JobVerb):
    name = "jobs.retry"
    title = gettext_lazy("Try this job again")
    confirm_label = gettext_lazy("Try again")
    form_class = JobReasonForm

    def perform(self, row: Job, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = jobs.retry(job_id=row.pk, actor=act.actor, reason=asked["reason"], now=act.now)
        return {"state": done.state}


JOB_VERBS = {"pause": PauseJobView, "resume": ResumeJobView, "cancel": CancelJobView, "retry": RetryJobView}
OFFERED = {
    JobState.QUEUED.value: ("pause", "cancel"),
    JobState.RUNNING.value: ("pause", "cancel"),
    JobState.PAUSED.value: ("resume", "cancel"),
    JobState.FAILED.value: ("retry",),
}


def job_buttons(user: Any, job: Job | None) -> list[tuple[str, str]]:
    """(label, address) of what the user may do about the job now."""
    if job is None or not user.has_perm(STEER):
        return []
    return [(str(JOB_VERBS[name].title), verb_url(Job, name, job.pk)) for name in OFFERED.get(job.state, ())]
