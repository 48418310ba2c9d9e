"""The list of a person's notices, newest first; each leads to what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from backoffice import alarm_kinds
from backoffice.acts import work_title
from backoffice.admin.bell import unread
from backoffice.admin.display import number
from backoffice.choices import NoticeKind, NoticeSubject
from backoffice.models import Alarm, Export, ImportBatch, Notice
from backoffice.selectors import jobs_of, notices_of
from backoffice.services import notices
from backoffice.services.exports import kinds as export_kinds
from backoffice.services.imports import telling

PAGE = 50
# Whose page it is, and the right that the page asks for.
PAGES = {
    NoticeSubject.IMPORT.value: ("backoffice_importbatch", "backoffice.view_importbatch"),
    NoticeSubject.EXPORT.value: ("backoffice_export", "backoffice.view_export"),
    NoticeSubject.JOB.value: ("backoffice_job", "backoffice.view_job"),
    NoticeSubject.ALARM.value: ("backoffice_alarm", "backoffice.view_alarm"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A notice as it is shown: without `href` where the person may not see any more what it is about."""

    notice: Notice
    text: str
    href: str


@require_safe
def notice_list(request: HttpRequest) -> HttpResponse:
    """`notices/`: one page of the person's own notices; `?before=<id>` is the page with older ones."""
    user: Any = request.user
    before = request.GET.get("before", "")
    asked = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    found = notices_of(user, asked, PAGE + 1)
    shown = found[:PAGE]
    context = {
        **admin.site.each_context(request),
        "title": _("Notices"),
        "notices": told_all(user, shown),
        "unread": unread(request),
        "newest": shown[0].pk if shown and asked is None else None,
        "older": shown[-1].pk if len(found) > PAGE else None,
    }
    return TemplateResponse(request, "admin/notices.html", context)


@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Everything up to the newest notice that the list has shown."""
    user: Any = request.user
    upto = request.POST.get("upto", "")
    if upto.isascii() and upto.isdigit() and len(upto) < 19:
        count = notices.read_all(user=user, upto=int(upto), now=timezone.now())
        text = ngettext("%(count)s notice is marked as read.", "%(count)s notices are marked as read.", count)
        messages.success(request, text % {"count": number(count)})
    return HttpResponseRedirect(reverse("admin:notices"))


def told_all(user: Any, shown: Sequence[Notice]) -> list[Told]:
    """Sentences and addresses, one query for each sort of page."""
    seen = {kind: _seen(user, kind, [one.subject_id for one in shown if one.subject_type == kind])
            for kind in PAGES}  # fmt: skip
    told = []
    for notice in shown:
        subject = seen[notice.subject_type].get(notice.subject_id)
        name, _permission = PAGES[notice.subject_type]
        href = reverse(f"admin:{name}_change", args=[notice.subject_id]) if subject else ""
        text = sentence(notice, subject) if subject else f"{notice.get_kind_display()} #{notice.subject_id}"
        told.append(Told(notice, text, href))
    return told


def _seen(user: Any, kind: str, ids: Sequence[int]) -> dict[int, Any]:
    """What the person may still see of these, by their numbers."""
    if not ids or not user.has_perm(PAGES[kind][1]):
        return {}
    rows: dict[str, Any] = {
        NoticeSubject.IMPORT.value: ImportBatch.objects.visible_to(user).only("file_name", "state"),
        NoticeSubject.EXPORT.value: Export.objects.visible_to(user).only("kind", "rows"),
        NoticeSubject.JOB.value: jobs_of(user).only("kind"),
        NoticeSubject.ALARM.value: Alarm.objects.visible_to(user).only("kind", "subject"),
    }
    return {row.pk: row for row in rows[kind].filter(pk__in=ids).order_by()}


def sentence(notice: Notice, subject: Any) -> str:
    """The notice in the reader's language, with the figures of its moment."""
    told = {"number": subject.pk}
    match notice.kind:
        case NoticeKind.JOB_FAILED:
            work = work_title(str(notice.facts.get("work", "")))
            return _("Given up: %(work)s (#%(number)s). Somebody has to look at it.") % {**told, "work": work}
        case NoticeKind.EXPORT_READY:
            told |= {"rows": number(subject.rows), "list": export_kinds.kind_of(subject.kind).title}
            return _("Your export #%(number)s is ready: %(list)s, %(rows)s rows.") % told
        case NoticeKind.EXPORT_UNFIT:
            told |= {"list": export_kinds.kind_of(subject.kind).title}
            return _("Your export #%(number)s has no file: Big5 lacks characters (%(list)s).") % told
        case NoticeKind.ALARM:
            told |= {"alarm": alarm_kinds.named(subject.kind).title, "about": subject.subject}
            return _("Alarm: %(alarm)s (%(about)s).") % told
    return telling.line(notice.kind, subject, notice.facts)


SITE: Any = admin.site
SITE.register_page("notices/", notice_list, "notices")
SITE.register_page("notices/read/", read_all, "notices_read")
