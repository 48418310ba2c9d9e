"""Reports: pages with a period, tables, charts and a file to take home. Each report is a small class.

A floor writes a subclass of Report, decorates it with `register`, and is done: the page has its address, its
entry in the navigation, its permission, and its download with an audit event.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

import structlog
from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from backoffice.actors import Actor
from backoffice.admin.forms import dress
from backoffice.admin.tables import Section
from backoffice.roles import TAKE_HOME
from backoffice.services.report_downloads import record_download
from backoffice.tabular.writing import CsvWriter

if TYPE_CHECKING:
    from backoffice.models import User

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Period:
    """Local days [first, after): `after` is the first day that no longer counts."""

    first: date
    after: date

    @property
    def start(self) -> datetime:
        return _midnight(self.first)

    @property
    def end(self) -> datetime:
        return _midnight(self.after)

    @property
    def last(self) -> date:
        return self.after - timedelta(days=1)

    @property
    def days(self) -> int:
        return (self.after - self.first).days


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is asked: by whom, for which period, when, and its own choices by field name."""

    user: User
    period: Period
    now: datetime
    choices: Mapping[str, Any] = field(default_factory=dict)


class PeriodForm(forms.Form):
    """Both days count. `longest` is the largest number of days that the report answers."""

    first = forms.DateField(label=gettext_lazy("From"), widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    last = forms.DateField(label=gettext_lazy("To"), widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))

    def __init__(self, *args: Any, longest: int, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.longest, self.user = longest, user
        self.narrow()
        for name, control in self.fields.items():
            native = control.widget if isinstance(control, forms.DateField) else None
            dress(control)
            if native is not None:
                # The browser's own calendar; the theme's needs scripts that these pages do not load.
                native.attrs["class"] = "sk-input"
                control.widget = native
            control.widget.attrs.setdefault("id", f"id_{name}")

    def narrow(self) -> None:
        """Cut the choices of further fields to what the user may see."""

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        first, last = values.get("first"), values.get("last")
        if first and last and last < first:
            self.add_error("last", _("The last day lies before the first one."))
        elif first and last and (last - first).days >= self.longest:
            self.add_error("last", _("At most %(days)s days at once, please.") % {"days": self.longest})
        return values

    def period(self) -> Period:
        return Period(self.cleaned_data["first"], self.cleaned_data["last"] + timedelta(days=1))


class Report(View):
    """One report. Subclasses set the class attributes and implement `sections`; it reads, it never writes.

    `usual_days` is the period that the page opens with, ending today; `longest_days` the most it answers.
    """

    http_method_names = ("get", "head", "post")
    slug: ClassVar[str] = ""
    title: ClassVar[Text] = ""
    about: ClassVar[Text] = ""
    icon: ClassVar[str] = "summarize"
    permission: ClassVar[str] = ""
    form_class: ClassVar[type[PeriodForm]] = PeriodForm
    usual_days: ClassVar[int] = 30
    longest_days: ClassVar[int] = 366

    def sections(self, asked: Asked) -> Sequence[Section]:
        raise NotImplementedError

    @classmethod
    def address(cls) -> str:
        return reverse(f"admin:report_{cls.slug.replace('-', '_')}")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        user: Any = request.user
        if not user.has_perm(self.permission):
            raise PermissionDenied
        self.user: User = user
        self.now = timezone.now()
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        initial = self.initial()
        given = {name: request.GET.get(name, value) for name, value in initial.items()}
        form = self.form_class(given, longest=self.longest_days, user=self.user)
        asked = self.asked(form)
        context = {
            **admin.site.each_context(request),
            "title": self.title,
            "about": self.about,
            "form": form,
            "asked": asked,
            "sections": self.sections(asked) if asked else (),
            "may_download": self.user.has_perm(TAKE_HOME),
            "shortcuts": self.shortcuts(),
        }
        return TemplateResponse(request, "admin/report.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """The table number `section` as a file: the same rows as on the page, and an audit event."""
        if not self.user.has_perm(TAKE_HOME):
            raise PermissionDenied
        form = self.form_class(request.POST, longest=self.longest_days, user=self.user)
        asked = self.asked(form)
        which = request.POST.get("section", "")
        sections = self.sections(asked) if asked else ()
        if not which.isascii() or not which.isdigit() or int(which) >= len(sections):
            return HttpResponseBadRequest(_("There is no such table."), content_type="text/plain")
        return self.download(sections[int(which)], int(which), asked)

    def asked(self, form: PeriodForm) -> Asked | None:
        if not form.is_valid():
            return None
        own = {name: value for name, value in form.cleaned_data.items() if name not in ("first", "last")}
        return Asked(self.user, form.period(), self.now, own)

    def initial(self) -> dict[str, Any]:
        today = timezone.localdate(self.now)
        period = {"first": today - timedelta(days=self.usual_days - 1), "last": today}
        blank = self.form_class(longest=self.longest_days, user=self.user)
        rest = {n: f.initial for n, f in blank.fields.items() if n not in period}
        return {name: _plain(value) for name, value in {**period, **rest}.items()}

    def shortcuts(self) -> list[tuple[Text, str]]:
        """(label, query) of the usual periods, as links that keep nothing else."""
        today = timezone.localdate(self.now)
        month = today.replace(day=1)
        before = (month - timedelta(days=1)).replace(day=1)
        spans = [
            (_("Today"), today, today),
            (_("This month"), month, today),
            (_("Last month"), before, month - timedelta(days=1)),
            (_("90 days"), today - timedelta(days=89), today),
            (_("12 months"), _year_back(month), today),
        ]
        return [
            (label, "?" + urlencode({"first": first, "last": last}))
            for label, first, last in spans
            if (last - first).days < self.longest_days
        ]

    def download(self, section: Section, number: int, asked: Asked | None) -> HttpResponse:
        assert asked is not None
        file = io.BytesIO()
        writer = CsvWriter(file)
        lines = list(section.texts())
        for line in lines:
            writer.write(line)
        writer.close()
        request_id = str(structlog.contextvars.get_contextvars().get("request_id", ""))
        record_download(
            report=self.slug,
            section=number,
            first=asked.period.first,
            last=asked.period.last,
            choices={name: str(getattr(value, "pk", value)) for name, value in asked.choices.items()},
            rows=len(section.rows),
            actor=Actor.staff(self.user, request_id),
            now=self.now,
        )
        name = f"{self.slug}-{number + 1}_{asked.period.first:%Y%m%d}-{asked.period.last:%Y%m%d}.csv"
        answer = HttpResponse(file.getvalue(), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        answer["Cache-Control"] = "no-store"
        return answer


_reports: dict[str, type[Report]] = {}


def register(report: type[Report]) -> type[Report]:
    """Mount a report at `reports/<slug>/`, as `admin:report_<slug>`, and list it in the navigation."""
    _reports[report.slug] = report
    name = f"report_{report.slug.replace('-', '_')}"
    admin.site.register_page(f"reports/{report.slug}/", report.as_view(), name)  # type: ignore[attr-defined]
    return report


def reports_for(user: Any) -> list[type[Report]]:
    """The reports that a user may open, in the order of their registration."""
    return [report for report in _reports.values() if user.has_perm(report.permission)]


def all_reports() -> list[type[Report]]:
    return list(_reports.values())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_default_timezone())


def _year_back(month: date) -> date:
    """The first day of the month eleven months before: with this month they are twelve."""
    return date(month.year - 1, month.month + 1, 1) if month.month < 12 else date(month.year, 1, 1)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else "" if value is None else value
