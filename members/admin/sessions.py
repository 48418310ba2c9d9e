"""The devices that members are signed in on, and the verb that signs one out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.base import ReadOnlyAdmin
from backoffice.admin.display import display, moment
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text, VerbView, verb_paths, verb_url, visible_or_404
from backoffice.masking import mask_name
from members.models import Member, MemberSession
from members.services import sessions

PERMISSION = "members.end_session"
STATES = {"live": "success", "ended": "danger"}


class EndForm(VerbForm):
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=200)


class EndSessionView(VerbView):
    name = "members.end_session"
    title = gettext_lazy("Sign device out")
    confirm_label = gettext_lazy("Sign out")
    permission = PERMISSION
    form_class = EndForm
    dangerous = True

    def fetch(self, user: Any, pk: int) -> MemberSession:
        rows = MemberSession.objects.filter(member__in=Member.objects.visible_to(user)).select_related(
            "member"
        )
        session: MemberSession = visible_or_404(rows, user, pk)
        return session

    def summary(self, row: MemberSession) -> Sequence[tuple[Text, Any]]:
        return (
            (_("Member"), mask_name(row.member.name)),
            (_("device"), row.device_name or "-"),
            (_("last used"), moment(row.last_used_at)),
        )

    def perform(self, row: MemberSession, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        done = sessions.revoke(
            member=row.member,
            session_id=row.pk,
            why="by_staff",
            reason=asked["reason"],
            actor=act.actor,
            now=act.now,
        )
        return {"session": done.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The device is signed out.")

    def back_url(self, row: MemberSession) -> str:
        return reverse("admin:members_membersession_change", args=[row.pk])


@admin.register(MemberSession)
class MemberSessionAdmin(ReadOnlyAdmin):
    scope = "member"
    list_display = ("whose", "device", "state", "signed_in", "used")
    list_display_links = ("whose",)
    list_select_related = ("member",)
    search_fields = ("member__card_no",)
    search_help_text = gettext_lazy("Member card")
    ordering = ("-id",)
    sortable_by = ()
    fields = ("whose", "device", "state_word", "signed_in", "used", "ended_why")
    readonly_fields = fields
    change_form_outer_before_template = "members/session_verbs.html"

    def get_urls(self) -> list[Any]:
        return [*verb_paths(self, {"end": EndSessionView}), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        user: Any = request.user
        may = user.has_perm(PERMISSION) and object_id.isdigit()
        url = verb_url(MemberSession, "end", int(object_id)) if may else ""
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "end_url": url})

    @display(description=gettext_lazy("member"))
    def whose(self, session: MemberSession) -> str:
        return f"{mask_name(session.member.name)} …{session.member.card_no[-4:]}"

    @display(description=gettext_lazy("device"))
    def device(self, session: MemberSession) -> str:
        return session.device_name or "-"

    @display(description=gettext_lazy("status"), label=STATES)
    def state(self, session: MemberSession) -> tuple[str, str]:
        return ("ended", _("Ended")) if session.revoked_at else ("live", _("Live"))

    @display(description=gettext_lazy("status"))
    def state_word(self, session: MemberSession) -> str:
        # A page shows no labels, only lists do.
        return self.state(session)[1]

    @display(description=gettext_lazy("signed in"))
    def signed_in(self, session: MemberSession) -> str:
        return moment(session.created_at)

    @display(description=gettext_lazy("last used"))
    def used(self, session: MemberSession) -> str:
        return moment(session.last_used_at)

    @display(description=gettext_lazy("why"))
    def ended_why(self, session: MemberSession) -> str:
        return session.revoked_why or "-"
