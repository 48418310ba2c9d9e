"""Exports: the list of one's own files, the page of one, and the link that takes it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.base import ReadOnlyAdmin, actor_of
from backoffice.admin.bell import looked_at
from backoffice.admin.display import display, number
from backoffice.admin.exports.asking import ask_view
from backoffice.admin.exports.verbs import VERBS
from backoffice.admin.proofs import first_prove
from backoffice.admin.verbs import verb_paths, verb_url, visible_or_404
from backoffice.choices import ExportFormat, ExportState, NoticeSubject
from backoffice.errors import OutOfReach, Refusal
from backoffice.models import Export
from backoffice.services.exports import storage, verbs
from backoffice.services.exports.kinds import Asked, kind_of, known
from backoffice.services.exports.permits import may_export, may_take

# A state that is not named here would show as its code.
COLOURS = {
    **dict.fromkeys(ExportState.values, "default"),
    ExportState.WORKING.value: "info",
    ExportState.PAUSED.value: "warning",
    ExportState.READY.value: "success",
    ExportState.UNFIT.value: "warning",
    ExportState.FAILED.value: "danger",
}
# The verbs that a state offers to the owner.
OFFERED: dict[ExportState, tuple[str, ...]] = {
    ExportState.WORKING: ("pause", "stop"),
    ExportState.PAUSED: ("resume", "stop"),
    ExportState.UNFIT: ("again",),
}
TYPES = {
    ExportFormat.CSV.value: "text/csv; charset=utf-8",
    ExportFormat.BIG5.value: "text/csv; charset=big5",
    ExportFormat.XLSX.value: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ExportKindFilter(admin.SimpleListFilter):
    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.name, str(kind.title)) for kind in known()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = (
        "what", "state_label", "row_count", "filter_told", "personal", "owner", "created_at", "downloads",
    )  # fmt: skip
    list_display_links = ("what",)
    list_filter = (ExportKindFilter, "format", "whole")
    list_select_related = ("owner", "job")
    ordering = ("-id",)
    sortable_by = ()
    list_before_template = "admin/export_lists.html"

    @display(description=gettext_lazy("list"))
    def what(self, export: Export) -> str:
        return f"#{export.pk} {kind_of(export.kind).title}"

    @display(description=gettext_lazy("status"), label=COLOURS)
    def state_label(self, export: Export) -> tuple[str, str]:
        state = export.state_at(timezone.now())
        return state.value, str(state.label)

    @display(description=gettext_lazy("rows"))
    def row_count(self, export: Export) -> str:
        return number(export.rows)

    @display(description=gettext_lazy("filter"))
    def filter_told(self, export: Export) -> str:
        kind = kind_of(export.kind)
        told = kind.told(kind.unnamed(export.query), export.owner)
        return "、".join(f"{title}: {value}" for title, value in told) or _("everything")

    @display(description=gettext_lazy("Personal data"), label={"whole": "warning", "masked": "default"})
    def personal(self, export: Export) -> tuple[str, str]:
        return ("whole", _("whole")) if export.whole else ("masked", _("masked"))

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        own = [
            path("ask/<slug:kind>/", view(ask_view), name="backoffice_export_ask"),
            path("<int:pk>/progress/", view(self.progress_view), name="backoffice_export_progress"),
            path("<int:pk>/download/", view(self.download_view), name="backoffice_export_download"),
        ]
        return [*own, *verb_paths(self, VERBS), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        user: Any = request.user
        lists = [
            (str(kind.title), reverse("admin:backoffice_export_ask", args=[kind.name]))
            for kind in known()
            if not kind.needs and may_export(kind, user)
        ]
        return super().changelist_view(request, {**(extra_context or {}), "lists": lists})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request):
            raise PermissionDenied
        export = self._export(request, int(object_id) if object_id.isdecimal() else 0)
        looked_at(request, NoticeSubject.EXPORT, export.pk)
        return TemplateResponse(request, "admin/export_page.html", self._context(request, export))

    def progress_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        """What the page asks for every two seconds; a change of `state` makes it load anew."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        export = self._export(request, pk)
        return JsonResponse({"state": export.state_at(timezone.now()).value, **_progress(export)})

    def download_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The link: for whoever asked, for as long as it works. Whole personal data asks who is there."""
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        export = self._export(request, pk)
        if export.whole and (to_proof := first_prove(request)):
            return to_proof
        now = timezone.now()
        try:
            taken = verbs.take(export_id=pk, actor=actor_of(request), now=now)
            file = storage.opened(taken.folder, taken.file)
        except OutOfReach as refusal:
            raise Http404(str(refusal)) from None
        except (Refusal, FileNotFoundError) as refusal:
            context = self._context(request, export, refused=str(refusal))
            return TemplateResponse(request, "admin/export_page.html", context, status=410)
        response = FileResponse(
            file, as_attachment=True, filename=_file_name(taken), content_type=TYPES[taken.format]
        )
        response["Cache-Control"] = "no-store"
        return response

    def _context(self, request: HttpRequest, export: Export, **more: Any) -> dict[str, Any]:
        user: Any = request.user
        kind = kind_of(export.kind)
        now = timezone.now()
        state = export.state_at(now)
        mine = export.owner_id == user.pk
        asked = Asked(export.owner, export.query, export.columns, export.whole, export.created_at)
        columns = kind.columns(asked)
        offered = OFFERED.get(state, ()) if mine else ()
        return {
            **self.admin_site.each_context(request),
            "title": f"{kind.title} #{export.pk}",
            "export": export,
            "kind": kind,
            "state": state,
            "colour": COLOURS[state.value],
            "working": state == ExportState.WORKING,
            "progress": _progress(export),
            "filter": kind.told(export.query if mine else kind.unnamed(export.query), export.owner),
            "columns": [str(columns[name].title) if name in columns else name for name in export.columns],
            "buttons": [(str(VERBS[name].title), verb_url(Export, name, export.pk)) for name in offered],
            "may_take": state == ExportState.READY and may_take(export, kind, user),
            "lost_texts": export.lost_texts if mine and state == ExportState.UNFIT else [],
            **more,
        }

    def _export(self, request: HttpRequest, pk: int) -> Export:
        user: Any = request.user
        rows = Export.objects.visible_to(user).select_related("owner", "job")
        export: Export = visible_or_404(rows, user, pk)
        return export


def _file_name(export: Export) -> str:
    suffix = "xlsx" if export.format == ExportFormat.XLSX else "csv"
    day = timezone.localdate(export.created_at)
    return f"{kind_of(export.kind).title}-{day:%Y%m%d}-{export.pk}.{suffix}"


def _progress(export: Export) -> dict[str, Any]:
    job: Any = export.job
    if job is None or not job.total:
        return {"percent": 0, "told": "", "job": job.state if job else ""}
    told = [_("%(done)s of %(total)s rows") % {"done": number(job.done), "total": number(job.total)}]
    if job.rate:
        told.append(_("%(rate)s rows a second") % {"rate": number(round(job.rate))})
    percent = min(100, round(100 * job.done / job.total))
    return {"percent": percent, "told": " · ".join(told), "job": job.state}
