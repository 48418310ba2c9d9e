"""The button on a list that leads to its export, with the filter that the list shows."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from backoffice.services.exports.import_results import NAME as RESULTS
from backoffice.services.exports.kinds import kind_of
from backoffice.services.exports.permits import may_export


class Exportable:
    """Mixed into the admin of a list; `export_kind` names what its rows are exported as."""

    export_kind: ClassVar[str] = ""
    # Above the list: the header of a page has no room for a button on a phone.
    list_before_template = "admin/export_button.html"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        more = {"export_url": export_url(request, self.export_kind)}
        parent: Any = super()
        response: HttpResponse = parent.changelist_view(request, {**(extra_context or {}), **more})
        return response


def export_url(request: HttpRequest, kind: str) -> str:
    """Where this list is exported, "" for whoever may not."""
    user: Any = request.user
    if not may_export(kind_of(kind), user):
        return ""
    query = request.GET.urlencode()
    return reverse("admin:backoffice_export_ask", args=[kind]) + (f"?{query}" if query else "")


def way_to_results(user: Any, batch_id: int) -> str:
    """Where the rows of an import are exported with their outcomes, "" for whoever may not."""
    if not may_export(kind_of(RESULTS), user):
        return ""
    return reverse("admin:backoffice_export_ask", args=[RESULTS]) + f"?batch={batch_id}"
