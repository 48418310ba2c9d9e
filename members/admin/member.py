"""Members: the list, and the page of one member that every desk verb starts from."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from backoffice.admin.base import ScopedModelAdmin
from backoffice.admin.display import display, number
from backoffice.admin.exports.button import export_url
from backoffice.admin.verbs import VerbView, verb_paths
from backoffice.masking import mask_name
from members import sockets
from members.admin.answers import CheckAnswerView
from members.admin.card import ReplaceCardView, card_view
from members.admin.desk import RELATED
from members.admin.listed_tags import FILTERS, way_to_listed
from members.admin.masks import shown
from members.admin.merging import ClaimCardView, MergeView
from members.admin.notes import AddNoteView, ConsentView, StrikeNoteView
from members.admin.page import STATUS_COLOURS, member_page
from members.admin.profile import ProfileView
from members.admin.reveal import RevealView
from members.admin.standing import ChangePhoneView, FreezeView, UnfreezeView
from members.models import Member
from members.phones import mask_phone
from members.selectors.search import find_members

VERBS: dict[str, type[VerbView]] = {
    "profile": ProfileView,
    "reveal": type("RevealOnPage", (RevealView,), {"show": staticmethod(member_page)}),
    "replace-card": ReplaceCardView,
    "answer": CheckAnswerView,
    "claim-card": ClaimCardView,
    "merge": MergeView,
    "phone": ChangePhoneView,
    "freeze": FreezeView,
    "unfreeze": UnfreezeView,
    "note": AddNoteView,
    "consent": ConsentView,
}
# The fact that the list shows beside the names, where an app has plugged it in.
BALANCE = "points_balance"


@admin.register(Member)
class MemberAdmin(ScopedModelAdmin):
    """Nobody adds, deletes or overwrites a member by a form: enrolling and changing are verbs."""

    list_display = ("masked_name",)
    list_filter = FILTERS
    search_fields = ("card_no",)
    search_help_text = _("Phone, last digits, card or name")
    ordering = ("-id",)
    # No order by what is masked: an order tells as much as the value (T19).
    sortable_by = ()
    actions = None
    change_form_template = "members/member_page.html"
    list_before_template = "members/list_buttons.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        codename = get_permission_codename("view", self.opts)
        return request.user.has_perm(f"members.{codename}")

    # --- The list ---------------------------------------------------------------------------------------
    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        balance = ("balance",) if self._balance_fact(request) else ()
        return (
            "masked_name",
            "masked_phone",
            "shown_card",
            *balance,
            "coloured_status",
            "joined_store",
            "joined_at",
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related(*RELATED)
        fact = self._balance_fact(request)
        return rows.annotate(**{BALANCE: fact.expression(timezone.now())}) if fact else rows

    @staticmethod
    def _balance_fact(request: HttpRequest) -> sockets.Fact | None:
        user: Any = request.user
        return next((fact for fact in sockets.facts(user) if fact.key == BALANCE), None)

    @display(description=_("full name"))
    def masked_name(self, member: Member) -> str:
        return mask_name(member.name) or "-"

    @display(description=_("mobile phone"))
    def masked_phone(self, member: Member) -> str:
        return format_html('<span class="sk-phone">{}</span>', mask_phone(member.phone) or "-")

    @display(description=_("card number"))
    def shown_card(self, member: Member) -> str:
        return format_html('<span class="sk-phone sk-second">{}</span>', member.card_no)

    @display(description=_("balance"))
    def balance(self, member: Member) -> str:
        return format_html('<span class="sk-amount">{}</span>', number(getattr(member, BALANCE) or 0))

    @display(description=_("status"), label=STATUS_COLOURS)
    def coloured_status(self, member: Member) -> tuple[str, str]:
        return member.status, member.get_status_display()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        user: Any = request.user
        found = find_members(text=search_term, user=user).members
        return queryset.filter(pk__in=[member.pk for member in found]), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """A search goes to `find/`, which opens the one member who was meant."""
        text = request.GET.get("q", "")
        if text and request.method in ("GET", "HEAD") and set(request.GET) == {"q"}:
            return HttpResponseRedirect(reverse("admin:find") + "?" + urlencode({"q": text}))
        more = {"tag_listed_url": way_to_listed(request), "export_url": export_url(request, "members")}
        return super().changelist_view(request, {**(extra_context or {}), **more})

    def get_urls(self) -> list[Any]:
        strike = path(
            "note/<int:pk>/strike/",
            self.admin_site.admin_view(StrikeNoteView.as_view()),
            name="members_membernote_strike",
        )
        card = path("<int:pk>/card/", self.admin_site.admin_view(card_view), name="members_member_card")
        return [*verb_paths(self, VERBS), card, strike, *super().get_urls()]

    # --- The page of one member -------------------------------------------------------------------------
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        member = self.get_object(request, object_id)
        if not self.has_view_permission(request, member):
            raise PermissionDenied
        if member is None:
            raise Http404(_("There is no such record, or it is outside your stores."))
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        return member_page(request, member, shown(member), timezone.now())

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Changes stand in the story; Django's own history would name the person to everybody."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:members_member_change", args=[object_id]) + "#story")
