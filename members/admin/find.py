"""The one search box: whatever the customer says or the scanner reads leads to the member."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from members.admin.masks import shown
from members.phones import display_phone
from members.selectors.search import Kind, SearchResult, find_members


def looked_for(result: SearchResult) -> str:
    """The text as it was understood, for people: a phone as 0912-345-678."""
    return display_phone(result.normalised) if result.kind is Kind.PHONE else result.normalised


def only_hit(result: SearchResult) -> HttpResponse | None:
    """The way to the page of the one member who was meant; None when there are none or several."""
    if len(result.members) != 1 or result.more:
        return None
    return HttpResponseRedirect(reverse("admin:members_member_change", args=[result.members[0].pk]))


def sentence(result: SearchResult) -> str:
    """What to tell the person when nobody was found."""
    text = looked_for(result)
    match result.kind:
        case Kind.NOTHING:
            return ""
        case Kind.TOO_SHORT:
            return _("Type at least three digits, or a name.")
        case Kind.REPLACED_CARD:
            return _("Card %(text)s was replaced and no longer works.") % {"text": text}
        case Kind.PHONE:
            return _("No member has the phone %(text)s.") % {"text": text}
        case Kind.CARD:
            return _("No member has the card %(text)s.") % {"text": text}
        case _:
            return _("Nobody found for “%(text)s”.") % {"text": text}


def add_url(result: SearchResult, user: Any) -> str:
    """Where to enrol the owner of a phone that nobody has; empty for anything else that was typed."""
    if result.kind is not Kind.PHONE or result.members or not user.has_perm("members.enrol_member"):
        return ""
    return f"{reverse('admin:enrol')}?{urlencode({'phone': looked_for(result)})}"


@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """`find/?q=`: opens the member when there is exactly one, else lists the hits or what is missing."""
    user: Any = request.user
    if not user.has_perm("members.view_member"):
        raise PermissionDenied
    text = request.GET.get("q", "")
    result = find_members(text=text, user=user)
    if to_member := only_hit(result):
        return to_member
    context = {
        **admin.site.each_context(request),
        "title": _("Find a member"),
        "query": text,
        "result": result,
        "hits": [(member, shown(member)) for member in result.members],
        "sentence": sentence(result),
        "add_url": add_url(result, user),
    }
    return TemplateResponse(request, "members/find.html", context)


admin.site.register_page("find/", find, "find")  # type: ignore[attr-defined]
