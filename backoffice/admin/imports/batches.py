"""The import desk: the list of files, the upload, and the one page on which a file goes its way."""

from __future__ import annotations

import tempfile
from typing import Any, cast

import structlog
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.actors import Actor
from backoffice.admin.base import ReadOnlyAdmin
from backoffice.admin.bell import looked_at
from backoffice.admin.display import display, number
from backoffice.admin.exports.button import way_to_results
from backoffice.admin.imports.filters import KindFilter, WaitingFilter
from backoffice.admin.imports.forms import ENCODINGS, CheckForm, ReadingForm, UploadForm, shown_encoding
from backoffice.admin.imports.preview import FILTERS, deciders, figures, page, stayed_text, totals
from backoffice.admin.imports.verbs import HALTED, OFFERED, PAUSED, VERBS
from backoffice.admin.verbs import verb_paths, verb_url, visible_or_404
from backoffice.choices import ImportState, JobState, NoticeSubject
from backoffice.errors import ImportNothingToDo, ImportNotThere, ImportReach, Refusal
from backoffice.models import ImportBatch
from backoffice.services.imports import (
    error_files,
    intake,
    layouts,
    looking,
    results,
    storage,
    templates,
    verbs,
)
from backoffice.services.imports.kinds import kind_of, kinds_for
from backoffice.tabular.faults import file_fault_text

COLOURS = {
    ImportState.UNDERSTOOD.value: "info",
    ImportState.CHECKED.value: "info",
    ImportState.WAITING.value: "warning",
    ImportState.HELD.value: "warning",
    ImportState.APPLIED.value: "success",
    ImportState.UNDONE.value: "warning",
    ImportState.FAILED.value: "danger",
}
WORKING = frozenset({ImportState.UPLOADED, ImportState.CHECKING, ImportState.APPLYING, ImportState.UNDOING})
OPEN_TO_CHANGE = (ImportState.UNDERSTOOD, ImportState.CHECKED)


@admin.register(ImportBatch)
class ImportBatchAdmin(ReadOnlyAdmin):
    list_display = ("file_name", "what", "state_label", "rows", "bad", "owner", "created_at")
    list_display_links = ("file_name",)
    list_filter = ("state", KindFilter, WaitingFilter)
    list_select_related = ("owner",)
    ordering = ("-id",)
    sortable_by = ()
    change_list_template = "admin/import_list.html"

    @display(description=gettext_lazy("kind"))
    def what(self, batch: ImportBatch) -> str:
        return str(kind_of(batch.kind).title)

    @display(description=gettext_lazy("status"), label=COLOURS)
    def state_label(self, batch: ImportBatch) -> tuple[str, str]:
        return batch.state, batch.get_state_display()

    @display(description=gettext_lazy("rows"))
    def rows(self, batch: ImportBatch) -> str:
        return number(batch.counts.get("rows"))

    @display(description=gettext_lazy("stay out"))
    def bad(self, batch: ImportBatch) -> str:
        return number(sum(int(batch.counts.get(name, 0)) for name in results.OUT)) if batch.counts else "-"

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        own = [
            path("upload/", view(self.upload_view), name="backoffice_importbatch_upload"),
            path(
                "template/<str:kind>.<str:suffix>",
                view(self.template_view),
                name="backoffice_importbatch_template",
            ),
            path("<int:pk>/progress/", view(self.progress_view), name="backoffice_importbatch_progress"),
            path("<int:pk>/reading/", view(self.reading_view), name="backoffice_importbatch_reading"),
            path("<int:pk>/check/", view(self.check_view), name="backoffice_importbatch_check"),
            path("<int:pk>/errors/", view(self.errors_view), name="backoffice_importbatch_errors"),
        ]
        return [*own, *verb_paths(self, VERBS), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        user: Any = request.user
        more = {"kinds": kinds_for(user), "upload_url": reverse("admin:backoffice_importbatch_upload")}
        return super().changelist_view(request, {**(extra_context or {}), **more})

    # --- Upload -----------------------------------------------------------------------------------------
    def upload_view(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        if not kinds_for(user):
            raise PermissionDenied
        form = UploadForm(
            user, request.POST or None, request.FILES or None, initial={"kind": request.GET.get("kind")}
        )
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            try:
                batch = intake.upload(
                    file=file.file, name=file.name, kind=form.cleaned_data["kind"], actor=_actor(request),
                    now=timezone.now(), brand=form.cleaned_data.get("brand"),
                )  # fmt: skip
            except Refusal as refusal:
                form.add_error("file", str(refusal))
            else:
                return HttpResponseRedirect(_page_of(batch))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Bring in a file"),
            "form": form,
            "kinds": kinds_for(user),
            "reach_refused": "" if intake.may_bring(user) else str(ImportReach()),
            "back_url": reverse("admin:backoffice_importbatch_changelist"),
        }
        status = 400 if form.errors else 200
        return TemplateResponse(request, "admin/import_upload.html", context, status=status)

    def template_view(self, request: HttpRequest, kind: str, suffix: str) -> HttpResponseBase:
        user: Any = request.user
        found = next((one for one in kinds_for(user) if one.name == kind), None)
        if found is None or suffix not in ("csv", "xlsx"):
            raise PermissionDenied
        target = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
        templates.write(found, suffix, cast(Any, target))
        target.seek(0)
        return FileResponse(target, as_attachment=True, filename=f"{found.title}-{_('template')}.{suffix}")

    # --- One file ---------------------------------------------------------------------------------------
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request):
            raise PermissionDenied
        batch = self._batch(request, int(object_id) if object_id.isdecimal() else 0)
        looked_at(request, NoticeSubject.IMPORT, batch.pk)
        return TemplateResponse(request, "admin/import_page.html", self._context(request, batch))

    def _context(self, request: HttpRequest, batch: ImportBatch, **more: Any) -> dict[str, Any]:
        user: Any = request.user
        kind = kind_of(batch.kind)
        layout = batch.layout
        may = user.has_perm(kind.permission)
        open_to_change = may and kind.uploadable and batch.state in OPEN_TO_CHANGE
        known = intake.earlier(batch)
        left = intake.left_behind(batch) if batch.state not in intake.OVER else None
        outcome = request.GET.get("show", "")
        after = request.GET.get("after", "")
        context = {
            **self.admin_site.each_context(request),
            "title": batch.file_name,
            "batch": batch,
            "kind": kind,
            "colour": COLOURS.get(batch.state, "primary"),
            "encoding": dict(ENCODINGS).get(shown_encoding(layout), ""),
            "problem": file_fault_text(batch.problem),
            "nothing": ImportNothingToDo.sentence if _has_nothing(batch) else "",
            "known": known,
            "known_url": _page_of(known) if known and _is_seen(known, user) else "",
            "left": stayed_text(left) if left else "",
            "left_url": _page_of(left.batch) if left and _is_seen(left.batch, user) else "",
            "working": batch.state in WORKING and not batch.is_halted,
            "halted": batch.is_halted,
            "progress": _progress(batch),
            "figures": figures(batch),
            "totals": totals(batch),
            "filters": FILTERS,
            "show": outcome,
            "preview": page(batch, user, outcome, int(after) if after.isdecimal() else 0)
            if batch.counts
            else None,
            "buttons": self._buttons(batch, user),
            "rows_url": way_to_results(user, batch.pk) if batch.counts and not batch.removed_at else "",
            "long_errors": _long_errors_of(batch),
            "errors": any(batch.counts.get(name) for name in (*results.OUT, "done:refused"))
            and not batch.removed_at
            and kind.uploadable,
            "about": kind.about(batch, user),
            "deciders": deciders(batch),
            "ignored": layouts.ignored(layout) if layout.get("heads") else [],
            "reading_form": ReadingForm.of(layout)
            if may and kind.uploadable and (open_to_change or batch.state == ImportState.FAILED)
            else None,
            "check_form": CheckForm(kind, layout, initial=_initial(batch)) if open_to_change else None,
            "back_url": reverse("admin:backoffice_importbatch_changelist"),
        }
        return {**context, **more}

    def _buttons(self, batch: ImportBatch, user: Any) -> list[tuple[str, str, str]]:
        """(class, label, address) of the verbs that the state offers and the user may use."""
        offered = HALTED.get(batch.state, ()) if batch.is_halted else OFFERED.get(batch.state, ())
        if batch.job and batch.job.state == JobState.PAUSED:
            offered = ("resume", *PAUSED.get(batch.state, ("drop",)))
        may = user.has_perm(kind_of(batch.kind).permission)
        approver = user.has_perm("backoffice.approve_import")
        buttons = []
        for name in offered:
            allowed = approver if name == "approve" else may or (name == "drop" and approver)
            if name == "approve" and user.pk in batch.hands:
                allowed = False
            if name == "confirm" and _has_nothing(batch):
                allowed = False
            if allowed:
                look = "sk-primary" if name in ("confirm", "approve", "resume") else ""
                buttons.append((look, str(VERBS[name].title), verb_url(ImportBatch, name, batch.pk)))
        return buttons

    def progress_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        """What the page asks for every two seconds; a change of `state` makes it load anew."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        batch = self._batch(request, pk)
        return JsonResponse({"state": batch.state, **_progress(batch)})

    def reading_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        batch = self._mine(request, pk)
        if request.method != "POST":
            return HttpResponseRedirect(_page_of(batch))
        form = ReadingForm(batch.layout, request.POST)
        if not form.is_valid():
            return self._mistaken(request, batch, reading_form=form)
        try:
            looking.look_again(
                batch_id=batch.pk, wishes=form.cleaned_data, actor=_actor(request), now=timezone.now()
            )
        except Refusal as refusal:
            return self._refused(request, batch, refusal)
        return HttpResponseRedirect(_page_of(batch))

    def check_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        batch = self._mine(request, pk)
        if request.method != "POST":
            return HttpResponseRedirect(_page_of(batch))
        if not batch.layout.get("heads"):
            return self._refused(request, batch, ImportNotThere(status=batch.get_state_display()))
        form = CheckForm(kind_of(batch.kind), batch.layout, request.POST)
        if not form.is_valid():
            return self._mistaken(request, batch, check_form=form)
        try:
            verbs.check(
                batch_id=batch.pk, fields=form.fields_by_column(), policy=form.policy(),
                actor=_actor(request),
                now=timezone.now(),
            )  # fmt: skip
        except Refusal as refusal:
            more = {"check_form": form} if batch.state in OPEN_TO_CHANGE else {}
            return self._refused(request, batch, refusal, **more)
        return HttpResponseRedirect(_page_of(batch))

    def errors_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        batch = self._mine(request, pk)
        if error_files.is_long(batch):
            return self._long_errors(request, batch)
        target = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
        try:
            results.write_errors(
                batch=batch, target=cast(Any, target), actor=_actor(request), now=timezone.now()
            )
        except Refusal as refusal:
            return self._refused(request, batch, refusal)
        target.seek(0)
        return self._download(batch, target)

    def _long_errors(self, request: HttpRequest, batch: ImportBatch) -> HttpResponseBase:
        """The file that a worker has written; a POST asks him to."""
        try:
            if request.method == "POST":
                error_files.prepare(batch_id=batch.pk, actor=_actor(request), now=timezone.now())
                return HttpResponseRedirect(_page_of(batch))
            return self._download(batch, storage.opened(error_files.stored_name(batch)))
        except Refusal as refusal:
            return self._refused(request, batch, refusal)

    def _download(self, batch: ImportBatch, file: Any) -> HttpResponseBase:
        stem, dot, suffix = batch.file_name.rpartition(".")
        return FileResponse(
            file, as_attachment=True, filename=f"{stem or batch.file_name}-{_('errors')}{dot}{suffix}"
        )

    def _refused(
        self, request: HttpRequest, batch: ImportBatch, refusal: Refusal, **more: Any
    ) -> HttpResponse:
        context = self._context(request, batch, refused=str(refusal), **more)
        return TemplateResponse(request, "admin/import_page.html", context, status=409)

    def _mistaken(self, request: HttpRequest, batch: ImportBatch, **form: Any) -> HttpResponse:
        """The page with what is wrong in the form beside its fields."""
        if batch.state not in (*OPEN_TO_CHANGE, ImportState.FAILED):
            return self._refused(request, batch, ImportNotThere(status=batch.get_state_display()))
        context = self._context(request, batch, **form)
        return TemplateResponse(request, "admin/import_page.html", context, status=400)

    def _batch(self, request: HttpRequest, pk: int) -> ImportBatch:
        user: Any = request.user
        rows = ImportBatch.objects.visible_to(user).select_related(
            "owner", "confirmer", "approver", "brand", "job"
        )
        batch: ImportBatch = visible_or_404(rows, user, pk)
        return batch

    def _mine(self, request: HttpRequest, pk: int) -> ImportBatch:
        batch = self._batch(request, pk)
        user: Any = request.user
        if not user.has_perm(kind_of(batch.kind).permission):
            raise PermissionDenied
        return batch


def _has_nothing(batch: ImportBatch) -> bool:
    """Checked, and no row of it would change anything."""
    return batch.state == ImportState.CHECKED and not verbs.rows_to_write(batch)


def _long_errors_of(batch: ImportBatch) -> str:
    """How the file of a long import stands that a worker writes: empty for a short one."""
    if not error_files.is_long(batch):
        return ""
    job = error_files.prepared(batch)
    return job.state if job else "none"


def _actor(request: HttpRequest) -> Actor:
    user: Any = request.user
    return Actor.staff(user, str(structlog.contextvars.get_contextvars().get("request_id", "")))


def _is_seen(batch: ImportBatch, user: Any) -> bool:
    """Another brand's file has a number for this person, and neither a name nor a page."""
    return ImportBatch.objects.visible_to(user).filter(pk=batch.pk).exists()


def _page_of(batch: ImportBatch) -> str:
    return reverse("admin:backoffice_importbatch_change", args=[batch.pk])


def _initial(batch: ImportBatch) -> dict[str, Any]:
    return {f"policy_{name}": value for name, value in batch.policy.items()}


def _progress(batch: ImportBatch) -> dict[str, Any]:
    """Numbers and sentences of the batch's job, ready to be shown."""
    job = batch.job
    if job is None:
        return {"done": 0, "total": None, "percent": 0, "told": "", "job": ""}
    total = job.total or 0
    percent = min(100, round(100 * job.done / total)) if total else 0
    told = (
        [_("%(done)s of %(total)s rows") % {"done": number(job.done), "total": number(job.total)}]
        if total
        else []
    )
    if job.rate:
        told.append(_("%(rate)s rows a second") % {"rate": number(round(job.rate))})
    if job.seconds_left and batch.state in WORKING:
        told.append(
            _("about %(minutes)s min left") % {"minutes": number(max(1, round(job.seconds_left / 60)))}
        )
    return {
        "done": job.done,
        "total": job.total,
        "percent": percent,
        "told": " · ".join(told),
        "job": job.state,
    }
