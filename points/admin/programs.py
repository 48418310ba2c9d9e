"""Programs: what points are called, earn, pay and how long they last."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.actors import Actor
from backoffice.admin.base import EVERYBODY, ScopedModelAdmin, StackedInline
from backoffice.admin.display import display
from points.models import Program, ProgramTerms
from points.policy import LOW_RETURN_PERCENT
from points.rules import effective_return
from points.services.programs import save_program


class ProgramTermsInline(StackedInline):
    model = ProgramTerms
    extra = 0
    fields = ("version", "effective_from", "url", "text")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "url":
            kwargs["assume_scheme"] = "https"
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(Program)
class ProgramAdmin(ScopedModelAdmin):
    scope = EVERYBODY
    list_display = ("name", "code", "unit", "worth", "expiry_policy", "is_active", "is_default")
    list_filter = ("is_active", "expiry_policy")
    ordering = ("code",)
    inlines = (ProgramTermsInline,)
    fieldsets = (
        (
            None,
            {"fields": ("code", "name", "unit", "brand", "time_zone", "is_active", "is_default", "version")},
        ),
        (
            _("What points are worth"),
            {
                "fields": (
                    ("cash_points", "cash_amount"),
                    ("spendable", "circulates"),
                    ("spend_needs_verified_phone", "max_hold_days"),
                    "spend_step",
                    ("min_spend", "max_spend", "max_share_percent"),
                    "order_of_use",
                )
            },
        ),
        (
            _("How points are earned"),
            {
                "fields": (
                    ("earn_amount", "earn_points"),
                    "gives_back",
                    ("rounding", "carry_over"),
                    ("pending_days", "debt_policy"),
                    ("max_issue_ratio", "over_ratio"),
                    "ratio_exceeded_at",
                )
            },
        ),
        (
            _("How long points last"),
            {"fields": (("expiry_policy", "expiry_value"), ("expiry_grace_days", "notice_days"))},
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        always = ("version", "gives_back", "ratio_exceeded_at")
        return (*always, "code") if obj else always

    def save_model(self, request: HttpRequest, obj: Program, form: Any, change: bool) -> None:
        user: Any = request.user
        save_program(program=obj, actor=Actor.staff(user), now=timezone.now())
        percent = effective_return(obj)
        text = _("Members get %(percent)s %% of what they pay back in points.") % {"percent": f"{percent:f}"}
        if obj.spendable and percent < Decimal(LOW_RETURN_PERCENT):
            warning = _("That is less than %(floor)s %%: they may take it for an insult.")
            messages.warning(request, f"{text} {warning % {'floor': LOW_RETURN_PERCENT}}")
        elif obj.spendable:
            messages.info(request, text)

    @display(description=_("effective return"))
    def gives_back(self, program: Program) -> str:
        if not program.pk or not program.spendable:
            return "-"
        return f"{effective_return(program):f} %"

    @display(description=_("worth"))
    def worth(self, program: Program) -> str:
        return _("%(points)s %(unit)s = NT$%(amount)s") % {
            "points": f"{program.cash_points:,}",
            "unit": program.unit,
            "amount": f"{program.cash_amount.normalize():,f}",
        }
