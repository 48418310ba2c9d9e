"""The page of one member: who he is, what may be done, boxes of every app, and his story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from members import sockets
from members.admin.desk import doors_of, page_url, staff_actor
from members.admin.masks import Shown
from members.choices import MemberStatus
from members.models import Member
from members.selectors.story import LONGEST_TEXT, Cursor, lineage_ids, story_kinds, story_page
from members.services.looks import count_page

STATUS_COLOURS = {
    MemberStatus.ACTIVE.value: "success",
    MemberStatus.FROZEN.value: "warning",
    MemberStatus.ERASED.value: "danger",
    MemberStatus.MERGED.value: "info",
}


class StoryForm(forms.Form):
    """The filters of the story, and the moment as of which balances are wanted. All may be empty."""

    kind = forms.MultipleChoiceField(label=gettext_lazy("Only"), required=False)
    text = forms.CharField(label=gettext_lazy("With the text"), max_length=LONGEST_TEXT, required=False)
    as_of = forms.DateTimeField(
        label=gettext_lazy("Balances as of"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
    )

    def __init__(self, *args: Any, kinds: Sequence[tuple[str, str]], now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice: Any = self.fields["kind"]
        choice.choices = kinds
        self.now = now

    def clean_as_of(self) -> datetime | None:
        moment: datetime | None = self.cleaned_data["as_of"]
        if moment is not None and moment > self.now:
            raise forms.ValidationError(_("Choose a moment in the past."))
        return moment


@dataclass(frozen=True, slots=True)
class Badge:
    """A word of the person's state; `kind` colours it, `meaning` says what follows from it."""

    text: Any
    kind: str
    meaning: Any = ""


def badges_of(member: Member) -> list[Badge]:
    badges = [Badge(member.get_status_display(), STATUS_COLOURS[member.status])]
    if member.status == MemberStatus.FROZEN:
        badges[0] = Badge(
            member.get_status_display(),
            "warning",
            _("This member is frozen: points and coupons are kept, none can be used."),
        )
    if member.is_living and member.phone:
        if member.phone_verified_at is None:
            badges.append(
                Badge(
                    _("Unverified"),
                    "warning",
                    _("The phone is not verified: points are collected, and cannot be spent until it is."),
                )
            )
        else:
            badges.append(Badge(_("Verified"), "success"))
    return badges


def member_page(request: HttpRequest, member: Member, person: Shown, now: datetime) -> HttpResponse:
    """The page as `person` may be shown. Opening it is counted (T19)."""
    user: Any = request.user
    count_page(actor=staff_actor(user), now=now)
    context = {
        **admin.site.each_context(request),
        "title": person.name if person.masked and person.name else member.card_no,
        "subtitle": None,
        "member": member,
        "person": person,
        "badges": badges_of(member),
        "doors": doors_of(member, user),
        "page_url": page_url(member.pk),
        "panels": [
            (panel, render_to_string(panel.template, panel.context(member, user, now), request))
            for panel in sockets.panels(user)
        ],
        **_story(request, member, now),
    }
    return TemplateResponse(request, "members/member_page.html", context)


def _story(request: HttpRequest, member: Member, now: datetime) -> dict[str, Any]:
    user: Any = request.user
    kinds = story_kinds(user)
    form = StoryForm(request.GET, kinds=kinds, now=now)
    asked = form.cleaned_data if form.is_valid() else {}
    ids = lineage_ids(member)
    chosen, text, as_of = asked.get("kind", []), asked.get("text", ""), asked.get("as_of")
    page = story_page(
        member_ids=ids,
        user=user,
        kinds=chosen,
        text=text,
        before=Cursor.parse(request.GET.get("before", "")),
    )
    filters = [*(("kind", kind) for kind in chosen), *([("text", text)] if text else [])]
    older = urlencode([*filters, ("before", str(page.older))]) if page.older else ""
    return {
        "story": page,
        "story_form": form,
        "story_kinds": [(code, label, code in chosen) for code, label in kinds],
        "story_filtered": bool(chosen or text),
        "story_older": older,
        "story_later": bool(request.GET.get("before")),
        "story_first": urlencode(filters),
        "as_of": as_of,
        "past": _past(ids, user, as_of),
    }


def _past(member_ids: Sequence[int], user: Any, as_of: datetime | None) -> list[sockets.PastFigure]:
    """The figures at the end of that second."""
    if as_of is None:
        return []
    moment = timezone.localtime(as_of).replace(microsecond=999_999)
    return [figure for past in sockets.pasts(user) for figure in past.figures(member_ids, user, moment)]
